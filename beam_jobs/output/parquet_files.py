"""From parsed blocks to Parquet files: identity columns, one file per block and log date, deterministic names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from beam_jobs.access_log import PLAIN_ROWS_SCHEMA, ParsedBlock
from beam_jobs.access_log import REJECTED_SCHEMA as PARSED_REJECTED_SCHEMA
from beam_jobs.access_log.arrow.arrays import buffer
from beam_jobs.access_log.arrow.parquet import writer_options
from beam_jobs.access_log.compiled.jit import compiled
from beam_jobs.output.manifest import SOURCE, BlockParsed, RunInfo
from beam_jobs.storage.files import StoredObject, write_object

_TIMESTAMP = pa.timestamp("us", tz="UTC")
_OFFSET_DIGITS = 15

ROWS_SCHEMA = pa.schema(
    [field for field in PLAIN_ROWS_SCHEMA if field.name != "source_offset"]
    + [
        pa.field("event_id", pa.string()),
        pa.field("source", pa.string()),
        pa.field("source_uri", pa.string()),
        pa.field("source_offset", pa.int64()),
        pa.field("parser_version", pa.string()),
        pa.field("ingested_at", _TIMESTAMP),
    ]
)
"""The columns of `backfilled_requests`, in their order."""

REJECTED_SCHEMA = pa.schema(
    [field for field in PARSED_REJECTED_SCHEMA if field.name != "source_offset"]
    + [
        pa.field("source", pa.string()),
        pa.field("source_uri", pa.string()),
        pa.field("source_offset", pa.int64()),
        pa.field("event_id", pa.string()),
        pa.field("parser_version", pa.string()),
        pa.field("ingested_at", _TIMESTAMP),
        pa.field("replayed_at", _TIMESTAMP),
    ]
)
"""The columns of `rejected_lines`, in their order."""


def object_hash(stored: StoredObject) -> str:
    """16 hex characters that stand for one generation of one object in event ids and file names."""
    return hashlib.sha256(f"{stored.uri}#{stored.generation}".encode()).hexdigest()[:16]


def write_block(parsed: ParsedBlock, stored: StoredObject, offset: int, run: RunInfo) -> BlockParsed:
    """Write a block's rows and rejected lines, each file at once under a name that a retry gives again.

    Args:
        parsed: the block.
        stored: the object it is of.
        offset: where the block begins; with the object it names the files.
        run: the run.

    Returns:
        The block's counts and the names of its files.

    Raises:
        OutputError: the output folder cannot be written.
    """
    name = f"{object_hash(stored)}-{offset:0{_OFFSET_DIGITS}d}.parquet"
    rows_files = []
    rows_by_date: dict[str, int] = {}
    for day, rows in _by_date(parsed.rows):
        uri = f"{run.output}/rows/{day}/{name}"
        write_parquet(uri, _identified(rows, ROWS_SCHEMA, stored, run))
        rows_files.append(uri)
        rows_by_date[day] = rows.num_rows
    rejected_files = []
    if parsed.rejected.num_rows:
        uri = f"{run.output}/rejected/{name}"
        write_parquet(uri, _identified(parsed.rejected, REJECTED_SCHEMA, stored, run))
        rejected_files.append(uri)
    return BlockParsed(
        lines=parsed.lines,
        blank=parsed.blank,
        rows_by_date=rows_by_date,
        rejected_by_reason=_counted(parsed.rejected.column("error_type")),
        rows_files=tuple(rows_files),
        rejected_files=tuple(rejected_files),
    )


def write_parquet(uri: str, table: pa.Table) -> None:
    """Write a table as one zstd Parquet file.

    Raises:
        OutputError: the folder cannot be written.
    """
    buffer = pa.BufferOutputStream()
    pq.write_table(table, buffer, **writer_options(table.schema.names))
    write_object(uri, memoryview(buffer.getvalue()))


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
    """How often each value occurs, in the order of their first occurrences."""
    counted = pc.value_counts(column)
    return dict(zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True))


def _identified(batch: pa.RecordBatch, schema: pa.Schema, stored: StoredObject, run: RunInfo) -> pa.Table:
    """The batch with the columns that say where each line is from, in the schema's order."""
    constants: dict[str, Any] = {
        "source": SOURCE,
        "source_uri": stored.uri,
        "parser_version": run.parser_version,
        "ingested_at": run.started,
        "replayed_at": None,
    }
    columns: dict[str, Any] = {name: batch.column(name) for name in batch.schema.names}
    columns["event_id"] = _event_ids(object_hash(stored), columns["source_offset"])
    for name in constants.keys() & set(schema.names):
        columns[name] = _repeated(constants[name], schema.field(name).type, batch.num_rows)
    return pa.table([columns[name] for name in schema.names], names=schema.names)


def _event_ids(prefix: str, offsets: Any) -> Any:
    """`{prefix}:{offset of 15 digits}` for each offset."""
    count = len(offsets)
    beginning = np.frombuffer(f"{prefix}:".encode(), np.uint8)
    width = beginning.size + _OFFSET_DIGITS
    written = np.empty((count, width), np.uint8)
    _write_event_ids(beginning, np.frombuffer(offsets.buffers()[1], np.int64)[offsets.offset :][:count], written)
    ends = np.arange(0, (count + 1) * width, width, dtype=np.int32)
    return pa.Array.from_buffers(pa.string(), count, [None, buffer(ends), buffer(written)])


@compiled
def _write_event_ids(
    beginning: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], written: npt.NDArray[np.uint8]
) -> None:
    for line in range(offsets.size):
        for place in range(beginning.size):
            written[line, place] = beginning[place]
        offset = offsets[line]
        # Three digits a division.
        for place in range(written.shape[1] - 3, beginning.size - 1, -3):
            digits = offset % 1000
            offset //= 1000
            written[line, place] = 48 + digits // 100
            written[line, place + 1] = 48 + digits // 10 % 10
            written[line, place + 2] = 48 + digits % 10


def _repeated(value: Any, data_type: Any, count: int) -> Any:
    """A column of one value, dictionary encoded: Parquet then writes it once."""
    if value is None:
        return pa.nulls(count, type=data_type)
    return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), count), pa.array([value], data_type))
