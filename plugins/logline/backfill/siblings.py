"""Runs of Airflow's own backfill: one reads the days of all that wait, the others find them read.

`airflow backfill create` makes a run for each day. A Dataflow job takes minutes to start, whatever it reads, so that a
year of them would be a day of waiting. See docs/decisions/0184.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from airflow.utils.state import DagRunState

from logline.params import MAX_DAYS
from logline.task_ids import BACKFILL_DAG

# As many dates as fit into the address of a request: Airflow's API takes them there.
_DATES_AT_ONCE = 61
_ACTIVE = (DagRunState.QUEUED, DagRunState.RUNNING)
_DAY = timedelta(days=1)


class Siblings(NamedTuple):
    """Runs that are about to read the days around that of a run.

    Attributes:
        dates: logical dates of all of them, day after day, that of the run itself included.
        is_first: whether no run of an earlier one of these days has started.
    """

    dates: list[datetime]
    is_first: bool


def find_siblings(ti: Any, own: datetime) -> Siblings:
    """Find the runs around that of a task, `MAX_DAYS` with it at most.

    Args:
        ti: the task instance; it asks Airflow.
        own: the logical date of its run.
    """

    def count(dates: Sequence[datetime], states: Sequence[str] = _ACTIVE) -> int:
        parts = [dates[first : first + _DATES_AT_ONCE] for first in range(0, len(dates), _DATES_AT_ONCE)]
        return sum(ti.get_dr_count(dag_id=BACKFILL_DAG, logical_dates=part, states=list(states)) for part in parts)

    after = _unbroken([own + _DAY * number for number in range(1, MAX_DAYS)], count)
    before = _unbroken([own - _DAY * number for number in range(1, MAX_DAYS - len(after))], count)
    return Siblings([*reversed(before), own, *after], count(before, [DagRunState.RUNNING]) == 0)


def _unbroken(dates: Sequence[datetime], count: Callable[[Sequence[datetime]], int]) -> list[datetime]:
    """Return the dates up to the first one without a run."""
    found: list[datetime] = []
    while part := list(dates[len(found) : len(found) + _DATES_AT_ONCE]):
        if count(part) == len(part):
            found += part
            continue
        known, too_many = 0, len(part)
        while too_many - known > 1:
            middle = (known + too_many) // 2
            known, too_many = (middle, too_many) if count(part[:middle]) == middle else (known, middle)
        return found + part[:known]
    return found
