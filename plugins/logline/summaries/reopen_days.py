"""Noting down which past days the stream has brought new requests, and starting `daily_summary` for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import Asset, AssetAlias, Context

from logline.summaries.choose_days import ChangedDaysOperator
from logline.text_table import text_table
from logline.warehouse.queries import Query, fetch_rows


class ReopenDaysOperator(ChangedDaysOperator):
    """Note down the days, and announce all that are to be built; where there are none, announce nothing.

    So a day whose backfill was not heard of is found as well.

    Args:
        reopen: `request_builds/reopen.sql` (templated).
        reopened: the query (templated) that returns what was noted: `day`, `decision` and `late`.
        asset: what `daily_summary` waits for.
        alias: the outlet; a task's event of an asset cannot be held back, one of an alias is added.
    """

    template_fields: Sequence[str] = ("changed", "reopen", "reopened")

    def __init__(self, *, reopen: Query, reopened: Query, asset: Asset, alias: AssetAlias, **kwargs: Any) -> None:
        super().__init__(outlets=[alias], **kwargs)
        self.reopen = reopen
        self.reopened = reopened
        self.asset = asset
        self.alias = alias

    def execute(self, context: Context) -> list[str]:
        """Note down and announce; return the days that are to be built."""
        fetch_rows(self.settings, self.rendered(self.reopen, context))
        noted = fetch_rows(self.settings, self.rendered(self.reopened, context))
        rows = [(row["day"], row["decision"], row["late"]) for row in noted]
        self.log.info("What the stream has brought\n%s", text_table(("day", "decision", "late"), rows))
        days = [day.day for day in self.changed_days(context)]
        self.log.info("Days to build: %s", ", ".join(days) or "none")
        if days:
            context["outlet_events"][self.alias].add(self.asset, extra={"days": [*days]})
        return days
