"""A note on every run of `log_backfill` that has ended: what became of its lines, or which tasks failed.

A task cannot write the note of its run: Airflow's task API has no such call. A listener in the scheduler can. What a
person has written is left alone.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.listeners import hookimpl

from logline.task_ids import BACKFILL_DAG, DAY_GROUP, REPORT, TOTALS_KEY
from logline.text_table import counted

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

log = logging.getLogger(__name__)

# The task whose XCom holds what a day of the run adds up to.
REPORT_TASK = f"{DAY_GROUP}.{REPORT}"


@hookimpl
def on_dag_run_success(dag_run: DagRun, msg: str) -> None:
    """Note the counts."""
    if dag_run.dag_id == BACKFILL_DAG:
        note(dag_run, failed=False)


@hookimpl
def on_dag_run_failed(dag_run: DagRun, msg: str) -> None:
    """Note which tasks failed, and the counts of the days that succeeded."""
    if dag_run.dag_id == BACKFILL_DAG:
        note(dag_run, failed=True)


def note(dag_run: DagRun, *, failed: bool) -> None:
    """Write the note, into the session the run belongs to."""
    # Every process of Airflow imports this module.
    from airflow.models.xcom import XComModel
    from airflow.utils.state import TaskInstanceState
    from sqlalchemy.orm import object_session

    session = object_session(dag_run)
    if session is None or (dag_run.dag_run_note is not None and dag_run.dag_run_note.user_id is not None):
        return
    reported = session.scalars(
        XComModel.get_many(run_id=dag_run.run_id, key=TOTALS_KEY, task_ids=REPORT_TASK, dag_ids=BACKFILL_DAG)
    )
    totals = [XComModel.deserialize_value(row) for row in reported]
    tasks = []
    if failed:
        tasks = [
            f"{ti.task_id}{f' [{ti.rendered_map_index}]' if ti.rendered_map_index else ''}"
            for ti in dag_run.get_task_instances(state=[TaskInstanceState.FAILED], session=session)
        ]
    dag_run.note = note_text(totals, tasks)


def note_text(totals: Sequence[dict[str, Any]], failed: Sequence[str] = ()) -> str:
    """Write one or two sentences.

    Args:
        totals: of each day, `objects`, `lines`, `rows`, `rejected`, `blank` and `days` (`YYYY-MM-DD`).
        failed: the tasks that failed.
    """
    sums = {name: sum(day[name] for day in totals) for name in ("objects", "lines", "rows", "rejected", "blank")}
    days = sorted({day for total in totals for day in total["days"]})
    span = f"{days[0]} to {days[-1]}" if len(days) > 1 else "".join(days) or "no day"
    text = (
        f"{counted(sums['lines'], 'line')} of {counted(sums['objects'], 'object')} = {counted(sums['rows'], 'row')} "
        f"+ {sums['rejected']:,} rejected + {sums['blank']:,} blank; {counted(len(days), 'day')} touched ({span})."
        if totals
        else "Nothing was replaced."
    )
    if failed:
        more = f" and {len(failed) - 5} more" if len(failed) > 5 else ""
        text = f"Failed: {', '.join(failed[:5])}{more}. {text}"
    return text
