"""Telling people and other DAGs what has changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import Asset, BaseOperator, Context

from logline.links import LoglinePageLink
from logline.settings import Settings
from logline.task_ids import TOTALS_KEY
from logline.text_table import text_table
from logline.warehouse.queries import Query, fetch_rows


class ReportLedgerOperator(BaseOperator):
    """Log ledger rows as a table and announce the days they touch by one event of an asset.

    The query returns `source_uri`, `log_format`, `bytes`, `lines`, `rows`, `rejected`, `blank` and `days`, the days
    (`YYYY-MM-DD`) the source object has rows in, or had before this run.
    """

    operator_extra_links = (LoglinePageLink(),)
    template_fields: Sequence[str] = ("query",)

    def __init__(self, *, settings: Settings, query: Query, asset: Asset, **kwargs: Any) -> None:
        super().__init__(outlets=[asset], **kwargs)
        self.settings = settings
        self.query = query
        self.asset = asset

    def execute(self, context: Context) -> list[str]:
        """Report, and return the touched days."""
        ledger = fetch_rows(self.settings, self.query)
        days = sorted({day for row in ledger for day in row["days"]})
        self.log.info("Ledger\n%s\nDays touched: %s", ledger_table(ledger), ", ".join(days) or "none")
        counts = ("lines", "rows", "rejected", "blank")
        totals = {name: sum(row[name] for row in ledger) for name in counts}
        context["ti"].xcom_push(key=TOTALS_KEY, value={**totals, "objects": len(ledger), "days": days})
        context["outlet_events"][self.asset].extra.update(days=days)
        return days


def ledger_table(ledger: Sequence[Mapping[str, Any]]) -> str:
    """Format ledger rows as a table with a total."""
    counts = ("bytes", "lines", "rows", "rejected", "blank")
    rows = [(row["source_uri"], row["log_format"], *(row[name] for name in counts)) for row in ledger]
    total = ("total", "", *(sum(row[name] or 0 for row in ledger) for name in counts))
    return text_table(("source", "format", *counts), [*rows, total])
