"""How the compiled scanners read times, whatever the format of the line.

A time that is not in its usual form is left to the reference reader, with which these agree on all others. The date
and the zone read last are kept behind the line's numbers: the next line has mostly the same.
"""

import numpy as np

from beam_jobs.access_log.compiled.jit import compiled, inlined
from beam_jobs.access_log.compiled.outputs import MICROSECONDS, NUMBERS
from beam_jobs.access_log.compiled.scan_fields import HIGH_NIBBLES, SIXES, ZEROS, decimal, number
from beam_jobs.access_log.compiled.simd import Number, int64, load_byte, load_number, load_word, store_number, uint64
from beam_jobs.access_log.formats.fields import MONTHS

_CLF_HEAD, _CLF_TAIL, _CLF_DAYS, _ZONE, _OFFSET, _ISO_HEAD, _ISO_TAIL, _ISO_DAYS = range(NUMBERS, NUMBERS + 8)
NUMBERS_AND_DATES = NUMBERS + 8
"""How many numbers there are with those kept; all are -1 at first."""

_NO_ZONE = 1 << 20
_DAY_MICROSECONDS = 86_400_000_000
END_OF_DAYS = 84006 * _DAY_MICROSECONDS
"""Microseconds from 1970 to 2200."""

_CLOCK_DIGITS = uint64(0xFFFF00FFFF00FFFF)
_CLOCK_COLONS = uint64(int.from_bytes(b"\0\0:\0\0:\0\0", "little"))
_SLASHES = uint64(int.from_bytes(b"/\0\0\0/", "little"))
_DASHES = uint64(int.from_bytes(b"-\0\0-", "little"))
_SIX_BYTES = uint64(0x0000FFFFFFFFFFFF)
_MONTHS = np.array([int.from_bytes(name, "little") for name in MONTHS], dtype=np.uint64)
_MONTH_DAYS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], dtype=np.int64)


@inlined
def read_clf_time(start: int, length: int, numbers: int) -> bool:
    """Read a time like `17/May/2015:10:05:03.123 +0000`, whose fraction and zone may be missing."""
    if length < 20 or length > 36:
        return False
    head = load_word(start)
    tail = load_word(start + 4)
    if head != load_word(numbers + 8 * _CLF_HEAD) or tail != load_word(numbers + 8 * _CLF_TAIL):
        store_number(numbers, _CLF_HEAD, head)
        store_number(numbers, _CLF_TAIL, tail)
        store_number(numbers, _CLF_DAYS, clf_days(start))
    days = load_number(numbers, _CLF_DAYS)
    seconds = _clock_seconds(start + 12)
    if days < 0 or seconds < 0:
        return False
    since_1970 = days * 86400 + seconds
    microseconds = int64(0)
    if length not in (20, 26):
        fraction = _fraction(start + 20, start + length)
        if fraction <= 0:
            return False
        microseconds = fraction >> 4
        start += fraction & 15
        length -= fraction & 15
    if length == 26:
        zone = load_word(start + 20) & _SIX_BYTES
        if zone != load_word(numbers + 8 * _ZONE):
            store_number(numbers, _ZONE, zone)
            store_number(numbers, _OFFSET, _clf_zone(start + 20))
        offset = load_number(numbers, _OFFSET)
        if offset == _NO_ZONE:
            return False
        since_1970 -= offset
    elif length != 20:
        return False
    store_number(numbers, MICROSECONDS, since_1970 * 1_000_000 + microseconds)
    return True


@inlined
def read_iso_time(start: int, end: int, numbers: int) -> bool:
    """Read a time like `2015-05-17T10:05:03+00:00`."""
    if end - start < 19 or load_byte(start + 10) not in (84, 32):
        return False
    head = load_word(start)
    tail = load_word(start + 8) & uint64(0xFFFF)
    if head != load_word(numbers + 8 * _ISO_HEAD) or tail != load_word(numbers + 8 * _ISO_TAIL):
        store_number(numbers, _ISO_HEAD, head)
        store_number(numbers, _ISO_TAIL, tail)
        store_number(numbers, _ISO_DAYS, iso_days(start))
    day = load_number(numbers, _ISO_DAYS)
    return day >= 0 and read_clock(day, start + 11, end, numbers)


