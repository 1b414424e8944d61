"""String columns gathered from texts that lie anywhere in a buffer."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from beam_jobs.access_log.arrow.arrays import buffer
from beam_jobs.access_log.arrow.schema import Column
from beam_jobs.access_log.compiled.jit import compiled
from beam_jobs.access_log.compiled.simd import (
    AHEAD,
    PADDING,
    Number,
    address_of,
    copy_64,
    int64,
    lowest_bit,
    matching,
    prefetch,
    uint8,
)
from beam_jobs.access_log.memory import room


def text_columns(
    texts: npt.NDArray[np.int32],
    block: npt.NDArray[np.uint8],
    overflow: npt.NDArray[np.uint8],
    wanted: Sequence[int] | None = None,
) -> list[Column]:
    """Build string columns.

    Args:
        texts: Shape (lines, 2 * columns): per line and column where the text begins and how many bytes it has, -1 for
            null. Beginnings from the block's size on lie in the overflow.
        block: Bytes, read-only, of which `PADDING` more can be read behind every text.
        overflow: Further such bytes.
        wanted: Which of the columns; None for all.

    Returns:
        The columns wanted, each of `lines` values and less than 2 GiB.
    """
    places = 2 * np.array(range(texts.shape[1] // 2) if wanted is None else wanted, np.int64)
    size, count = len(texts), len(places)
    text_bytes = np.zeros(count, np.int64)
    nulls = np.zeros(count, np.int64)
    _measure(texts, places, text_bytes, nulls)
    # Few formats have all columns.
    filled = np.flatnonzero((nulls < size) | (size == 0))
    columns: list[Column] = [pa.nulls(size, pa.string())] * count
    text_bytes, nulls = text_bytes[filled], nulls[filled]
    ends = np.cumsum(text_bytes + PADDING)
    begins = ends - text_bytes - PADDING
    values = room(np.uint8, int(ends[-1]) if len(filled) else 0)
    offsets = room(np.int32, len(filled), size + 1)
    validity = np.zeros((len(filled), (size + 7) // 8), np.uint8)
    _gather(texts, places[filled], block, overflow, begins, nulls > 0, values, offsets, validity)
    for place, column in enumerate(filled.tolist()):
        buffers = [
            buffer(validity[place]) if nulls[place] else None,
            buffer(offsets[place]),
            buffer(values[begins[place] : begins[place] + text_bytes[place]]),
        ]
        columns[column] = pa.Array.from_buffers(pa.string(), size, buffers, int(nulls[place]))
    return columns


def rows_with(column: Column, byte: int) -> npt.NDArray[np.int64]:
    """Return which values of an array of strings hold a byte, and perhaps some that are null."""
    _, offset_buffer, text_buffer = cast(Any, column).buffers()
    offsets = np.frombuffer(offset_buffer or bytes(4), np.int32)[column.offset :][: len(column) + 1]
    texts = np.frombuffer(text_buffer or b"", np.uint8)
    # Some buffers can be written to and others cannot: code is compiled for one kind.
    offsets.flags.writeable = texts.flags.writeable = False
    rows = np.empty(len(column), np.int64)
    return rows[: _rows_with(offsets, texts, byte, rows)]


@compiled
def _rows_with(
    offsets: npt.NDArray[np.int32], texts: npt.NDArray[np.uint8], byte: int, rows: npt.NDArray[np.int64]
) -> Number:
    """Find the byte in all texts at once, then whose it is; `rows` is filled in."""
    begin = address_of(texts)
    found = int64(0)
    row = int64(0)
    position = int64(offsets[0])
    end = int64(offsets[offsets.size - 1])
    while position < end:
        if position + PADDING <= texts.size:
            hits = matching(begin + position, uint8(byte))
            if hits == 0:
                position += 64
                continue
            position += lowest_bit(hits)
            if position >= end:
                break
        elif texts[position] != byte:
            position += 1
            continue
        while offsets[row + 1] <= position:
            row += 1
        rows[found] = row
        found += 1
        position = int64(offsets[row + 1])
    return found


@compiled
def _measure(
    texts: npt.NDArray[np.int32],
    places: npt.NDArray[np.int64],
    text_bytes: npt.NDArray[np.int64],
    nulls: npt.NDArray[np.int64],
) -> None:
    """Add up the bytes and the nulls of every column."""
    for line in range(texts.shape[0]):
        for column in range(places.size):
            length = int64(texts[line, places[column] + 1])
            text_bytes[column] += max(length, 0)
            nulls[column] += length < 0


@compiled
def _gather(
    texts: npt.NDArray[np.int32],
    places: npt.NDArray[np.int64],
    block: npt.NDArray[np.uint8],
    overflow: npt.NDArray[np.uint8],
    begins: npt.NDArray[np.int64],
    nullable: npt.NDArray[np.bool_],
    values: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int32],
    validity: npt.NDArray[np.uint8],
) -> None:
    """Copy the texts, 64 bytes at a time, into one buffer per column, and fills in offsets and validity bits.

    Where a column's text begins stands in `texts` at its place of `places`, its length behind that. Columns that are
    not `nullable` need no validity. `values` holds all columns, each from its place in `begins`
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
            length = int64(texts[line, places[column] + 1])
            offset = offsets[column, line]
            if length >= 0:
                if nullable[column]:
                    validity[column, line >> 3] |= uint8(1 << (line & 7))
                begin = int64(texts[line, places[column]])
                source = begin + (in_block if begin < block.size else in_overflow)
                target = targets[column] + offset
                prefetch(source + AHEAD)
                copied = int64(0)
                while copied < length:
                    copy_64(target + copied, source + copied)
                    copied += 64
                offset += length
            offsets[column, line + 1] = offset
