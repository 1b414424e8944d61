"""The distinct texts of a block's columns, numbered while the lines they stand in are still in the processor's cache.

One hash table per column. Its memory is kept for the next block that the same thread parses, its contents are not.
"""

import threading

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from beam_jobs.access_log.arrays import buffer
from beam_jobs.access_log.compilation import compiled, inlined
from beam_jobs.access_log.schema import TEXT_FIELDS, Column
from beam_jobs.access_log.words import Number, address_of, copy_64, equal_64, int64, load_word, store_int32, uint64

MAX_TEXTS = 1 << 15
"""How many distinct texts of a column are numbered; of a block with more, the column is not."""

MIN_TEXTS = 1 << 13
"""From so many on, a column is numbered only while a quarter of its texts at least has come before."""

_SLOTS = 2 * MAX_TEXTS
_MAX_BYTES = 1 << 22
_ROOM = 64
_MULTIPLIER = uint64(0x9E3779B97F4A7C15)
_ALL = uint64(0xFFFFFFFFFFFFFFFF)
# A slot: half of the hash, the block that it was filled for, and the number of the text.
_LOW = uint64(0xFFFFFFFF)
_HASH, _BLOCK, _NUMBER = uint64(0xFFFFFFFF00000000), uint64(0xFFFF0000), uint64(0xFFFF)
_BLOCK_SHIFT, _BLOCKS = 16, 1 << 16
# What is known of a column: how many distinct texts, how many that are not null, and whether it is numbered no more.
_DISTINCT, _SEEN, _GIVEN_UP = range(3)


class _Tables:
    """The memory of one thread."""

    def __init__(self) -> None:
        columns = len(TEXT_FIELDS)
        self.block = 0
        self.slots = np.zeros((columns, _SLOTS), np.uint64)
        self.offsets = np.zeros((columns, MAX_TEXTS + 1), np.int32)
        self.kept = np.empty((columns, _MAX_BYTES), np.uint8)

    def next_block(self) -> int:
        self.block += 1
        if self.block == _BLOCKS:
            self.slots[:] = 0
            self.block = 1
        return self.block


_of_thread = threading.local()


class DistinctTexts:
    """Numbers the texts of each of `TEXT_FIELDS` from 0 on, in the order in which they come.

    A thread fills one of these at a time: the next one takes its memory.

    Args:
        lines: For how many lines there is room.
    """

    def __init__(self, lines: int) -> None:
        tables: _Tables | None = getattr(_of_thread, "tables", None)
        if tables is None:
            tables = _of_thread.tables = _Tables()
        self._tables = tables
        self._block = tables.next_block()
        self._state = np.zeros((len(TEXT_FIELDS), 3), np.int64)
        self._numbers = np.empty((len(TEXT_FIELDS), lines), np.int32)

    def grow(self) -> None:
        """Makes room for twice as many lines."""
        self._numbers = np.concatenate((self._numbers, np.empty_like(self._numbers)), axis=1)

    def add(
        self,
        lines: npt.NDArray[np.int64],
        texts: npt.NDArray[np.int32],
        block: npt.NDArray[np.uint8],
        overflow: npt.NDArray[np.uint8],
    ) -> None:
        """Numbers the texts of some lines.

        Args:
            lines: Which.
            texts: See `texts.text_columns`; it has all of `TEXT_FIELDS`.
            block: See there.
            overflow: See there.
        """
        tables = self._tables
        _number(
            lines, texts, block, overflow, self._block, tables.slots, tables.offsets, tables.kept, self._state,
            self._numbers,
        )  # fmt: skip

    def column(self, column: int, lines: npt.NDArray[np.int64] | int) -> tuple[npt.NDArray[np.int32], Column] | None:
        """Per line the number of its text, -1 for null, and the texts by their numbers; None for a column given up.

        Args:
            column: Its index in `TEXT_FIELDS`.
            lines: Which lines, or how many from the first on.
        """
        if self._state[column, _GIVEN_UP]:
            return None
        count = int(self._state[column, _DISTINCT])
        offsets = self._tables.offsets[column, : count + 1].copy()
        kept = self._tables.kept[column, : offsets[-1]].copy()
        numbers = self._numbers[column]
        taken = numbers[:lines] if isinstance(lines, int) else numbers.take(lines)
        return taken, pa.Array.from_buffers(pa.string(), count, [None, buffer(offsets), buffer(kept)])


