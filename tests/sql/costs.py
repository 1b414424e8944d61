"""What the statements read of each row, from staging to the daily tables, as the local BigQuery counts bytes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from google.cloud.bigquery import CopyJobConfig, QueryJobConfig, ScalarQueryParameter

from beam_jobs.backfill import job as backfill
from logline.summaries.portions import portions
from tests.sql.days import changed_days, load_table
from tests.sql.warehouse import STAGED, SUFFIX, Warehouse

LAND = (
    *("backfilled_requests/checks.sql", "copied_readings/to_copy.sql", "copied_readings/begin.sql"),
    "backfilled_requests/land.sql",
)
# As `load` lays it out.
STAGED_ROWS = """
CREATE TABLE {{ staging }}.rows_{{ suffix }} (
  {% include 'sql/requests/column_definitions.sql' %},
  reading INT64
)
PARTITION BY log_date CLUSTER BY source_uri
"""
BUILD = (
    *("landing/streamed_days.sql", "landing/checks.sql", "requests/rebuild.sql", "requests/checks.sql"),
    *("request_builds/neighbours.sql", "daily/request_groups.sql", "hourly_sequences/numbered_days.sql"),
    *("daily/rebuild.sql", "hourly_sequences/rebuild.sql", "findings/rebuild.sql"),
    *("daily_summary/checks.sql", "request_builds/summarised.sql"),
)


class ParsedLog:
    """What the backfill job has made of a log.

    Attributes:
        manifest: the text of its manifest.
        rows: how many rows it has.
    """

    def __init__(self, log: Path, folder: Path, *, requests_a_visit: int = 1) -> None:
        """Parse.

        Args:
            log: the log.
            folder: takes the files of the job.
            requests_a_visit: how many lines after another are to be of one visitor; of generated ones each has its own.
        """
        options = [f"--source={log}", f"--output={folder}", "--run_id=cost", "--runner=FnApiRunner"]
        if backfill.main(options):
            raise RuntimeError(f"{log} was not parsed")
        self.manifest = (folder / "manifest.json").read_text()
        files = json.loads(self.manifest)["files"]
        self._tables = {name: pa.concat_tables(pq.read_table(file) for file in files[name]) for name in files}
        self.rows = self._tables["rows"].num_rows
        self._tables["rows"] = _of_visits(self._tables["rows"], requests_a_visit)

    def stage(self, warehouse: Warehouse) -> None:
        """Load it into staging tables."""
        warehouse.stage({name: [] for name in STAGED})
        warehouse.run(f"DROP TABLE {warehouse.staging}.rows_{SUFFIX};" + warehouse.sql(STAGED_ROWS))
        for name, table in self._tables.items():
            if table.num_rows:
                target = f"{warehouse.staging}.{name}_{SUFFIX}"
                known = [field.name for field in warehouse.client.get_table(target).schema]
                load_table(warehouse.client, target, table.select(known))


def _of_visits(rows: pa.Table, requests: int) -> pa.Table:
    """Give each row the visitor of the first of as many rows."""
    first = pa.array([number - number % requests for number in range(rows.num_rows)])
    of_visitor = ("remote_addr", "user_agent", "browser", "os", "device", "is_bot")
    for name in (*of_visitor, "agent_kind", "agent_name", "agent_operator", "agent_verified", "country"):
        index = rows.schema.get_field_index(name)
        rows = rows.set_column(index, rows.schema.field(index), rows.column(name).take(first))
    return rows


def bytes_of_builds(warehouse: Warehouse, log: ParsedLog) -> Iterator[tuple[str, int]]:
    """Land a staged log and build its days; yield each statement with the bytes that it has processed."""
    for template in LAND:
        if template == LAND[-1]:
            copy_staged(warehouse)
        yield template, processed(warehouse, warehouse.sql(template), log)
    yield "request_builds/changed.sql", processed(warehouse, warehouse.sql("request_builds/changed.sql"))
    (portion,) = portions(changed_days(warehouse))
    for template in BUILD:
        yield template, processed(warehouse, warehouse.sql(template, portion))


def copy_staged(warehouse: Warehouse) -> None:
    """Copy the staged rows, as `land` does."""
    config = CopyJobConfig(write_disposition="WRITE_APPEND")
    source, target = f"{warehouse.staging}.rows_{SUFFIX}", f"{warehouse.dataset}.backfilled_requests"
    warehouse.client.copy_table(source, target, job_config=config).result()


def processed(warehouse: Warehouse, sql: str, log: ParsedLog | None = None) -> int:
    """Run SQL, of a log's landing with its parameters, and return the bytes that it has processed."""
    parameters: list[ScalarQueryParameter] = []
    if log is not None:
        values = {
            "objects": ScalarQueryParameter("objects", "INT64", 1),
            "manifest": ScalarQueryParameter("manifest", "STRING", log.manifest),
            "max_rejected_percent": ScalarQueryParameter("max_rejected_percent", "FLOAT64", 10.0),
            "allow_empty": ScalarQueryParameter("allow_empty", "BOOL", False),
        }
        parameters = [value for name, value in values.items() if f"@{name}" in sql]
    job = warehouse.client.query(sql, job_config=QueryJobConfig(query_parameters=parameters), job_retry=None)
    job.result(job_retry=None)
    return int(job.total_bytes_processed or 0)
