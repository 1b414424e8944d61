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
from beam_jobs.access_log.compiled.jit import compiled, inlined
from beam_jobs.access_log.compiled.murmur3 import hash_lines
from beam_jobs.access_log.compiled.simd import (
    PADDING,
    Number,
    address_of,
    copy_64,
    int64,
    load_byte,
    load_number,
    load_word,
    store_number,
    uint64,
)
from beam_jobs.access_log.memory import room

_NULL = -(2**63)
_END = 0x1F
_ROWS_AT_ONCE = 256
_BYTES_AT_ONCE = 1 << 17

# Addresses of a column's buffers: its validity, 0 where nothing is null; its values or its offsets; the bytes of its
# texts, and the end of these; then the number of its first value.
_VALIDITY, _VALUES, _TEXTS, _TEXTS_END, _FIRST = range(5)


def hash_rows(numbers: Sequence[Column], texts: Sequence[Column]) -> Column:
    """Return the MurmurHash3 x64 128 (seed 0) of each row's values, `fixed_size_binary(16)`.

    Args:
        numbers: Columns of types of 64 bits.
        texts: Columns of type string.
    """
    size = len(texts[0])
    hashes = room(np.uint64, size, 2)
    _hash_rows(_buffers(numbers), _buffers(texts), hashes)
    return pa.Array.from_buffers(pa.binary(16), size, [None, buffer(hashes)])


def _buffers(columns: Sequence[Column]) -> npt.NDArray[np.int64]:
    """Return where the buffers of each column are."""
    found = np.zeros((len(columns), 5), np.int64)
    for place, column in enumerate(cast(Any, columns)):
        validity, values, *texts = column.buffers()
        found[place, _VALIDITY] = validity.address if validity and column.null_count else 0
        found[place, _VALUES] = values.address if values else 0
        for text_buffer in filter(None, texts):
            found[place, _TEXTS:_FIRST] = text_buffer.address, text_buffer.address + text_buffer.size
        found[place, _FIRST] = column.offset
    return found


@compiled
def _hash_rows(numbers: npt.NDArray[np.int64], texts: npt.NDArray[np.int64], hashes: npt.NDArray[np.uint64]) -> None:
    """Write as many rows as the cache holds one behind the other, and hash them."""
    written = np.empty(_BYTES_AT_ONCE, np.uint8)
    bounds = np.empty((_ROWS_AT_ONCE, 2), np.int32)
    first = end = int64(0)
    for row in range(hashes.shape[0]):
        length = 8 * int64(numbers.shape[0])
        for column in range(texts.shape[0]):
            begin, text_end = _bounds_of_text(texts, column, row)
            length += text_end - begin + 2
        if row - first == _ROWS_AT_ONCE or end + length + PADDING + 8 > written.size:
            hash_lines(written, 0, bounds, 0, row - first, hashes[first:row])
            first, end = row, int64(0)
            if length + PADDING + 8 > written.size:
                written = np.empty(length + PADDING + 8, np.uint8)
        bounds[row - first, 0] = end
        _write_row(numbers, texts, row, address_of(written) + end)
        end += length
        bounds[row - first, 1] = end
    hash_lines(written, 0, bounds, 0, hashes.shape[0] - first, hashes[first:])


@inlined
def _write_row(numbers: npt.NDArray[np.int64], texts: npt.NDArray[np.int64], row: int, target: int) -> None:
    for column in range(numbers.shape[0]):
        value = load_number(numbers[column, _VALUES], row + numbers[column, _FIRST])
        store_number(target, int64(0), value if _is_there(numbers, column, row) else int64(_NULL))
        target += 8
    for column in range(texts.shape[0]):
        there = _is_there(texts, column, row)
        store_number(target, int64(0), int64(there))
        target += 1
        begin, end = _bounds_of_text(texts, column, row)
        _copy(target, texts[column, _TEXTS] + begin, end - begin, texts[column, _TEXTS_END])
        target += end - begin
        store_number(target, int64(0), int64(_END))
        target += 1


@inlined
def _is_there(columns: npt.NDArray[np.int64], column: int, row: int) -> bool:
    validity = columns[column, _VALIDITY]
    place = row + columns[column, _FIRST]
    return bool(validity == 0 or (load_byte(validity + (place >> 3)) >> (place & 7)) & 1)


@inlined
def _bounds_of_text(texts: npt.NDArray[np.int64], column: int, row: int) -> tuple[int, int]:
    """Return where a text begins and ends in the bytes of its column; that of null is empty."""
    if not _is_there(texts, column, row):
        return int64(0), int64(0)
    both = load_word(texts[column, _VALUES] + 4 * (row + texts[column, _FIRST]))
    return int64(both & uint64(0xFFFFFFFF)), int64(both >> uint64(32))


@inlined
def _copy(target: int, source: int, length: int, readable: int) -> Number:
    """Copy bytes, 64 at a time where so many can be read; at least 8 more can be written behind them."""
    done = int64(0)
    while done < length:
        if source + done + 64 <= readable:
            copy_64(target + done, source + done)
            done += 64
        else:
            store_number(target + done, int64(0), load_byte(source + done))
            done += 1
    return done