@inlined
def _hash(address: int, length: int) -> Number:
    """A hash of all bytes, with as few branches as can be: most of what they cost is being guessed wrong."""
    if length <= 16:
        first = load_word(address) & _low_bytes(min(length, 8))
        second = load_word(address + 8) & _low_bytes(max(length - 8, 0))
    else:
        # The last 16 bytes may have been taken once before.
        end = address + length - 16
        first = load_word(end)
        second = load_word(end + 8)
        while address < end:
            first = (first ^ load_word(address)) * _MULTIPLIER
            second = (second ^ load_word(address + 8)) * _MULTIPLIER
            first ^= first >> uint64(29)
            second ^= second >> uint64(31)
            address += 16
    mixed = (first ^ uint64(length)) * _MULTIPLIER
    mixed = (mixed ^ (mixed >> uint64(32)) ^ second) * _MULTIPLIER
    mixed = (mixed ^ (mixed >> uint64(29))) * _MULTIPLIER
    return mixed ^ (mixed >> uint64(32))


@inlined
def _low_bytes(count: int) -> Number:
    """A mask for the first bytes of a word, 0 to 8 of them."""
    # A shift by 64 would leave the word as it is.
    return ((uint64(1) << uint64(4 * count)) << uint64(4 * count)) - uint64(1)


@inlined
def is_same(one: int, other: int, length: int) -> bool:
    """Whether so many bytes at two addresses are the same."""
    while length > 0:
        equal = equal_64(one, other)
        if length < 64:
            equal |= _ALL << uint64(length)
        if equal != _ALL:
            return False
        one += 64
        other += 64
        length -= 64
    return True


@compiled
def _number(
    lines: npt.NDArray[np.int64],
    texts: npt.NDArray[np.int32],
    block: npt.NDArray[np.uint8],
    overflow: npt.NDArray[np.uint8],
    number_of_block: int,
    slots: npt.NDArray[np.uint64],
    offsets: npt.NDArray[np.int32],
    kept: npt.NDArray[np.uint8],
    state: npt.NDArray[np.int64],
    numbers: npt.NDArray[np.int32],
) -> None:
    """Looks every text up, and adds those that are new."""
    in_block = address_of(block)
    in_overflow = address_of(overflow) - block.size
    of_block = uint64(number_of_block) << uint64(_BLOCK_SHIFT)
    # Addresses, for arrays are counted up and down and their indices may be negative.
    texts_at, texts_step = address_of(texts), int64(texts.strides[0])
    for column in range(state.shape[0]):
        if state[column, _GIVEN_UP]:
            continue
        count = state[column, _DISTINCT]
        seen = state[column, _SEEN]
        kept_at = address_of(kept) + column * kept.strides[0]
        slots_at = address_of(slots) + column * slots.strides[0]
        offsets_at = address_of(offsets) + column * offsets.strides[0]
        numbers_at = address_of(numbers) + column * numbers.strides[0]
        used = int64(offsets[column, count])
        for line in lines:
            place = load_word(texts_at + line * texts_step + 8 * column)
            length = int64(place) >> 32
            if length < 0:
                store_int32(numbers_at + 4 * line, int64(-1))
                continue
            seen += 1
            begin = int64(place & _LOW)
            address = begin + (in_block if begin < block.size else in_overflow)
            hashed = _hash(address, length)
            slot = int64(hashed & uint64(_SLOTS - 1))
            number = int64(-1)
            found = load_word(slots_at + 8 * slot)
            while found & _BLOCK == of_block:
                if (found ^ hashed) & _HASH == 0:
                    known = int64(found & _NUMBER)
                    bounds = load_word(offsets_at + 4 * known)
                    start = int64(bounds & _LOW)
                    if (int64(bounds) >> 32) - start == length and is_same(address, kept_at + start, length):
                        number = known
                        break
                slot = (slot + 1) & (_SLOTS - 1)
                found = load_word(slots_at + 8 * slot)
            if number < 0:
                if count == MAX_TEXTS or used + length + _ROOM > _MAX_BYTES:
                    state[column, _GIVEN_UP] = 1
                    break
                number = count
                slots[column, slot] = (hashed & _HASH) | of_block | uint64(number)
                copied = int64(0)
                while copied < length:
                    copy_64(kept_at + used + copied, address + copied)
                    copied += 64
                used += length
                count += 1
                offsets[column, count] = used
            store_int32(numbers_at + 4 * line, number)
        if count > MIN_TEXTS and 4 * count > 3 * seen:
            state[column, _GIVEN_UP] = 1
        state[column, _DISTINCT] = count
        state[column, _SEEN] = seen
