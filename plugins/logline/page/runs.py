"""What Airflow itself knows of runs: the ledger has only those that ended."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from logline.failures import failures

LATEST = 20


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
        return [_described(session, run) for run in session.scalars(query).all()]


def states_of_dags(dag_ids: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the latest ended run of each DAG, and whether one is running now."""
    with create_session() as session:
        return [_state_of(session, dag_id) for dag_id in dag_ids]


def _state_of(session: Session, dag_id: str) -> dict[str, Any]:
    runs = select(DagRun).where(DagRun.dag_id == dag_id).order_by(DagRun.run_after.desc()).limit(1)
    ended = session.scalar(runs.where(DagRun.state.in_((DagRunState.SUCCESS, DagRunState.FAILED))))
    running = session.scalar(runs.where(DagRun.state.in_((DagRunState.RUNNING, DagRunState.QUEUED))))
    return {
        "dag_id": dag_id,
        "is_running": running is not None,
        "latest": _described(session, ended) if ended else None,
    }


def run_details(dag_id: str, run_id: str) -> dict[str, Any] | None:
    """Return a run; None without such a run."""
    with create_session() as session:
        run = session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
        return _described(session, run) if run else None


def _described(session: Session, run: DagRun) -> dict[str, Any]:
    failed = failures(session, run.dag_id, run.run_id) if run.state in (DagRunState.FAILED, DagRunState.RUNNING) else []
    return {
        "run_id": run.run_id,
        "state": str(run.state),
        "run_type": str(run.run_type),
        "conf": run.conf or {},
        "note": run.note,
        "started": run.start_date,
        "ended": run.end_date,
        # Without the host, by whichever name the browser has called it.
        "failed": [
            {
                "task": one.task,
                "reason": one.reason,
                "log": urlsplit(one.log_url)._replace(scheme="", netloc="").geturl(),
            }
            for one in failed
        ],
    }
