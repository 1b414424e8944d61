"""From the accepted lines of a block to a record batch."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from beam_jobs.access_log.arrow.arrays import buffer, int64_array, nullable_float64_array, nullable_int64_array
from beam_jobs.access_log.arrow.schema import ROWS_SCHEMA, Column
from beam_jobs.access_log.arrow.strings import text_columns
from beam_jobs.access_log.arrow.user_agents import classify_column
from beam_jobs.access_log.formats.fields import TEXT_FIELDS
from beam_jobs.access_log.scanned_block import ScannedBlock

_PLAIN = {name: column for column, name in enumerate(TEXT_FIELDS) if name != "user_agent"}


def rows_batch(scanned: ScannedBlock, base_offset: int) -> pa.RecordBatch:
    """Build the record batch, in `ROWS_SCHEMA`, of the accepted lines of a block.

    Args:
        scanned: The lines of the block.
        base_offset: The offset of the block's first byte in its file.
    """
    lines, block, overflow = scanned.accepted(), scanned.block, scanned.overflow_bytes()
    size = len(lines.timestamps)
    plain = text_columns(lines.texts, block, overflow, list(_PLAIN.values()))
    columns: dict[str, Column] = dict(zip(_PLAIN, plain, strict=True))
    columns["log_date"] = pa.Array.from_buffers(pa.date32(), size, [None, buffer(lines.dates)])
    columns["timestamp"] = pa.Array.from_buffers(
        ROWS_SCHEMA.field("timestamp").type, size, [None, buffer(lines.timestamps)]
    )
    columns["status"] = nullable_int64_array(lines.statuses)
    columns["body_bytes_sent"] = nullable_int64_array(lines.sizes)
    columns["user_agent"], columns["browser"], columns["os"], columns["device"], columns["is_bot"] = classify_column(
        lines.texts, TEXT_FIELDS.index("user_agent"), block, overflow
    )
    columns["request_duration_ms"] = nullable_float64_array(lines.durations)
    columns["raw_line_hash"] = pa.Array.from_buffers(pa.binary(16), size, [None, buffer(lines.hashes)])
    columns["source_offset"] = int64_array(lines.bounds[:, 0].astype(np.int64) + base_offset)
    return pa.record_batch([columns[name] for name in ROWS_SCHEMA.names], schema=ROWS_SCHEMA)


def with_offsets(rows: pa.RecordBatch, offsets: npt.NDArray[np.int64]) -> pa.RecordBatch:
    """Return rows with other source offsets."""
    columns: dict[str, Column] = dict(zip(rows.schema.names, rows.columns, strict=True))
    columns["source_offset"] = int64_array(np.ascontiguousarray(offsets))
    return pa.record_batch([columns[name] for name in rows.schema.names], schema=rows.schema)


def in_order(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """Return the rows of several batches in the order of their source offsets."""
    filled = [batch for batch in batches if batch.num_rows]
    if len(filled) < 2:
        return (filled or batches)[0]
    table: Any = pa.Table.from_batches(filled).unify_dictionaries().combine_chunks()
    order = np.argsort(table.column("source_offset").to_numpy(), kind="stable")
    return cast(pa.RecordBatch, table.take(pa.array(order)).combine_chunks().to_batches()[0])
