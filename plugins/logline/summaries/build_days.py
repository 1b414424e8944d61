"""Building days: `requests` from what has landed, the daily tables from `requests`, a gate before and after each."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException

from logline.summaries.choose_days import ChangedDaysOperator
from logline.summaries.portions import ChangedDay, Portion, portions
from logline.text_table import counted, duration
from logline.warehouse.checks import Gate, days_at_fault
from logline.warehouse.queries import Query, fetch_rows


class BuildDaysOperator(ChangedDaysOperator):
    """Build the days that another task has chosen, portion by portion; a retry builds those that are left.

    A day that does not pass a gate is left where it is, all others go on; the task fails at its end. So what landed
    while a day was being built, and spoilt its counts, is built again by the retry.

    Args:
        chosen_by: id of the task that has chosen.
        landing: the gate before anything is replaced.
        streamed_days: which days of a portion the stream has landed rows of.
        requests: the script that builds `requests`.
        after_requests: the gate after it.
        neighbours: which days beside a portion have to be looked at for sessions.
        request_groups: counts the requests of a portion, for all that follows.
        numbered_days: which days of a portion have numbered lines, by these counts.
        daily_tables: the statements that make the daily tables, hourly_sequences and findings, one after the other.
        after_daily_tables: the gate after them.
        summarised: notes down that days are done.
    """

    template_fields: Sequence[str] = (
        "changed",
        "landing",
        "streamed_days",
        "requests",
        "after_requests",
        "neighbours",
        "request_groups",
        "numbered_days",
        "daily_tables",
        "after_daily_tables",
        "summarised",
    )

    def __init__(
        self,
        *,
        chosen_by: str,
        landing: Gate,
        streamed_days: Query,
        requests: Query,
        after_requests: Gate,
        neighbours: Query,
        request_groups: Query,
        numbered_days: Query,
        daily_tables: Sequence[Query],
        after_daily_tables: Gate,
        summarised: Query,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.chosen_by = chosen_by
        self.landing = landing
        self.streamed_days = streamed_days
        self.requests = requests
        self.after_requests = after_requests
        self.neighbours = neighbours
        self.request_groups = request_groups
        self.numbered_days = numbered_days
        self.daily_tables = daily_tables
        self.after_daily_tables = after_daily_tables
        self.summarised = summarised

    def execute(self, context: Context) -> None:
        """Build.

        Raises:
            AirflowException: one line with the days that did not pass, and the counts that do not agree.
        """
        days = self._left(context)
        chosen = {day.day for day in days}
        faults: list[str] = []
        done, begun = 0, time.monotonic()
        for portion in portions(days):
            self.log.info("Building %s: day %d of %d", portion.label.replace("_", " to "), done + 1, len(days))
            faults += self._build(portion, chosen, context)
            done += len(portion.days)
            if left := len(days) - done:
                took = time.monotonic() - begun
                said = (done, len(days), duration(took), duration(took * left / done))
                self.log.info("%d of %d days after %s, about %s left", *said)
        if faults:
            raise AirflowException("; ".join(faults))

    def _left(self, context: Context) -> list[ChangedDay]:
        chosen = [ChangedDay(**day) for day in context["ti"].xcom_pull(task_ids=self.chosen_by)]
        if context["ti"].try_number == 1:
            return chosen
        names = {day.day for day in chosen}
        left = [day for day in self.changed_days(context) if day.day in names]
        self.log.info("%s of %d left", counted(len(left), "day"), len(chosen))
        return left

    def _build(self, portion: Portion, chosen: set[str], context: Context) -> list[str]:
        """Build a portion, and return what is wrong with days of it."""
        faults: list[str] = []

        def ask(query: Query) -> list[dict[str, Any]]:
            return fetch_rows(self.settings, self.rendered(query, context, **portion.values()))

        def passed(gate: Gate) -> Portion:
            found = days_at_fault(self.rendered(gate, context, **portion.values()).run(self.settings, context))
            faults.extend(found.values())
            return portion.without(found)

        portion = replace(portion, streamed=tuple(row["day"] for row in ask(self.streamed_days)))
        portion = passed(self.landing)
        if portion.days:
            ask(self.requests)
            portion = passed(self.after_requests)
        if portion.days:
            unknown = [row["day"] for row in ask(self.neighbours)]
            portion = replace(portion, unknown=tuple(day for day in unknown if day not in chosen))
            ask(self.request_groups)
            portion = replace(portion, numbered=tuple(row["day"] for row in ask(self.numbered_days)))
            for query in self.daily_tables:
                ask(query)
            portion = passed(self.after_daily_tables)
        if portion.days:
            ask(self.summarised)
        return faults
