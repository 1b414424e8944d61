"""Why tasks failed: each keeps one line, and the run's note, the page and the alert show it.

Airflow itself keeps the reason in the task's log only. XComs of a task are deleted when it starts again, so that a
reason never outlives its try.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from logline.task_ids import FAILURE_KEY

if TYPE_CHECKING:
    from airflow.sdk import Context
    from sqlalchemy import ScalarResult
    from sqlalchemy.orm import Session

log = logging.getLogger(__name__)

LONGEST = 500
MOST = 20
NO_REASON = "it left no reason, its log has what there is"


@dataclass(frozen=True)
class Failure:
    """A task that failed.

    Attributes:
        task: its id, with the day of a mapped one in brackets.
        reason: one line.
        log_url: where the UI shows its log.
    """

    task: str
    reason: str
    log_url: str


def reason_of(exception: object) -> str:
    """Return why a task failed, as one line; an exception that nobody has put into words is named by its type."""
    line = next(iter(str(exception or "").strip().splitlines()), "").strip()
    if not isinstance(exception, BaseException):
        return line or NO_REASON
    name = type(exception).__name__
    # `KeyError: 'day'` says more than `'day'`; what has several words says enough.
    return line if " " in line else ": ".join(filter(None, (name, line)))


def task_label(task_id: str, day: str | None) -> str:
    """Return the name of a task as alerts and notes show it."""
    return f"{task_id} [{day}]" if day else task_id


def keep_reason(context: Context) -> None:
    """Keep why a task failed; Airflow marks the task as failed only after its callbacks."""
    # Its arguments are annotated too narrowly for a callback of a task that was killed.
    ti: Any = context["ti"]
    try:
        ti.xcom_push(key=FAILURE_KEY, value=reason_of(context.get("exception"))[:LONGEST])
    except Exception:
        # The DAG processor calls this for a task whose worker was killed, and has no XComs.
        log.exception("The reason of %s could not be kept", ti.task_id)


def failures(session: Session, dag_id: str, run_id: str) -> list[Failure]:
    """Return the tasks of a run that failed, the first one first; at most `MOST`."""
    # Only Airflow's own processes may import its models.
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel
    from airflow.utils.state import TaskInstanceState
    from sqlalchemy import select

    failed = session.scalars(
        select(TaskInstance)
        .where(
            TaskInstance.dag_id == dag_id,
            TaskInstance.run_id == run_id,
            TaskInstance.state == TaskInstanceState.FAILED,
        )
        .order_by(TaskInstance.end_date)
        .limit(MOST)
    ).all()
    if not failed:
        return []
    kept: ScalarResult[Any] = session.scalars(XComModel.get_many(run_id=run_id, key=FAILURE_KEY, dag_ids=dag_id))
    reasons = {(row.task_id, row.map_index): str(XComModel.deserialize_value(row)) for row in kept.all()}
    return [
        Failure(
            task_label(ti.task_id, ti.rendered_map_index),
            reasons.get((ti.task_id, ti.map_index), NO_REASON),
            ti.log_url,
        )
        for ti in failed
    ]
