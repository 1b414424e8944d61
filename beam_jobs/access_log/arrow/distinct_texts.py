"""The distinct texts of a column, found before the column is made: user agents are long and recur."""

import numpy as np
import numpy.typing as npt

from beam_jobs.access_log.compiled.jit import compiled, inlined
from beam_jobs.access_log.compiled.simd import (
    ALL_BITS,
    Number,
    address_of,
    int64,
    is_same,
    load_word,
    prefetch,
    uint64,
)

_LINES_AHEAD = 16
_ONE_GROUP = np.empty(0, np.int32)
_MULTIPLIER = uint64(0x9E3779B97F4A7C15)


def distinct_texts(
    texts: npt.NDArray[np.int32],
    column: int,
    block: npt.NDArray[np.uint8],
    overflow: npt.NDArray[np.uint8],
    groups: npt.NDArray[np.int32] = _ONE_GROUP,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Find the distinct texts of a column.

    Args:
        texts: See `strings.text_columns`, as the other two.
        column: Which of its columns.
        block: The bytes.
        overflow: Further bytes.
        groups: The group of each line: equal texts of two groups count as two, and those of a group below 0 are left
            out. None are all of one.

    Returns:
        The first line of each distinct text, in their order, and per line the index of its text in these, -1 for null
        and for those left out.
    """
    lines = len(texts)
    firsts = np.empty(lines, np.int64)
    indices = np.empty(lines, np.int32)
    slots = np.full(1 << (2 * lines).bit_length(), -1, np.int32)
    found = _find(texts, column, block, overflow, groups, slots, np.empty((lines, 4), np.int64), firsts, indices)
    return firsts[:found], indices


@compiled
def _find(
    texts: npt.NDArray[np.int32],
    column: int,
    block: npt.NDArray[np.uint8],
    overflow: npt.NDArray[np.uint8],
    groups: npt.NDArray[np.int32],
    slots: npt.NDArray[np.int32],
    entries: npt.NDArray[np.int64],
    firsts: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int32],
) -> Number:
    """Look every text up in a hash table, whose size is a power of two, and add those that are new.

    The entries of the table, in which `slots` are indices, hold hash, address, length and group.
    """
    in_block = address_of(block)
    in_overflow = address_of(overflow) - block.size
    mask = uint64(slots.size - 1)
    found = group = int64(0)
    last = texts.shape[0] - 1
    for line in range(last + 1):
        later = in_block + int64(texts[min(line + _LINES_AHEAD, last), 2 * column])
        prefetch(later)
        prefetch(later + 64)
        length = int64(texts[line, 2 * column + 1])
        if groups.size > 0:
            group = int64(groups[line])
        if length < 0 or group < 0:
            indices[line] = -1
            continue
        begin = int64(texts[line, 2 * column])
        address = begin + (in_block if begin < block.size else in_overflow)
        hashed = int64(hash_text(address, length) + uint64(group) * _MULTIPLIER)
        slot = uint64(hashed) & mask
        index = int64(slots[slot])
        while index >= 0 and (
            entries[index, 0] != hashed
            or entries[index, 2] != length
            or entries[index, 3] != group
            or not is_same(address, entries[index, 1], length)
        ):
            slot = (slot + uint64(1)) & mask
            index = int64(slots[slot])
        if index < 0:
            index = found
            slots[slot] = found
            entries[found, 0] = hashed
            entries[found, 1] = address
            entries[found, 2] = length
            entries[found, 3] = group
            firsts[found] = line
            found += 1
        indices[line] = index
    return found


@inlined
def hash_text(address: int, length: int) -> Number:
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
