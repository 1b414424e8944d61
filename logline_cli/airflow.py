"""Airflow's REST API and that of the page Logline, over plain HTTP, without Airflow's packages."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import quote

import requests

from logline_cli.addresses import is_loopback
from logline_cli.connection import Connection
from logline_cli.errors import ClientError
from logline_cli.rest import RestClient, reason_of

ENDED = frozenset({"success", "failed"})
_PAGE = 100


class AirflowError(ClientError):
    """Airflow refused a request or a run took too long; the text is one line.

    Attributes:
        status: The HTTP status of the answer; None where there was none.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status

    @property
    def may_pass(self) -> bool:
        """Whether the same request may be answered in a moment: Airflow is restarted, or has too much to do."""
        return self.status is None or self.status == HTTPStatus.TOO_MANY_REQUESTS or self.status >= 500


@dataclass(frozen=True)
class DagRun:
    """A run of a DAG.

    Attributes:
        dag_id: Its DAG.
        run_id: Its id.
        state: Queued, running, success or failed.
        conf: Its params.
        note: What the run says of itself when it has ended.
        started: When it began, RFC 3339, None while it is queued.
        ended: When it ended.
    """

    dag_id: str
    run_id: str
    state: str
    conf: Mapping[str, Any]
    note: str | None
    started: str | None
    ended: str | None


@dataclass(frozen=True)
class TaskInstance:
    """A task of a run.

    Attributes:
        task_id: Its id, with that of its group.
        map_index: Which of a mapped task's instances it is; -1 for a task that is not mapped.
        state: Success, failed, running ...; None before it is scheduled.
        try_number: Which try it is, from 1.
        seconds: How long it ran.
        label: What the UI shows: the task id, with the map index or its rendered name.
    """

    task_id: str
    map_index: int
    state: str | None
    try_number: int
    seconds: float | None
    label: str


