"""The tasks of an erasure after its plan: selecting and proving by whom the Params name, staged files, the report."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.google.cloud.hooks.gcs import GCSHook
from airflow.sdk import Asset, BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException

from logline.erasure.plan import read_days, read_subjects
from logline.settings import Settings
from logline.text_table import counted, text_table
from logline.warehouse.checks import Gate
from logline.warehouse.queries import Query, fetch_rows

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class SelectPersonOperator(BaseOperator):
    """Keep what is to be erased in staging tables, unless the run has erased already.

    Args:
        erased: `erasures/erased.sql` (templated).
        queries: `erasures/select*.sql` (templated), in order.
    """

    template_fields: Sequence[str] = ("erased", "queries")

    def __init__(self, *, settings: Settings, erased: Query, queries: Sequence[Query], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.settings = settings
        self.erased = erased
        self.queries = queries

    def execute(self, context: Context) -> None:
        """Select.

        Raises:
            AirflowFailException: the run has erased: what it took off the ledger must not be taken off twice.
        """
        if fetch_rows(self.settings, self.erased)[0]["entries"]:
            raise AirflowFailException("this run has erased already: trigger erasure again, it takes what is left")
        for query in self.queries:
            fetch_rows(self.settings, _of_persons(query, context))


class ProveErasureOperator(BaseOperator):
    """Count what is held of the persons, and fail where that is anything.

    Args:
        gate: `erasures/checks.sql` (templated).
    """

    template_fields: Sequence[str] = ("gate",)

    def __init__(self, *, settings: Settings, gate: Gate, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.settings = settings
        self.gate = gate

    def execute(self, context: Context) -> None:
        """Count.

        Raises:
            AirflowFailException: one line with every table that still holds rows: they came while the run was at work.
        """
        fault = self.gate._replace(checks=_of_persons(self.gate.checks, context)).fault(self.settings, context)
        if fault:
            raise AirflowFailException(f"{fault}: trigger erasure again for what has come meanwhile")


class DeleteStagedFilesOperator(BaseOperator):
    """Delete the files of runs that are over: Parquet with the rows of whole files, which nobody reads any more.

    Younger files than `LOGLINE_STAGING_EXPIRY_HOURS` stay, for runs that still need them; the bucket deletes these
    later.
    """

    def __init__(self, *, settings: Settings, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.settings = settings

    def execute(self, context: Context) -> int:
        """Delete, and return how many files were deleted."""
        hook, bucket = GCSHook(), self.settings.temp_bucket
        until = datetime.now(UTC) - timedelta(hours=self.settings.staging_expiry_hours)
        over = hook.list_by_timespan(bucket, timespan_start=_LONG_AGO, timespan_end=until, prefix="staging/")
        for name in over:
            hook.delete(bucket, name)
        kept = len(hook.list(bucket, prefix="staging/") or ())
        self.log.info(
            "Deleted %s below gs://%s/staging/; %s of the last %d hours are left",
            counted(len(over), "file"),
            bucket,
            counted(kept, "file"),
            self.settings.staging_expiry_hours,
        )
        return len(over)


class ReportErasureOperator(BaseOperator):
    """Log what was erased, which source objects still hold the lines, and announce the days that are to be built again.

    Args:
        query: `erasures/report.sql` (templated).
        asset: what `daily_summary` waits for.
    """

    template_fields: Sequence[str] = ("query",)

    def __init__(self, *, settings: Settings, query: Query, asset: Asset, **kwargs: Any) -> None:
        super().__init__(outlets=[asset], **kwargs)
        self.settings = settings
        self.query = query
        self.asset = asset

    def execute(self, context: Context) -> list[str]:
        """Report, and return the days."""
        erased = fetch_rows(self.settings, self.query)
        days = sorted({day for row in erased for day in row["days"]})
        rows = [(row["table_name"], row["rows"]) for row in erased]
        self.log.info("Erased\n%s\nDays touched: %s", text_table(("table", "rows"), rows), ", ".join(days) or "none")
        objects = sorted({uri for row in erased for uri in json.loads(row["source_objects"] or "[]")})
        if objects:
            self.log.warning(
                "The files still hold the lines, a backfill of one brings them back: delete them, or their lines: %s",
                ", ".join(objects),
            )
        context["outlet_events"][self.asset].extra.update(days=days)
        return days


def _of_persons(query: Query, context: Context) -> Query:
    first, last = read_days(context["params"])
    return query.with_strings(**read_subjects(context["params"]).parameters(), start_date=first, end_date=last)
