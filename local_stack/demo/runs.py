"""Start runs of DAGs and follow them: a line for each task, and the reason of a failure."""

import time
from collections.abc import Collection, Mapping
from typing import Any

from local_stack.clients.airflow import AirflowApi, DagRun, TaskInstance, error_line
from local_stack.config import StackError
from local_stack.demo.screen import Screen
from local_stack.waiting import wait_for

_WORDS = {
    "success": "done",
    "failed": "FAILED",
    "up_for_retry": "failed, tries again",
    "upstream_failed": "not run",
}
_PAUSE = 1.0


class Follower:
    """Prints a line for every task of a run that ends, and on a terminal what is at work."""

    def __init__(self, api: AirflowApi, screen: Screen) -> None:
        self._api = api
        self._screen = screen
        self._seen: set[tuple[str, str, int]] = set()
        self._next_check = 0.0

    def __call__(self, run: DagRun) -> None:
        """Print what has changed in a run."""
        if time.monotonic() < self._next_check and run.state not in ("success", "failed"):
            return
        tasks = self._api.tasks(run.dag_id, run.run_id)
        for task in tasks:
            key = (task.label, task.state or "", task.try_number)
            if task.state in _WORDS and task.state != "upstream_failed" and key not in self._seen:
                self._seen.add(key)
                self._print(run, task)
        working = [task.label for task in tasks if task.state in ("running", "deferred", "queued", "scheduled")]
        self._screen.working(f"{run.dag_id}: {', '.join(working[:4]) or run.state}")
        self._next_check = time.monotonic() + _PAUSE

    def _print(self, run: DagRun, task: TaskInstance) -> None:
        seconds = f" ({task.seconds:.1f} s)" if task.seconds else ""
        reason = f": {failure(self._api, run, task)}" if task.state in ("failed", "up_for_retry") else ""
        self._screen.line(f"{_name(run)} · {task.label} {_WORDS[task.state or '']}{seconds}{reason}")


def run_to_success(
    api: AirflowApi, screen: Screen, dag_id: str, conf: Mapping[str, Any], *, run_id: str, seconds: float
) -> DagRun:
    """Start a run and follow it to its end.

    Raises:
        StackError: It failed; the line is that of the task that failed.
    """
    run = api.trigger(dag_id, conf, run_id=run_id)
    return _succeeded(api, api.wait_for_run(run, seconds=seconds, watch=Follower(api, screen)))


def run_all_to_success(
    api: AirflowApi, screen: Screen, dag_id: str, confs: Mapping[str, Mapping[str, Any]], *, seconds: float
) -> None:
    """Start runs with these ids and params at once, and follow them to their ends.

    Raises:
        StackError: One failed; the line is that of the task that failed.
    """
    runs = [api.trigger(dag_id, conf, run_id=run_id) for run_id, conf in confs.items()]
    for run in runs:
        _succeeded(api, api.wait_for_run(run, seconds=seconds, watch=Follower(api, screen)))


def follow_started(
    api: AirflowApi, screen: Screen, dag_id: str, *, known: Collection[str], seconds: float
) -> list[DagRun]:
    """Wait for the runs that events of assets have started.

    Args:
        api: Airflow.
        screen: Takes the progress.
        dag_id: The DAG.
        known: Ids of runs that were there before.
        seconds: How long at most.

    Raises:
        StackError: A run failed or did not come in time.
    """
    followers: dict[str, Follower] = {}
    ended: dict[str, DagRun] = {}

    def all_ended() -> bool:
        for run in api.runs(dag_id):
            if run.run_id in known or run.run_id in ended:
                continue
            followers.setdefault(run.run_id, Follower(api, screen))(run)
            if run.state in ("success", "failed"):
                ended[run.run_id] = _succeeded(api, run)
        if not followers:
            screen.working(f"waiting for {dag_id}")
        return bool(ended) and api.has_settled(dag_id)

    wait_for(all_ended, seconds=seconds, what=dag_id, pause=_PAUSE)
    return list(ended.values())


def failure(api: AirflowApi, run: DagRun, task: TaskInstance) -> str:
    """Return the line of a task's log that says why it failed."""
    return error_line(api.log(run, task))


def _succeeded(api: AirflowApi, run: DagRun) -> DagRun:
    if run.state == "success":
        return run
    for task in api.tasks(run.dag_id, run.run_id):
        if task.state == "failed":
            raise StackError(f"{_name(run)} failed at {task.label}: {failure(api, run, task)}")
    raise StackError(f"{_name(run)} failed before any task ran: see it in the Airflow UI")


def _name(run: DagRun) -> str:
    day = run.conf.get("day")
    return f"{run.dag_id} {day}" if day else run.dag_id
