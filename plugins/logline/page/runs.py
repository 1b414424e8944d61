"""What Airflow itself knows of runs: the ledger has only those that ended."""

from __future__ import annotations

from typing import Any

from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from airflow.utils.state import TaskInstanceState
from sqlalchemy import select
from sqlalchemy.orm import joinedload

LATEST = 20
MOST_FAILED = 20


def latest_runs(dag_id: str) -> list[dict[str, Any]]:
    """Return the latest runs of a DAG, the newest first."""
    query = (
        select(DagRun)
        .options(joinedload(DagRun.dag_run_note))
        .where(DagRun.dag_id == dag_id)
        .order_by(DagRun.run_after.desc())
        .limit(LATEST)
    )
    with create_session() as session:
        return [_described(run) for run in session.scalars(query)]


def run_details(dag_id: str, run_id: str) -> dict[str, Any] | None:
    """Return a run and its failed tasks, each with the day it was about; None without such a run."""
    failed = (
        select(TaskInstance.task_id, TaskInstance.rendered_map_index)  # type: ignore[call-overload]
        .where(
            TaskInstance.dag_id == dag_id,
            TaskInstance.run_id == run_id,
            TaskInstance.state == TaskInstanceState.FAILED,
        )
        .order_by(TaskInstance.end_date)
        .limit(MOST_FAILED)
    )
    with create_session() as session:
        run = session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
        if run is None:
            return None
        tasks = [" ".join(filter(None, task)) for task in session.execute(failed)]
        return _described(run) | {"failed": tasks}


def _described(run: DagRun) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "state": str(run.state),
        "run_type": str(run.run_type),
        "conf": run.conf or {},
        "partition_key": run.partition_key,
        "note": run.note,
        "started": run.start_date,
        "ended": run.end_date,
    }