class AirflowApi(RestClient):
    """A client of one Airflow; use it as a context manager.

    Args:
        url: its base URL.
        user: whom to log in.
        password: of the user.
        token: a bearer token, instead of logging in.
    """

    def __init__(self, url: str, *, user: str = "", password: str = "", token: str = "") -> None:
        super().__init__(url)
        self._login = {"username": user, "password": password}
        self._has_token = bool(token)
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

    @classmethod
    def at(cls, connection: Connection) -> Self:
        """Return a client for the Airflow of an installation."""
        return cls(connection.airflow_url, user=connection.user, password=connection.password, token=connection.token)

    def request(self, method: str, path: str, **options: Any) -> Any:
        """Send a request to ``/api/v2``.

        Args:
            method: GET, POST, PATCH or DELETE.
            path: Path after ``/api/v2``.
            **options: ``json=`` or ``params=`` as of requests.

        Returns:
            The answer's JSON, None where it has none.

        Raises:
            AirflowError: Airflow refuses; the text holds its reason.
        """
        response = self._authorised(method, f"/api/v2{path}", **options)
        if not response.ok:
            refusal = f"Airflow refused {method} {path} ({response.status_code}): {reason_of(response, 'detail')}"
            raise AirflowError(refusal, response.status_code)
        return self._json(response) if response.content else None

    def trigger(self, dag_id: str, conf: Mapping[str, Any] | None = None, *, run_id: str | None = None) -> DagRun:
        """Start a run.

        Raises:
            AirflowError: No such DAG, or the params are not as the DAG wants them.
        """
        run_id = run_id or f"api__{datetime.now(UTC).isoformat()}_{secrets.token_hex(4)}"
        body = {"conf": dict(conf or {}), "logical_date": None, "dag_run_id": run_id}
        return _dag_run(self.request("POST", f"/dags/{dag_id}/dagRuns", json=body))

    def run(self, dag_id: str, run_id: str) -> DagRun:
        """Return a run as it is now."""
        return _dag_run(self.request("GET", run_path(dag_id, run_id)))

    def runs(self, dag_id: str) -> list[DagRun]:
        """Return all runs of a DAG, the newest first."""
        return [_dag_run(run) for run in self._all(f"/dags/{dag_id}/dagRuns", "dag_runs", order_by="-run_after")]

    def latest_run(self, dag_id: str) -> DagRun | None:
        """Return the newest run of a DAG, None where there is none."""
        newest = {"order_by": "-run_after", "limit": 1}
        found = self.request("GET", f"/dags/{dag_id}/dagRuns", params=newest)["dag_runs"]
        return _dag_run(found[0]) if found else None

    def tasks(self, dag_id: str, run_id: str) -> list[TaskInstance]:
        """Return the task instances of a run."""
        return [
            TaskInstance(
                task_id=task["task_id"],
                map_index=task["map_index"],
                state=task["state"],
                try_number=task["try_number"],
                seconds=task["duration"],
                label=_label(task),
            )
            for task in self._all(f"{run_path(dag_id, run_id)}/taskInstances", "task_instances")
        ]

    def log(self, run: DagRun, task: TaskInstance) -> str:
        """Return the log of a task's latest try, one event per line."""
        answer = self.request(
            "GET",
            f"{run_path(run.dag_id, run.run_id)}/taskInstances/{quote(task.task_id)}/logs/{task.try_number}",
            params={"map_index": task.map_index, "full_content": "true"},
        )
        return "\n".join(line for entry in answer["content"] for line in _log_lines(entry))

    def why_failed(self, run: DagRun) -> str:
        """Return, of each failed task of a run, its label and the line of its log that says why."""
        failed = [task for task in self.tasks(run.dag_id, run.run_id) if task.state == "failed"]
        return "; ".join(f"{task.label}: {error_line(self.log(run, task))}" for task in failed)

    def dag(self, dag_id: str) -> Mapping[str, Any]:
        """Return what Airflow knows of a DAG: `is_paused`, `params` with their values, and more.

        Raises:
            AirflowError: It knows no such DAG.
        """
        details: Mapping[str, Any] = self.request("GET", f"/dags/{dag_id}/details")
        return details

    def page(self, panel: str, **parameters: object) -> Any:
        """Return the data of a panel of the page Logline, None where there is none.

        Raises:
            AirflowError: The page refuses, or has no answer now.
        """
        response = self._authorised("GET", f"/logline/api/{panel}", params=parameters)
        if not response.ok:
            refusal = f"the page Logline has no answer ({response.status_code}): {reason_of(response, 'notice')}"
            raise AirflowError(refusal, response.status_code)
        return self._json(response)["data"]

    def health(self) -> Mapping[str, str | None]:
        """Return the status of each of Airflow's parts."""
        parts = self.request("GET", "/monitor/health")
        return {name: part["status"] for name, part in parts.items()}

    def run_url(self, run: DagRun) -> str:
        """Return where the UI shows a run."""
        return f"{self._url}/dags/{run.dag_id}/runs/{quote(run.run_id, safe='')}"

    def _all(self, path: str, items: str, **params: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            page = self.request("GET", path, params={"limit": _PAGE, "offset": len(found), **params})
            found += page[items]
            if not page[items] or len(found) >= page["total_entries"]:
                return found

    def _authorised(self, method: str, path: str, **options: Any) -> requests.Response:
        if "Authorization" not in self._session.headers:
            self._log_in()
        response = self._answer(method, path, **options)
        if response.status_code == HTTPStatus.UNAUTHORIZED and not self._has_token:
            self._log_in()  # the token has run out
            response = self._answer(method, path, **options)
        if response.status_code == HTTPStatus.UNAUTHORIZED:
            raise AirflowError(f"Airflow at {self._url} does not take the token: get a new one", response.status_code)
        return response

    def _log_in(self) -> None:
        self._session.headers.pop("Authorization", None)
        response = self._answer("POST", "/auth/token", json=self._login)
        if not response.ok:
            raise AirflowError(
                f"Airflow refused the login of {self._login['username']}: {reason_of(response, 'detail')}",
                response.status_code,
            )
        self._session.headers["Authorization"] = f"Bearer {self._json(response)['access_token']}"

    def _json(self, response: requests.Response) -> Any:
        try:
            return response.json()
        except requests.JSONDecodeError:
            kind = response.headers.get("Content-Type", "something").partition(";")[0]
            raise AirflowError(
                f"what answers at {self._url} is not Airflow's API, it sends {kind} (a sign-in page?): check the "
                "address and the login",
                response.status_code,
            ) from None

    def _answer(self, method: str, path: str, **options: Any) -> requests.Response:
        try:
            return self._send(method, path, **options)
        except requests.RequestException as error:
            todo = "run make up" if is_loopback(self._url) else "check the address and the network"
            raise AirflowError(f"Airflow does not answer at {self._url} ({type(error).__name__}): {todo}") from error


def error_line(log: str) -> str:
    """Return the line of a task's log that says why it failed: the last error; the alert behind it repeats it."""
    errors = [line for line in log.splitlines() if line.startswith("error: ") and not line.startswith("error: ALERT ")]
    return errors[-1].removeprefix("error: ") if errors else (log.strip().splitlines() or ["(empty log)"])[-1]


def run_path(dag_id: str, run_id: str) -> str:
    """Return the path of a run below `/api/v2`."""
    return f"/dags/{dag_id}/dagRuns/{quote(run_id)}"


def _dag_run(run: Mapping[str, Any]) -> DagRun:
    return DagRun(
        dag_id=run["dag_id"],
        run_id=run["dag_run_id"],
        state=run["state"],
        conf=run["conf"] or {},
        note=run.get("note"),
        started=run["start_date"],
        ended=run["end_date"],
    )


def _label(task: Mapping[str, Any]) -> str:
    if task["map_index"] < 0:
        return str(task["task_id"])
    return f"{task['task_id']}[{task.get('rendered_map_index') or task['map_index']}]"


def _log_lines(entry: Any) -> list[str]:
    if not isinstance(entry, dict):
        return [str(entry)]
    failures = [
        f"error: {failure.get('exc_value') or failure.get('exc_type')}" for failure in entry.get("error_detail") or []
    ]
    return [f"{entry.get('level', 'info')}: {entry.get('event', '')}", *failures]
