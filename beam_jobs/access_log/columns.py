"""From scanned lines to Arrow columns: texts are copied into their buffers, numbers are taken as they are."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from beam_jobs.access_log.arrays import buffer, int64_array, nullable_int64_array
from beam_jobs.access_log.compilation import compiled
from beam_jobs.access_log.schema import ROWS_SCHEMA, TEXT_FIELDS, Column
from beam_jobs.access_log.user_agents import classify_column
from beam_jobs.access_log.words import PADDING, address_of, copy_32, int64, uint8


class Lines(NamedTuple):
    """The accepted lines of a block, one entry per line in every array.

    Attributes:
        texts: Shape (lines, 2 * 8): for each of `TEXT_FIELDS` where it begins and how many bytes it has, -1 for null.
            Beginnings from the block's size on lie in the overflow.
        timestamps: Microseconds since 1970 (UTC).
        statuses: -1 for null.
        sizes: Byte counts, -1 for null.
        dates: UTC dates in days since 1970.
        hashes: Shape (lines, 2): the two words of the line's hash.
        starts: The offset of the line's first byte in the block.
    """

    texts: npt.NDArray[np.int32]
    timestamps: npt.NDArray[np.int64]
    statuses: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]
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
    texts = dict(zip(TEXT_FIELDS, _text_columns(lines.texts, block, overflow), strict=True))
    columns: dict[str, Column] = {**texts}
    columns["log_date"] = pa.Array.from_buffers(pa.date32(), size, [None, buffer(lines.dates)])
    columns["timestamp"] = pa.Array.from_buffers(
        ROWS_SCHEMA.field("timestamp").type, size, [None, buffer(lines.timestamps)]
    )
    columns["status"] = nullable_int64_array(lines.statuses)
    columns["body_bytes_sent"] = nullable_int64_array(lines.sizes)
    columns["browser"], columns["os"], columns["device"], columns["is_bot"] = classify_column(texts["user_agent"])
    columns["host"] = pa.nulls(size, pa.string())
    columns["request_duration_ms"] = pa.nulls(size, pa.float64())
    columns["raw_line_hash"] = pa.Array.from_buffers(pa.binary(16), size, [None, buffer(lines.hashes)])
    columns["source_offset"] = int64_array(lines.starts.astype(np.int64) + base_offset)
    return pa.record_batch([columns[name] for name in ROWS_SCHEMA.names], schema=ROWS_SCHEMA)


def _text_columns(
    texts: npt.NDArray[np.int32], block: npt.NDArray[np.uint8], overflow: npt.NDArray[np.uint8]
) -> list[Column]:
    size = len(texts)
    lengths = texts[:, 1::2]
    nulls = np.count_nonzero(lengths < 0, axis=0)
    text_bytes = lengths.sum(axis=0, dtype=np.int64) + nulls
    ends = np.cumsum(text_bytes + PADDING)
    begins = ends - text_bytes - PADDING
    values = np.empty(int(ends[-1]), np.uint8)
    offsets = np.empty((len(TEXT_FIELDS), size + 1), np.int32)
    validity = np.zeros((len(TEXT_FIELDS), (size + 7) // 8), np.uint8)
    _gather(texts, block, overflow, begins, nulls > 0, values, offsets, validity)
    return [
        pa.Array.from_buffers(
            pa.string(),
            size,
            [
                buffer(validity[column]) if nulls[column] else None,
                buffer(offsets[column]),
                buffer(values[begins[column] : begins[column] + text_bytes[column]]),
            ],
            int(nulls[column]),
        )
        for column in range(len(TEXT_FIELDS))
    ]


@compiled
def _gather(
    texts: npt.NDArray[np.int32],
    block: npt.NDArray[np.uint8],
    overflow: npt.NDArray[np.uint8],
    begins: npt.NDArray[np.int64],
    nullable: npt.NDArray[np.bool_],
    values: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int32],
    validity: npt.NDArray[np.uint8],
) -> None:
    """Copies the texts, 32 bytes at a time, into one buffer per column, and fills in offsets and validity bits.

    Columns that are not `nullable` need no validity. `values` holds all columns, each from its place in `begins`
    on and with `PADDING` bytes behind it.
    """
    columns = begins.size
    in_block = address_of(block)
    in_overflow = address_of(overflow) - block.size
    targets = address_of(values) + begins
    for column in range(columns):
        offsets[column, 0] = 0
    for line in range(texts.shape[0]):
        for column in range(columns):
            length = int64(texts[line, 2 * column + 1])
            offset = offsets[column, line]
            if length >= 0:
                if nullable[column]:
                    validity[column, line >> 3] |= uint8(1 << (line & 7))
                begin = int64(texts[line, 2 * column])
                source = begin + (in_block if begin < block.size else in_overflow)
                target = targets[column] + offset
                copied = int64(0)
                while copied < length:
                    copy_32(target + copied, source + copied)
                    copied += 32
                offset += length
            offsets[column, line + 1] = offset
