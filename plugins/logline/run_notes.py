"""A note on every run that has ended: why it failed, and of `log_backfill` what became of its lines.

A task cannot write the note of its run: Airflow's task API has no such call. A listener in the scheduler can. What a
person has written is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.listeners import hookimpl

from logline.failures import Failure, failures
from logline.task_ids import BACKFILL_DAG, DAGS, LAND, PLAN, REMARK_KEY, TOTALS_KEY, UNIT_GROUP
from logline.text_table import counted

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from sqlalchemy.orm import Session

# The task whose XCom holds what a unit of the run adds up to.
LAND_TASK = f"{UNIT_GROUP}.{LAND}"
# Of the column, and of Airflow's form.
_LONGEST_NOTE = 1000
_LONGEST_REASON = 300


@hookimpl
def on_dag_run_success(dag_run: DagRun, msg: str) -> None:
    """Note the counts of a backfill."""
    note(dag_run, failed=False)


@hookimpl
def on_dag_run_failed(dag_run: DagRun, msg: str) -> None:
    """Note which tasks failed and why, and the counts of the units that have landed."""
    note(dag_run, failed=True)


def note(dag_run: DagRun, *, failed: bool) -> None:
    """Write the note, into the session the run belongs to."""
    # Every process of Airflow imports this module.
    from sqlalchemy.orm import object_session

    session = object_session(dag_run)
    earlier = dag_run.dag_run_note
    if dag_run.dag_id not in DAGS or session is None or (earlier is not None and earlier.user_id is not None):
        return
    text = failure_text(failures(session, dag_run.dag_id, dag_run.run_id)) if failed else ""
    if dag_run.dag_id == BACKFILL_DAG:
        totals = _pushed(session, dag_run, TOTALS_KEY, LAND_TASK)
        text = " ".join(filter(None, (text, *_pushed(session, dag_run, REMARK_KEY, PLAN), totals_text(totals))))
    elif earlier is not None and not failed:
        text = "Succeeded; an earlier try had failed."
    if text:
        dag_run.note = text[:_LONGEST_NOTE]


def failure_text(failed: Sequence[Failure], longest: int = 800) -> str:
    """Return which tasks failed and why, with the addresses of their logs; tasks with the same reason share a sentence.

    Args:
        failed: the tasks, the first one first.
        longest: how many characters there is room for; the tasks that do not fit are only counted.
    """
    alike: dict[tuple[str, str], list[Failure]] = {}
    for one in failed:
        alike.setdefault((one.task.partition(" [")[0], one.reason), []).append(one)
    sentences: list[str] = []
    left = len(failed)
    for group in alike.values():
        task = group[0].task if len(group) == 1 else f"{group[0].task} and {len(group) - 1} more"
        # As code: the UI shows notes as Markdown, and a reason may name objects such as logs/*.
        reason = group[0].reason[:_LONGEST_REASON].replace("`", "'")
        sentence = f"Failed: {task}: `{reason}` Log: {group[0].log_url}"
        if sentences and len(" ".join([*sentences, sentence])) > longest:
            break
        sentences.append(sentence)
        left -= len(group)
    if left:
        sentences.append(f"{counted(left, 'more task')} failed.")
    return " ".join(sentences)


def totals_text(totals: Sequence[dict[str, Any]]) -> str:
    """Write what became of the lines of a backfill, as one sentence.

    Args:
        totals: of each unit, `objects`, `lines`, `rows`, `rejected`, `blank` and `days` (`YYYY-MM-DD`).
    """
    if not totals:
        return "Nothing was replaced."
    sums = {name: sum(unit[name] for unit in totals) for name in ("objects", "lines", "rows", "rejected", "blank")}
    days = sorted({day for unit in totals for day in unit["days"]})
    span = f"{days[0]} to {days[-1]}" if len(days) > 1 else "".join(days) or "no day"
    return (
        f"{counted(sums['lines'], 'line')} of {counted(sums['objects'], 'object')} = {counted(sums['rows'], 'row')} "
        f"+ {sums['rejected']:,} rejected + {sums['blank']:,} blank; {counted(len(days), 'day')} touched ({span})."
    )


def _pushed(session: Session, dag_run: DagRun, key: str, task_id: str) -> list[Any]:
    # Only Airflow's own processes may import its models.
    from airflow.models.xcom import XComModel

    pushed = session.scalars(XComModel.get_many(run_id=dag_run.run_id, key=key, task_ids=task_id, dag_ids=BACKFILL_DAG))
    return [XComModel.deserialize_value(row) for row in pushed]
