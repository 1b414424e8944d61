"""Strings that recur, each known by a number: a hash table that lives as long as a parser's thread."""

import numpy as np
import numpy.typing as npt

from beam_jobs.access_log.arrow.schema import Column
from beam_jobs.access_log.arrow.strings import NO_OVERFLOW, text_columns
from beam_jobs.access_log.compiled.jit import compiled, inlined
from beam_jobs.access_log.compiled.simd import (
    ALL_BITS,
    Number,
    address_of,
    copy_64,
    int64,
    is_same,
    load_word,
    prefetch,
    uint64,
)

_SLOTS = 1 << 16
MAX_TEXTS = _SLOTS // 2
"""How many texts are kept."""

UNKNOWN, NULL = -1, -2
"""In place of a text's number: the table is full or the text too long; the text is null."""

MAX_TEXT_BYTES = 1024
"""Longer texts are not kept: hardly any recurs."""

_MAX_BYTES = 1 << 23
_ROOM = 64
_LINES_AHEAD = 16
_MULTIPLIER = uint64(0x9E3779B97F4A7C15)


class InternedStrings:
    """Numbers texts from 0 on, in the order in which they come; up to 32,768 of them."""

    def __init__(self) -> None:
        self._slots = np.full(_SLOTS, -1, np.int32)
        self._hashes = np.empty(MAX_TEXTS, np.uint64)
        self._places = np.empty((MAX_TEXTS, 2), np.int32)
        self._bytes = np.empty(_MAX_BYTES, np.uint8)
        self._used = np.zeros(2, np.int64)

    @property
    def is_half_full(self) -> bool:
        """Whether it should soon be replaced by an empty one."""
        return bool(self._used[0] > MAX_TEXTS // 2 or self._used[1] > _MAX_BYTES // 2)

    def numbers(
        self, texts: npt.NDArray[np.int32], column: int, block: npt.NDArray[np.uint8], overflow: npt.NDArray[np.uint8]
    ) -> tuple[npt.NDArray[np.int32], int]:
        """Return each line's text number, `UNKNOWN` or `NULL`, and how many numbers have been given so far."""
        numbers = np.empty(len(texts), np.int32)
        _number(
            texts, column, block, overflow, self._slots, self._hashes, self._places, self._bytes, self._used, numbers
        )  # fmt: skip
        return numbers, int(self._used[0])

    def column(self, numbers: npt.NDArray[np.int64]) -> Column:
        """Return the texts with these numbers."""
        kept = self._bytes[:]
        kept.flags.writeable = False
        (texts,) = text_columns(self._places[numbers], kept, NO_OVERFLOW)
        return texts

    def texts(self, first: int, last: int) -> list[bytes]:
        """Return the texts with the numbers `first` to `last` (not included)."""
        return [self._bytes[start : start + length].tobytes() for start, length in self._places[first:last].tolist()]


@inlined
def _hash(address: int, length: int) -> Number:
    """Hash all bytes, 16 at a time; equal hashes are checked by `is_same`."""
    first = uint64(length)
    second = _MULTIPLIER
    rest = length
    while rest >= 16:
        first = (first ^ load_word(address)) * _MULTIPLIER
        second = (second ^ load_word(address + 8)) * _MULTIPLIER
        first ^= first >> uint64(29)
        second ^= second >> uint64(31)
        address += 16
        rest -= 16
    if rest > 8:
        first = (first ^ load_word(address)) * _MULTIPLIER
        address += 8
        rest -= 8
    if rest > 0:
        second = (second ^ (load_word(address) & (ALL_BITS >> uint64(8 * (8 - rest))))) * _MULTIPLIER
    mixed = (first ^ (first >> uint64(32))) * _MULTIPLIER + second
    return mixed ^ (mixed >> uint64(29))


@compiled
def _number(
    texts: npt.NDArray[np.int32],
    column: int,
    block: npt.NDArray[np.uint8],
    overflow: npt.NDArray[np.uint8],
    slots: npt.NDArray[np.int32],
    hashes: npt.NDArray[np.uint64],
    places: npt.NDArray[np.int32],
    kept: npt.NDArray[np.uint8],
    used: npt.NDArray[np.int64],
    numbers: npt.NDArray[np.int32],
) -> None:
    """Look every text up, and adds those that are new while there is room."""
    in_block = address_of(block)
    in_overflow = address_of(overflow) - block.size
    in_kept = address_of(kept)
    count = used[0]
    kept_bytes = used[1]
    last = texts.shape[0] - 1
    for line in range(last + 1):
        later = in_block + int64(texts[min(line + _LINES_AHEAD, last), 2 * column])
        prefetch(later)
        prefetch(later + 64)
        length = int64(texts[line, 2 * column + 1])
        if length < 0:
            numbers[line] = NULL
            continue
        if length > MAX_TEXT_BYTES:
            numbers[line] = UNKNOWN
            continue
        begin = int64(texts[line, 2 * column])
        address = begin + (in_block if begin < block.size else in_overflow)
        hashed = _hash(address, length)
        slot = int64(hashed & uint64(_SLOTS - 1))
        number = int64(slots[slot])
        while number >= 0 and (
            hashes[number] != hashed
            or places[number, 1] != length
            or not is_same(address, in_kept + int64(places[number, 0]), length)
        ):
            slot = (slot + 1) & (_SLOTS - 1)
            number = int64(slots[slot])
        if number < 0:
            if count == MAX_TEXTS or kept_bytes + length + _ROOM > _MAX_BYTES:
                numbers[line] = UNKNOWN
                continue
            number = count
            slots[slot] = number
            hashes[number] = hashed
            places[number, 0] = kept_bytes
            places[number, 1] = length
            copied = int64(0)
            while copied < length:
                copy_64(in_kept + kept_bytes + copied, address + copied)
                copied += 64
            count += 1
            kept_bytes += length
        numbers[line] = number
    used[0] = count
    used[1] = kept_bytes
