"""Days of a log on their way through the warehouse, without Airflow: parsed, landed, built and summarised."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from google.cloud import bigquery

from beam_jobs.backfill import job as backfill
from logline.summaries.portions import ChangedDay, Portion, portions
from tests.sql.warehouse import DAILY_TABLES, FINDINGS, STAGED, Warehouse, portion_of


def load(warehouse: Warehouse, table: str, rows: pa.Table) -> None:
    load_table(warehouse.client, f"{warehouse.dataset}.{table}", rows)


def load_table(client: bigquery.Client, table: str, rows: pa.Table) -> None:
    parquet = io.BytesIO()
    schema = client.get_table(table).schema
    may_be_null = {column.name: column.mode != "REQUIRED" for column in schema}
    fields = [field.with_nullable(may_be_null[field.name]) for field in rows.schema]
    pq.write_table(rows.cast(pa.schema(fields)), parquet)
    options = bigquery.LoadJobConfig(source_format="PARQUET", schema=schema)
    client.load_table_from_file(parquet, table, rewind=True, job_config=options).result()


def rebuild(warehouse: Warehouse, day: date, *tables: str) -> None:
    """Build a day from scratch: `requests`, or daily tables."""
    build(warehouse, portion_of(day), *tables)


def build(warehouse: Warehouse, portion: Portion, *tables: str) -> None:
    """Build a portion as daily_summary does: `requests`, `hourly_sequences`, or daily tables."""
    if "requests" in tables:
        warehouse.run(warehouse.sql("requests/rebuild.sql", portion))
    if "hourly_sequences" in tables:
        warehouse.run(warehouse.sql("hourly_sequences/rebuild.sql", portion))
    daily_tables = [table for table in tables if table in DAILY_TABLES]
    findings = [table for table in tables if table in FINDINGS]
    if daily_tables or findings:
        warehouse.run(warehouse.sql("daily/request_groups.sql", portion))
    if daily_tables:
        warehouse.run(warehouse.sql("daily/rebuild.sql", portion, daily_tables=daily_tables))
    if findings:
        warehouse.run(warehouse.sql("findings/rebuild.sql", portion, findings=findings))


def summarise(warehouse: Warehouse, run_id: str = "run-1") -> list[ChangedDay]:
    """Build what daily_summary would build now, through all of its gates, which must let it pass; return the days."""
    days = changed_days(warehouse, run_id=run_id)
    for portion in portions(days):

        def ask(template: str) -> list[dict[str, Any]]:
            return warehouse.run(warehouse.sql(template, portion, run_id=run_id))  # noqa: B023 (called at once)

        def passes(gate: str) -> None:
            checks = ask(f"{gate}/checks.sql")
            assert [check for check in checks if check["level"] == "fail" and not check["passed"]] == []

        portion = replace(portion, streamed=tuple(row["day"] for row in ask("landing/streamed_days.sql")))
        passes("landing")
        ask("requests/rebuild.sql")
        passes("requests")
        beside = {row["day"] for row in ask("request_builds/neighbours.sql")} - {day.day for day in days}
        portion = replace(portion, unknown=tuple(beside))
        ask("daily/request_groups.sql")
        portion = replace(portion, numbered=tuple(row["day"] for row in ask("hourly_sequences/numbered_days.sql")))
        ask("daily/rebuild.sql")
        ask("hourly_sequences/rebuild.sql")
        ask("findings/rebuild.sql")
        passes("daily_summary")
        ask("request_builds/summarised.sql")
    return days


def changed_days(warehouse: Warehouse, **values: object) -> list[ChangedDay]:
    """The days that daily_summary would build now."""
    return [ChangedDay(**row) for row in warehouse.run(warehouse.sql("request_builds/changed.sql", None, **values))]


def backfilled(log: Path, folder: Path, warehouse: Warehouse, *options: str) -> list[date]:
    """Parse a log and land it with its ledger as log_backfill does, and rebuild its days as daily_summary does."""
    options = (f"--source={log}", f"--output={folder}", "--run_id=proof", "--runner=FnApiRunner", *options)
    assert backfill.main(list(options)) == 0
    manifest = json.loads((folder / "manifest.json").read_text())
    landed = {
        name: pa.concat_tables(pq.read_table(file) for file in files)
        for name, files in manifest["files"].items()
        if files
    }
    rows = landed["rows"]
    for name, table in landed.items():
        load(warehouse, STAGED[name], table)
    days: list[date] = sorted({day for day in rows["log_date"].to_pylist() if day is not None})
    for day in days:
        rebuild(warehouse, day, "requests")
        rebuild(warehouse, day, *DAILY_TABLES, *FINDINGS, "hourly_sequences")
    return days
