"""From the accepted lines of a block to a record batch."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from beam_jobs.access_log.arrow.arrays import buffer, int64_array, nullable_float64_array, nullable_int64_array
from beam_jobs.access_log.arrow.schema import ROWS_SCHEMA, TEXT_FIELDS, Column
from beam_jobs.access_log.arrow.strings import text_columns
from beam_jobs.access_log.arrow.user_agents import classify_column

_PLAIN = {name: column for column, name in enumerate(TEXT_FIELDS) if name != "user_agent"}


class Lines(NamedTuple):
    """The accepted lines of a block, one entry per line in every array.

    Attributes:
        texts: Shape (lines, 2 * 9): for each of `TEXT_FIELDS` where it begins and how many bytes it has, -1 for null.
            Beginnings from the block's size on lie in the overflow.
        timestamps: Microseconds since 1970 (UTC).
        statuses: -1 for null.
        sizes: Byte counts, -1 for null.
        durations: Milliseconds, NaN for null.
        dates: UTC dates in days since 1970.
        hashes: Shape (lines, 2): the two words of the line's hash.
        starts: The offset of the line's first byte in the block.
    """

    texts: npt.NDArray[np.int32]
    timestamps: npt.NDArray[np.int64]
    statuses: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]
    durations: npt.NDArray[np.float64]
    dates: npt.NDArray[np.int32]
    hashes: npt.NDArray[np.uint64]
    starts: npt.NDArray[np.int32]


def rows_batch(
    lines: Lines, block: npt.NDArray[np.uint8], overflow: npt.NDArray[np.uint8], base_offset: int
) -> pa.RecordBatch:
    """Builds the record batch, in `ROWS_SCHEMA`, of the accepted lines of a block.

    Args:
        lines: What the scanner and the reference parser found.
        block: The bytes of the block.
        overflow: The bytes of texts that do not stand in the block as they are, and `PADDING` bytes.
        base_offset: The offset of the block's first byte in its file.
    """
    size = len(lines.starts)
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
    columns["source_offset"] = int64_array(lines.starts.astype(np.int64) + base_offset)
    return pa.record_batch([columns[name] for name in ROWS_SCHEMA.names], schema=ROWS_SCHEMA)