@inlined
def read_epoch_time(start: int, end: int, unit: int, most_fraction: int, numbers: int) -> bool:
    """Read a number of units since 1970, each of so many microseconds."""
    microseconds = decimal(start, end, unit, most_fraction)
    store_number(numbers, MICROSECONDS, microseconds)
    return bool(microseconds >= 0 and microseconds < END_OF_DAYS)


@compiled
def read_clock(day: int, clock: int, end: int, numbers: int) -> bool:
    """Read the time of a day, which a fraction and a zone may follow."""
    seconds = _clock_seconds(clock)
    fraction = _fraction(clock + 8, end)
    if seconds < 0 or fraction < 0:
        return False
    offset = _iso_zone(clock + 8 + (fraction & 15), end)
    if offset == _NO_ZONE:
        return False
    store_number(numbers, MICROSECONDS, (day * 86400 + seconds - offset) * 1_000_000 + (fraction >> 4))
    return True


@inlined
def _fraction(address: int, end: int) -> Number:
    """Return the microseconds of `.123` times 16, plus the bytes it takes; -1 for more than 9 digits or none."""
    if address >= end or load_byte(address) not in (44, 46):
        return int64(0)
    digits = int64(1)
    microseconds = int64(0)
    while address + digits < end and 48 <= load_byte(address + digits) <= 57:
        if digits <= 6:
            microseconds = microseconds * 10 + load_byte(address + digits) - 48
        digits += 1
        if digits > 10:
            return int64(-1)
    if digits == 1:
        return int64(-1)
    for _ in range(digits, 7):
        microseconds *= 10
    return (microseconds << 4) + digits


@inlined
def _clock_seconds(address: int) -> Number:
    """Return seconds of the day of `10:05:03`, or -1."""
    clock = load_word(address)
    if clock & ~_CLOCK_DIGITS != _CLOCK_COLONS:
        return int64(-1)
    clock = (clock ^ ZEROS) & _CLOCK_DIGITS
    if (clock | (clock + (SIXES & _CLOCK_DIGITS))) & (HIGH_NIBBLES & _CLOCK_DIGITS) != 0:
        return int64(-1)
    pairs = clock * uint64(10) + (clock >> uint64(8))
    hour = int64(pairs & uint64(0xFF))
    minute = int64((pairs >> uint64(24)) & uint64(0xFF))
    second = int64((pairs >> uint64(48)) & uint64(0xFF))
    if hour > 23 or minute > 59 or second > 59:
        return int64(-1)
    return hour * 3600 + minute * 60 + second


@inlined
def _iso_zone(address: int, end: int) -> Number:
    """Return seconds east of Greenwich of `Z`, `+0100`, `+01:00` or nothing, or `_NO_ZONE`."""
    length = end - address
    if length == 0 or (length == 1 and load_byte(address) == 90):
        return int64(0)
    colon = int64(length == 6 and load_byte(address + 3) == 58)
    if length != 5 + colon:
        return int64(_NO_ZONE)
    return _zone_seconds(load_byte(address), number(address + 1, 2), number(address + 3 + colon, 2))


@compiled
def _clf_zone(address: int) -> Number:
    """Return seconds east of Greenwich of ` +0100`, or `_NO_ZONE`."""
    if load_byte(address) != 32:
        return int64(_NO_ZONE)
    return _zone_seconds(load_byte(address + 1), number(address + 2, 2), number(address + 4, 2))


@inlined
def _zone_seconds(sign: int, hours: int, minutes: int) -> Number:
    """Return seconds east of Greenwich, or `_NO_ZONE`; below zero are numbers that could not be read."""
    if sign not in (43, 45) or hours < 0 or hours > 23 or minutes < 0 or minutes > 59:
        return int64(_NO_ZONE)
    seconds = hours * 3600 + minutes * 60
    return seconds if sign == 43 else -seconds


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
