"""Airflow's REST API, as far as the demo, the tests and the benchmarks need it: plain HTTP, no Airflow import."""

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self
from urllib.parse import quote

import requests

from local_stack.airflow.airflow_config import USER, airflow_secrets
from local_stack.clients.rest import RestClient, reason_of
from local_stack.config import StackConfig, StackError
from local_stack.waiting import wait_for

ENDED = frozenset({"success", "failed"})
_PAGE = 100


class AirflowError(StackError):
    """Airflow refused a request or a run took too long; the text is one line.

    Attributes:
        status: The HTTP status of a refusal.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class DagRun:
    """A run of a DAG.

    Attributes:
        dag_id: Its DAG.
        run_id: Its id.
        state: Queued, running, success or failed.
        partition_key: The asset partition it is for, if any.
        conf: Its params.
        started: When it began, RFC 3339, None while it is queued.
        ended: When it ended.
    """

    dag_id: str
    run_id: str
    state: str
    partition_key: str | None
    conf: Mapping[str, Any]
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
    """A client of one Airflow; use it as a context manager."""

    def __init__(self, url: str, *, user: str, password: str) -> None:
        super().__init__(url)
        self._login = {"username": user, "password": password}

    @classmethod
    def of(cls, config: StackConfig) -> Self:
        """Return a client for the Airflow of a stack."""
        return cls(config.airflow_url, user=USER, password=airflow_secrets(config).password)

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
        for attempt in (1, 2):
            if "Authorization" not in self._session.headers:
                self._log_in()
            response = self._answer(method, f"/api/v2{path}", **options)
            if response.status_code == 401 and attempt == 1:  # the token has run out
                del self._session.headers["Authorization"]
                continue
            break
        if not response.ok:
            refusal = f"Airflow refused {method} {path} ({response.status_code}): {reason_of(response, 'detail')}"
            raise AirflowError(refusal, response.status_code)
        return response.json() if response.content else None

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
        return _dag_run(self.request("GET", _run_path(dag_id, run_id)))

    def runs(self, dag_id: str) -> list[DagRun]:
        """Return all runs of a DAG, the newest first."""
        return [_dag_run(run) for run in self._all(f"/dags/{dag_id}/dagRuns", "dag_runs", order_by="-run_after")]

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
            for task in self._all(f"{_run_path(dag_id, run_id)}/taskInstances", "task_instances")
        ]

    def log(self, run: DagRun, task: TaskInstance) -> str:
        """Return the log of a task's latest try, one event per line."""
        answer = self.request(
            "GET",
            f"{_run_path(run.dag_id, run.run_id)}/taskInstances/{quote(task.task_id)}/logs/{task.try_number}",
            params={"map_index": task.map_index, "full_content": "true"},
        )
        return "\n".join(line for entry in answer["content"] for line in _log_lines(entry))

    def why_failed(self, run: DagRun) -> str:
        """Return, of each failed task of a run, its label and the line of its log that says why."""
        failed = [task for task in self.tasks(run.dag_id, run.run_id) if task.state == "failed"]
        return "; ".join(f"{task.label}: {error_line(self.log(run, task))}" for task in failed)

    def xcom(self, run: DagRun, task_id: str, *, key: str = "return_value", map_index: int = -1) -> Any:
        """Return what a task handed on."""
        path = f"{_run_path(run.dag_id, run.run_id)}/taskInstances/{quote(task_id)}/xcomEntries/{quote(key)}"
        return self.request("GET", path, params={"map_index": map_index, "deserialize": "true"})["value"]

    def clear(self, run: DagRun, tasks: Iterable[str | tuple[str, int]]) -> None:
        """Let tasks of a run run again, with all that follow them.

        Args:
            run: The run.
            tasks: Task ids, or task ids with the map index of the one instance that is meant.
        """
        body = {
            "dry_run": False,
            "dag_run_id": run.run_id,
            "task_ids": list(tasks),
            "include_downstream": True,
            "only_failed": False,
            "reset_dag_runs": True,
        }
        self.request("POST", f"/dags/{run.dag_id}/clearTaskInstances", json=body)

    def wait_for_run(self, run: DagRun, *, seconds: float, watch: Callable[[DagRun], None] = lambda _: None) -> DagRun:
        """Wait until a run has ended.

        Args:
            run: The run.
            seconds: How long at most.
            watch: Called with the run at every check.

        Returns:
            The run as it ended.

        Raises:
            AirflowError: It did not end in time; the text names the tasks it was at.
        """

        def ended() -> DagRun | None:
            now = self.run(run.dag_id, run.run_id)
            watch(now)
            return now if now.state in ENDED else None

        try:
            return wait_for(ended, seconds=seconds, what=f"run {run.run_id} of {run.dag_id}")
        except StackError as error:
            at = [
                f"{task.label} {task.state}" for task in self.tasks(run.dag_id, run.run_id) if task.state != "success"
            ]
            raise AirflowError(f"{error}; it is at: {', '.join(at) or 'no task yet'}") from None

    def wait_for_dags(self, dag_ids: Iterable[str], *, seconds: float) -> None:
        """Wait until Airflow knows these DAGs.

        Raises:
            AirflowError: It does not within `seconds`, or a DAG file cannot be imported; the text says why.
        """
        wanted = set(dag_ids)

        def known() -> bool:
            missing = wanted - {dag["dag_id"] for dag in self._all("/dags", "dags")}
            broken = self._all("/importErrors", "import_errors") if missing else []
            for error in broken:
                lines = error["stack_trace"].strip().splitlines()
                raise AirflowError(f"{error['filename']} cannot be imported: {lines[-1].strip() if lines else '?'}")
            return not missing

        wait_for(known, seconds=seconds, what=f"the DAGs {', '.join(sorted(wanted))}")

    def _all(self, path: str, items: str, **params: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            page = self.request("GET", path, params={"limit": _PAGE, "offset": len(found), **params})
            found += page[items]
            if not page[items] or len(found) >= page["total_entries"]:
                return found

    def _log_in(self) -> None:
        response = self._answer("POST", "/auth/token", json=self._login)
        if not response.ok:
            raise AirflowError(
                f"Airflow refused the login of {self._login['username']}: {reason_of(response, 'detail')}"
            )
        self._session.headers["Authorization"] = f"Bearer {response.json()['access_token']}"

    def _answer(self, method: str, path: str, **options: Any) -> requests.Response:
        try:
            return self._send(method, path, **options)
        except requests.RequestException as error:
            raise AirflowError(
                f"Airflow does not answer at {self._url} ({type(error).__name__}): run make up"
            ) from error


def error_line(log: str) -> str:
    """Return the line of a task's log that says why it failed: the last exception, else the last error."""
    errors = [line for line in log.splitlines() if line.startswith("error: ")]
    return errors[-1].removeprefix("error: ") if errors else (log.strip().splitlines() or ["(empty log)"])[-1]


def _run_path(dag_id: str, run_id: str) -> str:
    return f"/dags/{dag_id}/dagRuns/{quote(run_id)}"


def _dag_run(run: Mapping[str, Any]) -> DagRun:
    return DagRun(
        dag_id=run["dag_id"],
        run_id=run["dag_run_id"],
        state=run["state"],
        partition_key=run.get("partition_key"),
        conf=run["conf"] or {},
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
