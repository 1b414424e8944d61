"""From the lines of a block to record batches."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from beam_jobs.access_log.arrow.arrays import buffer, int64_array, nullable_array, number_values
from beam_jobs.access_log.arrow.schema import REJECTED_SCHEMA, ROWS_SCHEMA, Column
from beam_jobs.access_log.arrow.sequences import sequence_columns
from beam_jobs.access_log.arrow.strings import text_columns
from beam_jobs.access_log.arrow.user_agents import classify_columns
from beam_jobs.access_log.formats.fields import TEXT_FIELDS
from beam_jobs.access_log.scanned_block import ScannedBlock

_NONE_REJECTED = pa.record_batch([pa.nulls(0, field.type) for field in REJECTED_SCHEMA], schema=REJECTED_SCHEMA)
_PLAIN = {name: column for column, name in enumerate(TEXT_FIELDS) if name != "user_agent"}


def rows_batch(scanned: ScannedBlock, base_offset: int) -> pa.RecordBatch:
    """Build the record batch, in `ROWS_SCHEMA`, of the accepted lines of a block."""
    lines, block, overflow = scanned.accepted(), scanned.block, scanned.overflow_bytes()
    size = len(lines.verdicts)
    dates = (lines.timestamps // 86_400_000_000).astype(np.int32)
    plain = text_columns(lines.texts, block, overflow, list(_PLAIN.values()))
    columns: dict[str, Column] = dict(zip(_PLAIN, plain, strict=True))
    columns["log_date"] = pa.Array.from_buffers(pa.date32(), size, [None, buffer(dates)])
    columns["timestamp"] = pa.Array.from_buffers(
        ROWS_SCHEMA.field("timestamp").type, size, [None, buffer(lines.timestamps)]
    )
    columns["status"] = nullable_array(pa.int64(), lines.statuses, lines.statuses >= 0)
    columns["body_bytes_sent"] = nullable_array(pa.int64(), lines.sizes, lines.sizes >= 0)
    classified = classify_columns(
        lines.texts, TEXT_FIELDS.index("user_agent"), TEXT_FIELDS.index("remote_addr"), block, overflow
    )
    columns |= classified._asdict()
    columns["request_duration_ms"] = nullable_array(pa.float64(), lines.durations, ~np.isnan(lines.durations))
    columns["raw_line_hash"] = pa.Array.from_buffers(pa.binary(16), size, [None, buffer(lines.hashes)])
    columns["source_offset"] = int64_array(lines.bounds[:, 0].astype(np.int64) + base_offset)
    columns |= sequence_columns(lines.texts, block, overflow)
    # Where clients are, only a parser with a database says.
    columns |= {name: pa.nulls(size, ROWS_SCHEMA.field(name).type) for name in ("country", "asn", "network")}
    return pa.record_batch([columns[name] for name in ROWS_SCHEMA.names], schema=ROWS_SCHEMA)


def rejected_batch(scanned: ScannedBlock, base_offset: int, max_line_bytes: int) -> pa.RecordBatch:
    """Build the record batch, in `REJECTED_SCHEMA`, of the rejected lines of a block."""
    lines, numbers, rejections = scanned.rejected()
    if not rejections:
        return _NONE_REJECTED
    # A block may be made of nothing else, but it has few different messages.
    reasons_and_messages = np.array(
        [(*scanned.add_text(one.reason.encode()), *scanned.add_text(one.message.encode())) for one in rejections],
        np.int32,
    ).reshape(-1, 4)
    places = np.concatenate((scanned.places(lines, max_line_bytes), reasons_and_messages[numbers]), axis=1)
    raw_line, reason, message = text_columns(places, scanned.block, scanned.overflow_bytes())
    raw_line = pa.Array.from_buffers(pa.binary(), len(lines), raw_line.buffers())
    source_offset = int64_array(scanned.lines.bounds[lines, 0].astype(np.int64) + base_offset)
    return pa.record_batch([raw_line, reason, message, source_offset], schema=REJECTED_SCHEMA)


def with_offsets(rows: pa.RecordBatch, offsets: npt.NDArray[np.int64]) -> pa.RecordBatch:
    """Return rows with other source offsets."""
    columns: dict[str, Column] = dict(zip(rows.schema.names, rows.columns, strict=True))
    columns["source_offset"] = int64_array(np.ascontiguousarray(offsets))
    return pa.record_batch([columns[name] for name in rows.schema.names], schema=rows.schema)


def in_order(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """Return the rows, or the rejected lines, of several batches in the order of their source offsets."""
    filled = [batch for batch in batches if batch.num_rows]
    if len(filled) < 2:
        return (filled or batches)[0]
    table: Any = pa.Table.from_batches(filled).unify_dictionaries().combine_chunks()
    order = np.argsort(number_values(table.column("source_offset").chunk(0), np.int64), kind="stable")
    return cast(pa.RecordBatch, table.take(int64_array(order)).combine_chunks().to_batches()[0])
