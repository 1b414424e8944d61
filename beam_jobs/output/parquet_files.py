"""Parsed blocks as Parquet files: one per block and log date, with deterministic names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from beam_jobs.access_log import ParsedBlock
from beam_jobs.access_log.arrow.parquet import writer_options
from beam_jobs.output.identity import OFFSET_DIGITS, REJECTED_SCHEMA, ROWS_SCHEMA, identified_in_object, object_hash
from beam_jobs.output.manifest import RunInfo
from beam_jobs.output.records import BlockParsed
from beam_jobs.storage.files import write_object
from beam_jobs.storage.objects import StoredObject


def write_block(parsed: ParsedBlock, stored: StoredObject, offset: int, run: RunInfo) -> BlockParsed:
    """Write a block's rows and rejected lines, each file atomically and under the name that a retry would use."""
    name = f"{object_hash(stored)}-{offset:0{OFFSET_DIGITS}d}.parquet"
    rows_files = []
    rows_by_date: dict[str, int] = {}
    for day, rows in _by_date(parsed.rows):
        uri = f"{run.output}/rows/{day}/{name}"
        write_parquet(uri, identified_in_object(rows, ROWS_SCHEMA, stored, run.parser_version, run.started))
        rows_files.append(uri)
        rows_by_date[day] = rows.num_rows
    rejected_files = []
    if parsed.rejected.num_rows:
        uri = f"{run.output}/rejected/{name}"
        rejected = identified_in_object(parsed.rejected, REJECTED_SCHEMA, stored, run.parser_version, run.started)
        write_parquet(uri, rejected)
        rejected_files.append(uri)
    return BlockParsed(
        lines=parsed.lines,
        blank=parsed.blank,
        rows_by_date=rows_by_date,
        rejected_by_reason=_counted(parsed.rejected.column("error_type")),
        rows_files=tuple(rows_files),
        rejected_files=tuple(rejected_files),
        frames=dict(parsed.frames),
        formats=dict(parsed.formats),
    )


def write_parquet(uri: str, table: pa.Table) -> None:
    """Write a table as one zstd Parquet file.

    Raises:
        OutputError: the folder cannot be written.
    """
    buffer = pa.BufferOutputStream()
    pq.write_table(table, buffer, **writer_options(table.schema.names))
    write_object(uri, memoryview(buffer.getvalue()))


def write_empty(folder: str, schema: pa.Schema) -> str:
    """Write a file without rows, for a load job must name at least one file; returns its name."""
    uri = f"{folder}/empty.parquet"
    write_parquet(uri, schema.empty_table())
    return uri


def _by_date(rows: pa.RecordBatch) -> Iterator[tuple[str, pa.RecordBatch]]:
    days = _counted(rows.column("log_date"))
    if len(days) > 1:
        rows = rows.take(pc.array_sort_indices(rows.column("log_date")))
        days = _counted(rows.column("log_date"))
    start = 0
    for day, count in days.items():
        yield day.isoformat(), rows.slice(start, count)
        start += count


def _counted(column: Any) -> dict[Any, int]:
    """Count each value, in the order of first occurrence."""
    counted = pc.value_counts(column)
    return dict(zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True))
