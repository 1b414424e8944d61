"""The Airflow of a stack: its REST API, and what the demo, the tests and the benchmarks wait for and change."""

from collections.abc import Callable, Iterable
from datetime import datetime
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import quote

from local_stack.airflow.airflow_config import USER, airflow_secrets
from local_stack.config import StackConfig, StackError
from local_stack.waiting import wait_for
from logline_cli import airflow
from logline_cli.airflow import ENDED, AirflowError, DagRun, TaskInstance, error_line, run_path

__all__ = ["ENDED", "AirflowApi", "AirflowError", "DagRun", "TaskInstance", "error_line"]


class AirflowApi(airflow.AirflowApi):
    """A client of the Airflow of a stack; use it as a context manager."""

    @classmethod
    def of(cls, config: StackConfig) -> Self:
        """Return a client for the Airflow of a stack."""
        return cls(config.airflow_url, user=USER, password=airflow_secrets(config).password)

    def xcom(self, run: DagRun, task_id: str, *, key: str = "return_value", map_index: int = -1) -> Any:
        """Return what a task handed on."""
        path = f"{run_path(run.dag_id, run.run_id)}/taskInstances/{quote(task_id)}/xcomEntries/{quote(key)}"
        return self.request("GET", path, params={"map_index": map_index, "deserialize": "true"})["value"]

    def has_settled(self, dag_id: str) -> bool:
        """Tell whether all runs of a DAG have ended, and one has started after the newest event of its assets.

        An event that comes while a run waits to be created starts none of its own.
        """
        assets = self.request("GET", "/assets", params={"dag_ids": [dag_id]})["assets"]
        try:
            newest = max((event for asset in assets for event in self._newest_event(asset["id"])), default=None)
        except AirflowError as error:
            # Airflow 3.3.2 cannot show an event while a run that it has started is queued: start_date is null then.
            if error.status != HTTPStatus.INTERNAL_SERVER_ERROR:
                raise
            return False
        # First the event: whatever run it has started is then among the runs.
        runs = self.runs(dag_id)
        started = [datetime.fromisoformat(run.started) for run in runs if run.started]
        return all(run.state in ENDED for run in runs) and (newest is None or any(start >= newest for start in started))

    def _newest_event(self, asset: int) -> list[datetime]:
        params = {"asset_id": asset, "limit": 1, "order_by": "-timestamp"}
        events = self.request("GET", "/assets/events", params=params)["asset_events"]
        return [datetime.fromisoformat(event["timestamp"]) for event in events]

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
