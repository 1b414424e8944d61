"""The first task of `sweep` and `arrivals`: is there something to read, and may it be read now?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowSkipException
from airflow.utils.state import DagRunState, TaskInstanceState

from logline.arrivals.source import LogObjects
from logline.arrivals.unread import UnreadObject, list_logs, pinned_objects, seen_query, unread_objects, write_unread
from logline.labels import NO_DAY
from logline.settings import Settings
from logline.task_ids import BACKFILL_DAG, PLAN
from logline.text_table import counted, text_table
from logline.warehouse.queries import fetch_rows

# How long to wait for runs that may be reading the same objects, and how often to look.
LONGEST_WAIT, PAUSE = timedelta(hours=1), timedelta(seconds=30)
# For runs that have not listed what they read; with a backfill of Airflow's own there may be some all day.
LONGEST_PLAN = timedelta(minutes=5)
MOST_LISTED = 20
_ACTIVE = [DagRunState.QUEUED, DagRunState.RUNNING]
# Of a task `plan` that has not listed what its run reads; one that waits for files is deferred or rescheduled.
_PLANNING = [TaskInstanceState.SCHEDULED, TaskInstanceState.QUEUED, TaskInstanceState.RUNNING]


class FindUnreadOperator(BaseOperator):
    """Write down which objects no run has read, and succeed only if a backfill should be started for them now.

    It waits while a run of `log_backfill` may be reading the same objects: one that has not listed its objects yet, or
    has some of these in its list. It is skipped when there is nothing to read.

    Args:
        unless_running: a DAG that does the same; while it has a run, this task is skipped.
        after: a DAG that does the same; while it has a run, this task waits.
        with_pauses: whether to leave objects alone that were tried before, for longer after each hour.
    """

    template_fields: Sequence[str] = ("seen",)

    def __init__(
        self,
        *,
        settings: Settings,
        unless_running: str | None = None,
        after: str | None = None,
        with_pauses: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.settings = settings
        self.logs = LogObjects.of(settings)
        self.seen = seen_query(self.logs, NO_DAY)
        self.unless_running = unless_running
        self.after = after
        self.with_pauses = with_pauses

    def execute(self, context: Context) -> int:
        """Return how many objects are to be read.

        Raises:
            AirflowSkipException: nothing is to be read now; one line that says why.
            TaskDeferred: another run may be reading them.
        """
        ti = context["ti"]
        now = datetime.now(UTC)
        unread = self._look(now)
        if not unread:
            raise AirflowSkipException(f"every object of {self.logs.any_day.uri} has been read")
        if self.unless_running and _runs(ti, self.unless_running):
            raise AirflowSkipException(f"a run of {self.unless_running} takes care of {_objects(unread)}")
        if self.with_pauses and not any(is_due(one, now) for one in unread):
            raise AirflowSkipException(f"{_objects(unread)} could not be read before: tried again later")
        waited = now - (context["dag_run"].start_date or now)
        if reason := self._may_be_read(ti, unread, now, waited):
            if waited > LONGEST_WAIT:
                raise AirflowSkipException(f"{reason}: the next sweep looks again")
            self.log.info("Waiting: %s", reason)
            self.defer(trigger=TimeDeltaTrigger(PAUSE), method_name="look_again")
        return len(unread)

    def look_again(self, context: Context, event: Any = None) -> int:
        """Look again after a pause."""
        return self.execute(context)

    def _look(self, now: datetime) -> list[UnreadObject]:
        listed = list_logs(self.logs)
        seen = fetch_rows(self.settings, self.seen)
        unread = unread_objects(self.logs, listed, seen, now)
        self.log.info("%s of %s: %s", counted(len(listed), "object"), self.logs.any_day.uri, _objects(unread))
        if unread:
            rows = [
                (one.object, str(one.generation), one.size, f"{one.noticed_at:%Y-%m-%d %H:%M}", one.reason)
                for one in unread
            ]
            header = ("object", "generation", "bytes", "noticed", "")
            self.log.info("Unread\n%s", text_table(header, rows[:MOST_LISTED]))
        before = {(row["object"], row["generation"]) for row in seen if row["noticed_at"] is not None}
        if before != {(one.object, one.generation) for one in unread}:
            write_unread(self.settings, self.seen.job(self.settings)["labels"], unread)
        return unread

    def _may_be_read(self, ti: Any, unread: Sequence[UnreadObject], now: datetime, waited: timedelta) -> str | None:
        """Return which run may be reading objects of these already."""
        if self.after and _runs(ti, self.after):
            return f"a run of {self.after} is at work"
        if waited < LONGEST_PLAN and (
            ti.get_dr_count(dag_id=BACKFILL_DAG, states=[DagRunState.QUEUED])
            or ti.get_ti_count(dag_id=BACKFILL_DAG, task_ids=[PLAN], states=_PLANNING)
        ):
            return f"a run of {BACKFILL_DAG} has yet to say what it reads"
        if _runs(ti, BACKFILL_DAG):
            pinned = pinned_objects(self.settings, now)
            common = [one for one in unread if (one.object, one.generation) in pinned]
            if common:
                return f"a run of {BACKFILL_DAG} is reading {_objects(common)}"
        return None


def is_due(unread: UnreadObject, now: datetime) -> bool:
    """Return whether a backfill is due for an object: in its first hour, then after 1, 2, 4, 8 ... hours.

    What stays unread has been tried and has failed, as often as it has been found.
    """
    hours = int((now - unread.noticed_at).total_seconds() // 3600)
    return hours & (hours - 1) == 0


def _runs(ti: Any, dag_id: str) -> int:
    return int(ti.get_dr_count(dag_id=dag_id, states=_ACTIVE))


def _objects(unread: Sequence[UnreadObject]) -> str:
    if not unread:
        return "none unread"
    return f"{counted(len(unread), 'object')} unread, such as {unread[0].object}"
