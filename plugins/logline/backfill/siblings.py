"""Runs of Airflow's own backfill: one reads the days of all that wait, the others find them read.

`airflow backfill create` makes a run for each day. A Dataflow job takes minutes to start, whatever it reads, so that a
year of them would be a day of waiting. See docs/decisions/0184.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from airflow.triggers.base import BaseTrigger, TriggerEvent
from airflow.utils.state import DagRunState
from asgiref.sync import sync_to_async

from logline.deferral import trigger_event
from logline.params import MAX_DAYS
from logline.task_ids import BACKFILL_DAG

POLL_SECONDS = 10.0
# As many dates as fit into the address of a request: Airflow's API takes them there.
_DATES_AT_ONCE = 61
_ACTIVE = (DagRunState.QUEUED, DagRunState.RUNNING)
_DAY = timedelta(days=1)


class Siblings(NamedTuple):
    """Runs that are about to read the days around that of a run.

    Attributes:
        dates: logical dates of all of them, day after day, that of the run itself included.
        first_running: the earliest of these dates before the run's own whose run has started; None for none.
    """

    dates: list[datetime]
    first_running: datetime | None


def find_siblings(ti: Any, own: datetime) -> Siblings:
    """Find the runs around that of a task, `MAX_DAYS` with it at most.

    Args:
        ti: the task instance; it asks Airflow.
        own: the logical date of its run.
    """

    def count(dates: Sequence[datetime], states: Sequence[str] = _ACTIVE) -> int:
        parts = [dates[first : first + _DATES_AT_ONCE] for first in range(0, len(dates), _DATES_AT_ONCE)]
        return sum(ti.get_dr_count(dag_id=BACKFILL_DAG, logical_dates=part, states=list(states)) for part in parts)

    after = _first_until([own + _DAY * number for number in range(1, MAX_DAYS)], lambda part: count(part) < len(part))
    before = [own - _DAY * number for number in range(1, MAX_DAYS - len(after))]
    before = _first_until(before, lambda part: count(part) < len(part))[::-1]
    not_started = _first_until(before, lambda part: count(part, [DagRunState.RUNNING]) > 0)
    first_running = before[len(not_started)] if len(not_started) < len(before) else None
    return Siblings([*before, own, *after], first_running)


def _first_until(dates: Sequence[datetime], is_reached: Callable[[Sequence[datetime]], bool]) -> list[datetime]:
    """Return the dates before the first one that makes `is_reached` true of those up to it; all where none does."""
    for first in range(0, len(dates), _DATES_AT_ONCE):
        part = dates[first : first + _DATES_AT_ONCE]
        if is_reached(part):
            # Of these dates, so many are before it, and these are too many.
            few, many = 0, len(part)
            while many - few > 1:
                middle = (few + many) // 2
                few, many = (few, middle) if is_reached(part[:middle]) else (middle, many)
            return list(dates[: first + few])
    return list(dates)


class RunEndTrigger(BaseTrigger):
    """Fire when the run of a logical date does not run any more.

    Args:
        logical_date: of the run, as ISO 8601.
    """

    def __init__(self, logical_date: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.logical_date = logical_date

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Serialize class arguments and classpath."""
        return f"{type(self).__module__}.{type(self).__qualname__}", {"logical_date": self.logical_date}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Ask Airflow every `POLL_SECONDS`."""
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

        ask = sync_to_async(RuntimeTaskInstance.get_dr_count)
        dates = [datetime.fromisoformat(self.logical_date)]
        while True:
            await asyncio.sleep(POLL_SECONDS)
            if not await ask(dag_id=BACKFILL_DAG, logical_dates=dates, states=[DagRunState.RUNNING]):
                yield trigger_event("success", f"the run of {self.logical_date} has ended")
                return
