"""Hashes of rows by their values, for rows whose original line must not be guessed from its hash.

What is hashed is, of each row, its numbers as 8 bytes each in little-endian order, the lowest one for null, then its
texts, each behind a byte that is 1, or 0 for null, and before a byte 0x1f.
"""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from beam_jobs.access_log.arrow.arrays import buffer
from beam_jobs.access_log.arrow.schema import Column
from beam_jobs.access_log.compiled.jit import compiled
from beam_jobs.access_log.compiled.murmur3 import hash_lines
from beam_jobs.access_log.compiled.simd import PADDING, address_of, copy_32, int64, load_byte

_NULL = np.int64(-(2**63))


def hash_rows(numbers: Sequence[Column], texts: Sequence[Column]) -> Column:
    """Return the MurmurHash3 x64 128 (seed 0) of each row's values, `fixed_size_binary(16)`.

    Args:
        numbers: Columns of types of 64 bits.
        texts: Columns of type string.
    """
    size = len(texts[0])
    starts = np.empty((len(texts), size), np.int64)
    lengths = np.empty((len(texts), size), np.int64)
    ends = np.empty(len(texts), np.int64)
    held = []
    for column, text in enumerate(texts):
        _, offset_buffer, data_buffer = text.buffers()
        offsets = np.frombuffer(cast(Any, offset_buffer), np.int32)[text.offset : text.offset + size + 1]
        data = np.frombuffer(cast(Any, data_buffer), np.uint8) if data_buffer else np.empty(0, np.uint8)
        held.append(data)
        starts[column] = offsets[:-1].astype(np.int64) + data.ctypes.data
        lengths[column] = np.where(_valid(text), np.diff(offsets), -1)
        ends[column] = data.ctypes.data + data.size
    row_bytes = 8 * len(numbers) + np.maximum(lengths, 0).sum(axis=0) + 2 * len(texts)
    places = np.zeros(size + 1, np.int64)
    np.cumsum(row_bytes, out=places[1:])
    rows = np.empty(int(places[-1]) + PADDING, np.uint8)
    _fill(starts, lengths, ends, places + 8 * len(numbers), rows)
    for column, number in enumerate(numbers):
        values = np.frombuffer(cast(Any, number.buffers()[1]), np.int64)[number.offset : number.offset + size]
        _put(np.where(_valid(number), values, _NULL), places + 8 * column, rows)
    rows.flags.writeable = False
    hashes = np.empty((size, 2), np.uint64)
    bounds = np.stack((places[:-1], places[1:]), axis=1).astype(np.int32)
    hash_lines(rows, 0, bounds, 0, size, hashes)
    return pa.Array.from_buffers(pa.binary(16), size, [None, buffer(hashes)])


def _valid(column: Column) -> npt.NDArray[np.bool_]:
    valid: npt.NDArray[np.bool_] = column.is_valid().to_numpy(zero_copy_only=False)
    return valid


@compiled
def _fill(
    starts: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
    places: npt.NDArray[np.int64],
    rows: npt.NDArray[np.uint8],
) -> None:
    """Put the texts of each row behind its place; the last bytes of `rows` are for copies that write too much."""
    base = address_of(rows)
    for line in range(starts.shape[1]):
        place = places[line]
        for column in range(starts.shape[0]):
            length = lengths[column, line]
            source = starts[column, line]
            rows[place] = 0 if length < 0 else 1
            place += 1
            copied = int64(0)
            while copied < length:
                if source + copied + 32 <= ends[column]:
                    copy_32(base + place + copied, source + copied)
                    copied += 32
                else:
                    rows[place + copied] = load_byte(source + copied)
                    copied += 1
            place += max(length, 0)
            rows[place] = 0x1F
            place += 1


@compiled
def _put(values: npt.NDArray[np.int64], places: npt.NDArray[np.int64], rows: npt.NDArray[np.uint8]) -> None:
    for line in range(values.size):
        value = values[line]
        for byte in range(8):
            rows[places[line] + byte] = (value >> (8 * byte)) & 0xFF
