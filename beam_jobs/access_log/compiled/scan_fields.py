"""How the compiled scanner reads single fields; those that nearly every line needs are compiled into the scanner.

A field that is not in its usual form is left to the reference reader, with which these agree on all others.
"""

import numpy as np

from beam_jobs.access_log.compiled.jit import compiled, inlined
from beam_jobs.access_log.compiled.simd import Number, int64, load_byte, load_word, lowest_bit, matching, uint8, uint64
from beam_jobs.access_log.formats.fields import MONTHS

ALL = uint64(0xFFFFFFFFFFFFFFFF)
NO_ZONE = 1 << 20
"""In place of seconds east of Greenwich."""
END_OF_DAYS = 84006
"""Days from 1970 to 2200."""

_EVERY_BYTE = 0x0101010101010101
_CLOCK_DIGITS = uint64(0xFFFF00FFFF00FFFF)
_CLOCK_COLONS = uint64(int.from_bytes(b"\0\0:\0\0:\0\0", "little"))
_ZEROS = uint64(ord("0") * _EVERY_BYTE)
_SIXES = uint64(6 * _EVERY_BYTE)
_HIGH_NIBBLES = uint64(0xF0 * _EVERY_BYTE)
_SLASHES = uint64(int.from_bytes(b"/\0\0\0/", "little"))
_DASHES = uint64(int.from_bytes(b"-\0\0-", "little"))
_MONTHS = np.array([int.from_bytes(name, "little") for name in MONTHS], dtype=np.uint64)
_MONTH_DAYS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], dtype=np.int64)
POWERS_OF_TEN = np.array([10**power for power in range(19)], dtype=np.int64)
_MAX_INT64 = (1 << 63) - 1


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
def number(address: int, length: int) -> Number:
    """Return a number of up to 8 digits, -1 for `-`, -2 for anything else."""
    if length == 1 and load_byte(address) == 45:
        return int64(-1)
    if length < 1 or length > 8:
        return int64(-2)
    # Digits to the top of the word, zeros before them; then pairs, fours and eights are added up.
    digits = (load_word(address) ^ _ZEROS) << uint64(8 * (8 - length))
    if (digits | (digits + _SIXES)) & _HIGH_NIBBLES != 0:
        return int64(-2)
    digits = (digits * uint64(10) + (digits >> uint64(8))) & uint64(0x00FF00FF00FF00FF)
    digits = (digits * uint64(100) + (digits >> uint64(16))) & uint64(0x0000FFFF0000FFFF)
    digits = (digits * uint64(10000) + (digits >> uint64(32))) & uint64(0x00000000FFFFFFFF)
    return int64(digits)


@compiled
def long_number(address: int, length: int) -> Number:
    """Return a number of 9 to 18 digits, -2 for anything else."""
    if length < 9 or length > 18:
        return int64(-2)
    high = number(address, length - 8)
    if length > 16:
        low = number(address + 2, 8)
        high = number(address, length - 16) * 100000000 + number(address + length - 16, 8)
        if low < 0 or number(address, length - 16) < 0 or number(address + length - 16, 8) < 0:
            return int64(-2)
    low = number(address + length - 8, 8)
    if high < 0 or low < 0:
        return int64(-2)
    return high * 100000000 + low


@compiled
def decimal(address: int, end: int, unit: int) -> Number:
    """Return `digits[.digits]`, of at most 9 digits behind the point and 18 in all, times `unit` and cut; else -2."""
    point = address
    while point < end and load_byte(point) != 46:
        point += 1
    value = int64(0)
    digits = int64(0)
    fraction = int64(0)
    while address < end:
        byte = load_byte(address)
        if address != point:
            if byte < 48 or byte > 57:
                return int64(-2)
            value = value * 10 + (byte - 48)
            digits += 1
            fraction += address > point
            if digits > 18:
                return int64(-2)
        address += 1
    if digits == fraction or (point < end and (fraction == 0 or fraction > 9)):
        return int64(-2)
    divisor = POWERS_OF_TEN[fraction]
    if unit % divisor == 0:
        unit //= divisor
        divisor = int64(1)
    return value * unit // divisor if value <= _MAX_INT64 // unit else int64(-2)


@inlined
def clock_seconds(address: int) -> Number:
    """Return seconds of the day of `10:05:03`, or -1."""
    clock = load_word(address)
    if clock & ~_CLOCK_DIGITS != _CLOCK_COLONS:
        return int64(-1)
    clock = (clock ^ _ZEROS) & _CLOCK_DIGITS
    if (clock | (clock + (_SIXES & _CLOCK_DIGITS))) & (_HIGH_NIBBLES & _CLOCK_DIGITS) != 0:
        return int64(-1)
    pairs = clock * uint64(10) + (clock >> uint64(8))
    hour = int64(pairs & uint64(0xFF))
    minute = int64((pairs >> uint64(24)) & uint64(0xFF))
    second = int64((pairs >> uint64(48)) & uint64(0xFF))
    if hour > 23 or minute > 59 or second > 59:
        return int64(-1)
    return hour * 3600 + minute * 60 + second


@inlined
def zone_seconds(sign: int, hours: int, minutes: int) -> Number:
    """Return seconds east of Greenwich, or `NO_ZONE`; below zero are numbers that could not be read."""
    if sign not in (43, 45) or hours < 0 or hours > 23 or minutes < 0 or minutes > 59:
        return int64(NO_ZONE)
    seconds = hours * 3600 + minutes * 60
    return seconds if sign == 43 else -seconds


@compiled
def clf_zone(address: int) -> Number:
    """Return seconds east of Greenwich of ` +0100`, or `NO_ZONE`."""
    if load_byte(address) != 32:
        return int64(NO_ZONE)
    return zone_seconds(load_byte(address + 1), number(address + 2, 2), number(address + 4, 2))


@compiled
def clf_days(address: int) -> Number:
    """Return days since 1970 of `17/May/2015:` if that is a date from 1970 to 2199, else -1."""
    separators = load_word(address + 2) & uint64(0xFF000000FF)
    if separators != _SLASHES or load_byte(address + 11) != 58:
        return int64(-1)
    name = load_word(address + 3) & uint64(0xFFFFFF)
    month = 0
    while month < 12 and _MONTHS[month] != name:
        month += 1
    return _days(number(address + 7, 4), month, number(address, 2))


@compiled
def iso_days(address: int) -> Number:
    """Return days since 1970 of `2015-05-17` if that is a date from 1970 to 2199, else -1."""
    if load_word(address + 4) & uint64(0xFF0000FF) != _DASHES:
        return int64(-1)
    return _days(number(address, 4), number(address + 5, 2) - 1, number(address + 8, 2))


@inlined
def _days(year: int, month: int, day: int) -> Number:
    if month < 0 or month > 11 or year < 1970 or year > 2199:
        return int64(-1)
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if day < 1 or day > _MONTH_DAYS[month] + (1 if leap and month == 1 else 0):
        return int64(-1)
    before = year - 1
    days = 365 * (year - 1970) + (before // 4 - before // 100 + before // 400) - 477
    for earlier in range(month):
        days += _MONTH_DAYS[earlier]
    return days + day - 1 + (1 if leap and month > 1 else 0)
