"""How the compiled scanners find the end of a field, and read numbers.

A number that is not in its usual form is left to the reference reader, with which these agree on all others.
"""

import numpy as np

from beam_jobs.access_log.compiled.jit import compiled, inlined
from beam_jobs.access_log.compiled.outputs import SIZE, STATUS
from beam_jobs.access_log.compiled.simd import (
    Number,
    int64,
    load_byte,
    load_word,
    lowest_bit,
    matching,
    store_number,
    uint8,
    uint64,
)

MAX_EXACT = 1 << 53
"""The first number that a duration in nanoseconds may not reach."""

_EVERY_BYTE = 0x0101010101010101
ZEROS = uint64(ord("0") * _EVERY_BYTE)
SIXES = uint64(6 * _EVERY_BYTE)
HIGH_NIBBLES = uint64(0xF0 * _EVERY_BYTE)
"""Eight bytes are all digits if `d = word ^ ZEROS` gives `(d | (d + SIXES)) & HIGH_NIBBLES == 0`."""

_POWERS_OF_TEN = np.array([10**power for power in range(10)], dtype=np.int64)


@inlined
def is_blank(address: int, end: int) -> bool:
    """Whether there are only spaces and tabs before `end`."""
    while address < end and load_byte(address) in (32, 9):
        address += 1
    return address == end


@inlined
def find(address: int, byte: int, end: int) -> Number:
    """Return the address of the next `byte`, or `end` where there is none before it."""
    while address < end:
        hits = matching(address, uint8(byte))
        if hits != 0:
            return min(address + lowest_bit(hits), end)
        address += 64
    return end


@compiled
def closing_quote(start: int, end: int) -> Number:
    """Return the address of the next quote that no backslash escapes, or `end`."""
    quote = find(start, 34, end)
    while quote < end:
        backslash = quote
        while backslash > start and load_byte(backslash - 1) == 92:
            backslash -= 1
        if (quote - backslash) & 1 == 0:
            return quote
        quote = find(quote + 1, 34, end)
    return end


@inlined
def digits_end(address: int, end: int) -> Number:
    """Return the address behind the digits that begin at `address`."""
    while address < end:
        # Bits in the first byte that is not a digit; a carry only gets into bytes behind it.
        word = load_word(address) ^ ZEROS
        others = (word | (word + SIXES)) & HIGH_NIBBLES
        if others != 0:
            return min(address + (lowest_bit(others) >> 3), end)
        address += 8
    return end


@inlined
def number(address: int, length: int) -> Number:
    """Return a number of up to 8 digits, -1 for `-`, -2 for anything else."""
    if length == 1 and load_byte(address) == 45:
        return int64(-1)
    if length < 1 or length > 8:
        return int64(-2)
    # Digits to the top of the word, zeros before them; then pairs, fours and eights are added up.
    digits = (load_word(address) ^ ZEROS) << uint64(8 * (8 - length))
    if (digits | (digits + SIXES)) & HIGH_NIBBLES != 0:
        return int64(-2)
    digits = (digits * uint64(10) + (digits >> uint64(8))) & uint64(0x00FF00FF00FF00FF)
    digits = (digits * uint64(100) + (digits >> uint64(16))) & uint64(0x0000FFFF0000FFFF)
    digits = (digits * uint64(10000) + (digits >> uint64(32))) & uint64(0x00000000FFFFFFFF)
    return int64(digits)


@inlined
def decimal(start: int, end: int, unit: int, most_fraction: int) -> Number:
    """Return `digits[.digits]` times a unit that is a power of ten, what is less than 1 cut off; -2 for anything else.

    There may be 15 digits before the point and `most_fraction` behind it, of which nine count; without the fraction
    the value is at most `MAX_EXACT`.
    """
    whole_end = digits_end(start, end)
    digits = whole_end - start
    if digits == 0 or digits > 15:
        return int64(-2)
    value = _value(start, digits)
    if value > MAX_EXACT // unit:
        return int64(-2)
    value *= unit
    if whole_end < end:
        fraction = end - whole_end - 1
        if load_byte(whole_end) != 46 or fraction == 0 or fraction > most_fraction:
            return int64(-2)
        if digits_end(whole_end + 1, end) != end:
            return int64(-2)
        fraction = min(fraction, int64(9))
        value += _value(whole_end + 1, fraction) * unit // _POWERS_OF_TEN[fraction]
    return value


@inlined
def _value(start: int, digits: int) -> Number:
    """Return the value of 1 to 18 digits."""
    first = ((digits - 1) & 7) + 1
    value = number(start, first)
    for address in range(start + first, start + digits, 8):
        value = value * 100_000_000 + number(address, int64(8))
    return value


@inlined
def read_status(start: int, length: int, numbers: int) -> bool:
    """Read a status or `-`."""
    status = number(start, length)
    store_number(numbers, STATUS, status)
    return status == -1 or (length == 3 and status >= 100)


@inlined
def read_size(start: int, end: int, numbers: int) -> bool:
    """Read a byte count or `-`."""
    length = end - start
    size = number(start, length)
    if length > 8 and length <= 18 and digits_end(start, end) == end:
        size = _value(start, length)
    store_number(numbers, SIZE, size)
    return bool(size >= -1)
