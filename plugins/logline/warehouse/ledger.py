"""Telling people and other DAGs which days have changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.google.cloud.hooks.bigquery import BigQueryHook
from airflow.providers.google.cloud.operators.cloud_base import GoogleCloudBaseOperator

from logline.backfill.run_notes import KEY
from logline.links import LoglinePageLink
from logline.text_table import text_table
from logline.warehouse.costs import QueryOperator
from logline.warehouse.queries import fetch_rows

if TYPE_CHECKING:
    from airflow.sdk import Asset, Context


class ReportLedgerOperator(GoogleCloudBaseOperator):
    """Log ledger rows as a table and announce every day they touch as a partition of an asset.

    The query returns `source_uri`, `log_format`, `bytes`, `lines`, `rows`, `rejected`, `blank` and `days`, the days
    (`YYYY-MM-DD`) the source object has rows in, or had before this run.

    Args:
        configuration: the BigQuery job (templated), see `logline.bigquery.query_job`.
        asset: the asset whose partitions are announced.
        gcp_conn_id: the Airflow connection.
        project_id: project of the job.
        location: location of the job.
        kwargs: the arguments of `BaseOperator`.
    """

    operator_extra_links = (LoglinePageLink(),)
    template_fields: Sequence[str] = ("configuration",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"configuration": "json", "configuration.query.query": "sql"}

    def __init__(
        self,
        *,
        configuration: dict[str, Any],
        asset: Asset,
        project_id: str,
        location: str,
        gcp_conn_id: str = "google_cloud_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(outlets=[asset], **kwargs)
        self.configuration = configuration
        self.asset = asset
        self.gcp_conn_id = gcp_conn_id
        self.project_id = project_id
        self.location = location

    def execute(self, context: Context) -> list[str]:
        """Report, and return the touched days."""
        hook = BigQueryHook(gcp_conn_id=self.gcp_conn_id, location=self.location)
        ledger = fetch_rows(hook, self.configuration, self.project_id)
        days = sorted({day for row in ledger for day in row["days"]})
        self.log.info("Ledger\n%s\nDays touched: %s", ledger_table(ledger), ", ".join(days) or "none")
        counts = ("lines", "rows", "rejected", "blank")
        totals = {name: sum(row[name] for row in ledger) for name in counts}
        context["ti"].xcom_push(key=KEY, value={**totals, "objects": len(ledger), "days": days})
        if days:
            context["outlet_events"][self.asset].add_partitions(days)
        return days


class ReopenDaysOperator(QueryOperator):
    """Note down the days that have to be rebuilt, and announce them as partitions of an asset.

    Args:
        reopened: the BigQuery job (templated) that returns what the first one noted: `day`, `decision`
            (`reopened` or `left`) and `late`.
        asset: the asset whose partitions are announced.
        kwargs: the arguments of `QueryOperator`.
    """

    template_fields: Sequence[str] = ("reopened", *QueryOperator.template_fields)

    def __init__(self, *, reopened: dict[str, Any], asset: Asset, **kwargs: Any) -> None:
        super().__init__(outlets=[asset], **kwargs)
        self.reopened = reopened
        self.asset = asset

    def execute(self, context: Context) -> str | None:
        """Note down and announce; return the id of the job that noted."""
        job_id: str | None = super().execute(context)
        hook = BigQueryHook(gcp_conn_id=self.gcp_conn_id, location=self.location, use_legacy_sql=False)
        found = fetch_rows(hook, self.reopened, self.project_id)
        rows = [(row["day"], row["decision"], row["late"]) for row in found]
        self.log.info("Days that have changed\n%s", text_table(("day", "decision", "late rows"), rows))
        days = [row["day"] for row in found if row["decision"] == "reopened"]
        if days:
            context["outlet_events"][self.asset].add_partitions(days)
        return job_id


def ledger_table(ledger: Sequence[Mapping[str, Any]]) -> str:
    """A table of ledger rows, with a total."""
    counts = ("bytes", "lines", "rows", "rejected", "blank")
    rows = [(row["source_uri"], row["log_format"], *(row[name] for name in counts)) for row in ledger]
    total = ("total", "", *(sum(row[name] or 0 for row in ledger) for name in counts))
    return text_table(("source", "format", *counts), [*rows, total])
