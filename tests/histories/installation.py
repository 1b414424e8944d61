"""The bucket and the tables of histories: what is done to the one, and what the others hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local_stack.running import RunningStack
from logline.dataflow.templates import upload_template
from logline.settings import Settings
from tests.airflow_environment import ROOT
from tests.sql.warehouse import TABLES, VIEWS, render

# The tables that change: no history has a stream, nor are its days summarised.
CHANGED = (
    *("backfilled_requests", "rejected_backfilled", "ledger", "ledger_days", "copied_readings"),
    *("unread_objects", "quality_checks"),
)
SNAPSHOT = """
SELECT 'rows' AS kind, source_uri, source_offset, CAST(log_date AS STRING) AS day, path AS text, COUNT(*) AS times
FROM {dataset}.backfilled_requests
WHERE log_date >= '1970-01-01' AND (reading IS NULL OR reading IN (SELECT reading FROM {dataset}.ledger))
GROUP BY source_uri, source_offset, day, text
UNION ALL
SELECT 'rejected', source_uri, source_offset, '', SAFE_CONVERT_BYTES_TO_STRING(raw_line), COUNT(*)
FROM {dataset}.rejected_backfilled GROUP BY source_uri, source_offset, SAFE_CONVERT_BYTES_TO_STRING(raw_line)
"""


@dataclass(frozen=True)
class LedgerEntry:
    """A row of the ledger."""

    run_id: str
    source_uri: str
    generation: int
    lines: int
    rows: int
    rejected: int
    blank: int
    bytes: int | None
    error_type: str | None
    finished: Any


@dataclass(frozen=True)
class Snapshot:
    """What the tables hold.

    Attributes:
        rows: uri, offset, day and path of each row, and how often.
        rejected: uri, offset and text of each rejected line, and how often.
        ledger: its rows.
    """

    rows: Counter[tuple[str, int, str, str]]
    rejected: Counter[tuple[str, int, str]]
    ledger: Sequence[LedgerEntry]


class Installation:
    """A bucket and datasets, as `provision` makes them."""

    def __init__(self, stack: RunningStack, settings: Settings) -> None:
        self.settings = settings
        self._storage, self._bigquery = stack.storage(), stack.bigquery()
        self.bucket = self._storage.bucket(settings.bucket)
        if not self.bucket.exists():
            self.bucket.create()
        upload_template(settings, Path(ROOT, "dags/templates/backfill.json"))
        self._drop_datasets()  # those of other tests, in the same emulator
        names = {"dataset": settings.dataset, "landing_expiry_days": None}
        tables = render("create_tables.sql", tables=TABLES, **names)
        views = render("create_views.sql", views=VIEWS, **names)
        self.run(f"CREATE SCHEMA {settings.dataset}; CREATE SCHEMA {settings.staging_dataset}; {tables} {views}")

    def close(self) -> None:
        """Drop the datasets, and close the clients."""
        self._drop_datasets()
        self._storage.close()
        self._bigquery.close()

    def _drop_datasets(self) -> None:
        for dataset in (self.settings.dataset, self.settings.staging_dataset):
            self._bigquery.delete_dataset(dataset, delete_contents=True, not_found_ok=True)

    def run(self, sql: str) -> list[dict[str, Any]]:
        """Run SQL and return its rows."""
        return [dict(row.items()) for row in self._bigquery.query_and_wait(sql)]

    def clear(self) -> None:
        """Empty the tables and the bucket."""
        self.run("".join(f"TRUNCATE TABLE {self.settings.dataset}.{table};\n" for table in CHANGED))
        for table in self._bigquery.list_tables(self.settings.staging_dataset):
            self._bigquery.delete_table(table)
        for prefix in ("logs/", "staging/"):
            for blob in self._storage.list_blobs(self.bucket, prefix=prefix):
                blob.delete()

    def uri(self, name: str) -> str:
        """Return the address of an object."""
        return f"gs://{self.bucket.name}/{name}"

    def put(self, name: str, content: bytes) -> int:
        """Write an object and return its generation."""
        blob = self.bucket.blob(name)
        blob.upload_from_string(content)
        return int(blob.generation)

    def delete(self, name: str) -> None:
        """Delete an object."""
        self.bucket.blob(name).delete()

    def snapshot(self) -> Snapshot:
        """Return what the landing tables and the ledger hold."""
        rows: Counter[tuple[str, int, str, str]] = Counter()
        rejected: Counter[tuple[str, int, str]] = Counter()
        for row in self.run(SNAPSHOT.format(dataset=self.settings.dataset)):
            if row["kind"] == "rows":
                rows[row["source_uri"], row["source_offset"], row["day"], row["text"]] += row["times"]
            else:
                rejected[row["source_uri"], row["source_offset"], row["text"]] += row["times"]
        names = ", ".join(f"`{name}`" for name in LedgerEntry.__annotations__)
        ledger = self.run(f"SELECT {names} FROM {self.settings.dataset}.ledger WHERE source = 'backfill'")
        return Snapshot(rows, rejected, [LedgerEntry(**row) for row in ledger])

    def reconciliation(self) -> dict[str, dict[str, Any]]:
        """Return the rows of the view by their days."""
        rows = self.run(f"SELECT * FROM {self.settings.dataset}.reconciliation")
        return {f"{row['log_date']}": row for row in rows}

    def unread(self) -> set[tuple[str, int]]:
        """Return address and generation of the objects that are known to be unread."""
        rows = self.run(f"SELECT object, generation FROM {self.settings.dataset}.unread_objects")
        return {(row["object"], row["generation"]) for row in rows}
