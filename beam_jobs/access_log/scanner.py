"""The compiled fast path over regular lines: from bytes to numbers and to where each text lies.

A line with a backslash, a byte above 0x7f, or anything that is not in its usual form is left to the reference parser,
which defines what every field means; on all lines that this module accepts the two agree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from beam_jobs.access_log.compilation import compiled, inlined
from beam_jobs.access_log.schema import TEXT_FIELDS
from beam_jobs.access_log.times import MONTHS
from beam_jobs.access_log.words import (
    PADDING,
    Number,
    address_of,
    count_bits,
    int64,
    load_byte,
    load_word,
    lowest_bit,
    matching,
    not_ascii,
    store_int32,
    uint8,
    uint64,
)

if TYPE_CHECKING:
    from beam_jobs.access_log.positional import PositionalFormat

DECLINED, ACCEPTED, TOO_LONG = 0, 1, 2
"""What the scanner says of a line."""

_TEXT, _SKIPPED, _TIME, _REQUEST, _STATUS, _SIZE, _ABSENT = range(7)
_KINDS = {"ident": _SKIPPED, "time": _TIME, "request": _REQUEST, "status": _STATUS, "body_bytes_sent": _SIZE}
_METHOD, _PATH, _QUERY, _PROTOCOL = (8 * TEXT_FIELDS.index(name) for name in ("method", "path", "query", "protocol"))

_EVERY_BYTE = 0x0101010101010101
_CLOCK_DIGITS = uint64(0xFFFF00FFFF00FFFF)
_CLOCK_COLONS = uint64(int.from_bytes(b"\0\0:\0\0:\0\0", "little"))
_HTTP = uint64(int.from_bytes(b"HTTP/\0.\0", "little"))
_HTTP_DIGITS = uint64(0xFF00FF0000000000)
_ZEROS = uint64(ord("0") * _EVERY_BYTE)
_SIXES = uint64(6 * _EVERY_BYTE)
_HIGH_NIBBLES = uint64(0xF0 * _EVERY_BYTE)
_HIGH_BITS = uint64(0x80 * _EVERY_BYTE)
_UP_FROM_A = uint64((0x80 - ord("A")) * _EVERY_BYTE)
_UP_FROM_Z = uint64((0x7F - ord("Z")) * _EVERY_BYTE)
_ALL_A = uint64(ord("A") * _EVERY_BYTE)
_ALL = uint64(0xFFFFFFFFFFFFFFFF)
_SIX_BYTES = uint64(0x0000FFFFFFFFFFFF)
_NO_ZONE = 1 << 20
_SLASHES = uint64(int.from_bytes(b"/\0\0\0/", "little"))
_MONTHS = np.array(
    [int.from_bytes(name, "little") for name in MONTHS],
    dtype=np.uint64,
)
_MONTH_DAYS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], dtype=np.int64)

NO_COMMENT = 256
"""In place of a comment's first byte: nothing is a comment."""

Program = tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64]]

NO_PROGRAM: Program = np.empty((0, 4), np.int64), np.empty((0, 2), np.uint64)
"""Lines are found, and all are declined."""


def program(log_format: PositionalFormat) -> Program:
    """Puts a format into numbers for the scanner.

    Returns:
        Per step its kind, where in a line's places (in bytes) that of its text lies, the length of the separator after
        it, and whether quotes enclose it; and that separator as a word beside the mask of its bytes.
    """
    steps = []
    separators = []
    for name, quoted, terminator in log_format.slots:
        kind = _KINDS.get(name, _TEXT)
        steps.append((kind, 8 * TEXT_FIELDS.index(name) if kind == _TEXT else 0, len(terminator), quoted))
        separators.append((int.from_bytes(terminator, "little"), (1 << 8 * len(terminator)) - 1))
    filled = {slot.name for slot in log_format.slots} | {"method", "path", "query", "protocol"}
    for name in TEXT_FIELDS:
        if name not in filled:
            steps.append((_ABSENT, 8 * TEXT_FIELDS.index(name), 0, False))
            separators.append((0, 0))
    return np.array(steps, np.int64), np.array(separators, np.uint64)


@compiled
def count_newlines(data: npt.NDArray[np.uint8]) -> Number:
    """Counts the bytes `0x0a`."""
    count = int64(0)
    address = address_of(data)
    end = address + data.size
    while address + 64 <= end:
        count += count_bits(matching(address, uint8(10)))
        address += 64
    while address < end:
        count += load_byte(address) == 10
        address += 1
    return count


@compiled
def scan(
    data: npt.NDArray[np.uint8],
    stop: int,
    origin: int,
    text_origin: int,
    max_line_bytes: int,
    comment: int,
    steps: npt.NDArray[np.int64],
    separators: npt.NDArray[np.uint64],
    found: int,
    verdicts: npt.NDArray[np.uint8],
    bounds: npt.NDArray[np.int32],
    texts: npt.NDArray[np.int32],
    numbers: npt.NDArray[np.int64],
    durations: npt.NDArray[np.float64],
    dates: npt.NDArray[np.int32],
    tally: npt.NDArray[np.int64],
) -> tuple[int, int]:
    """Scans lines until `stop`, or until one that ends within `PADDING` bytes of the end of `data`.

    Args:
        data: The bytes; every line ends in a newline.
        stop: No line begins here or behind.
        origin: Added to the bounds.
        text_origin: Added to where texts begin.
        max_line_bytes: A line with more bytes is too long.
        comment: The first byte of lines that count as blank, or `NO_COMMENT`.
        steps: See `program`.
        separators: See `program`.
        found: How many lines that are not blank were found before.
        verdicts: Per line that is not blank DECLINED, ACCEPTED or TOO_LONG.
        bounds: Per such line its first byte and the one after its last.
        texts: Per accepted line, for each of `TEXT_FIELDS`, where it begins and how long it is, -1 for null.
        numbers: Three rows: timestamp in microseconds since 1970 (UTC), status, byte count; -1 for null in these two.
        durations: Per accepted line milliseconds, NaN for null.
        dates: Per accepted line its UTC date in days since 1970.
        tally: The lines and the blank ones so far.

    Returns:
        Where the first line begins that was not scanned, and how many lines that are not blank were found in all.
    """
    base = address_of(data)
    last = base + data.size - PADDING
    program_end = steps.shape[0]
    text_base = base - text_origin
    # Bytes that no regular line holds: nothing is known at first.
    date_head = date_tail = zone = _ALL
    days = offset = int64(0)
    lines = blank = int64(0)
    start = base
    while start < base + stop:
        odd = uint64(0)
        newline = uint64(0)
        address = start
        while address <= last:
            newline = matching(address, uint8(10))
            special = matching(address, uint8(92)) | not_ascii(address)
            if newline != 0:
                odd |= special & (newline ^ (newline - uint64(1)))
                break
            odd |= special
            address += 64
        if newline == 0:
            break
        line_end = address + lowest_bit(newline)
        if line_end > last:
            break
        following = line_end + 1
        lines += 1
        if line_end > start and load_byte(line_end - 1) == 13:
            line_end -= 1
        if line_end - start > max_line_bytes:
            verdict = TOO_LONG
        elif _is_blank(start, line_end) or load_byte(start) == comment:
            blank += 1
            start = following
            continue
        else:
            verdict = DECLINED
        bounds[found, 0] = start - base + origin
        bounds[found, 1] = line_end - base + origin
        places = address_of(texts) + found * texts.strides[0]
        address = start
        step = program_end if odd != 0 or verdict == TOO_LONG else 0
        while step < program_end:
            kind = steps[step, 0]
            column = steps[step, 1]
            separator_bytes = steps[step, 2]
            quoted = steps[step, 3] != 0
            end = line_end
            if separator_bytes > 0:
                separator = separators[step, 0]
                end = _find(address, separator & uint64(0xFF), line_end)
                if load_word(end) & separators[step, 1] != separator:
                    break
            length = end - address
            if kind == _TEXT:
                if length == 1 and load_byte(address) == 45:
                    length = int64(-1)
                elif not quoted and (length == 0 or load_byte(address) == 34):
                    break
                store_int32(places + column, address - text_base)
                store_int32(places + column + 4, length)
            elif kind == _SKIPPED:
                if length == 0:
                    break
            elif kind == _REQUEST:
                if not _scan_request(address, end, places, text_base):
                    break
            elif kind == _TIME:
                if length not in (20, 26):
                    break
                head = load_word(address)
                tail = load_word(address + 4)
                # The next line has mostly the same date and zone.
                if head != date_head or tail != date_tail:
                    read_days = _days(address)
                    if read_days < 0:
                        break
                    days = read_days
                    date_head = head
                    date_tail = tail
                seconds = _clock(address + 12)
                if seconds < 0:
                    break
                since_1970 = days * 86400 + seconds
                if length == 26:
                    zone_word = load_word(address + 20) & _SIX_BYTES
                    if zone_word != zone:
                        read_offset = _zone_offset(address + 20)
                        if read_offset == _NO_ZONE:
                            break
                        offset = read_offset
                        zone = zone_word
                    since_1970 -= offset
                numbers[0, found] = since_1970 * 1000000
                dates[found] = since_1970 // 86400
            elif kind == _ABSENT:
                store_int32(places + column + 4, int64(-1))
                end = address
            else:
                value = _number(address, length)
                if kind == _STATUS:
                    if value != -1 and (length != 3 or value < 100 or value > 599):
                        break
                    numbers[1, found] = value
                else:
                    if value < -1:
                        break
                    numbers[2, found] = value
            address = end + separator_bytes
            step += 1
            if step == program_end and address == line_end:
                durations[found] = np.nan
                verdict = ACCEPTED
        verdicts[found] = verdict
        found += 1
        start = following
    tally[0] += lines
    tally[1] += blank
    return start - base, found


@inlined
def _is_blank(address: int, end: int) -> bool:
    while address < end and load_byte(address) in (32, 9):
        address += 1
    return address == end


@inlined
def _find(address: int, byte: int, end: int) -> Number:
    """The address of the next `byte`, or `end` where there is none before it."""
    while address < end:
        hits = matching(address, uint8(byte))
        if hits != 0:
            return min(address + lowest_bit(hits), end)
        address += 64
    return end


@inlined
def _number(address: int, length: int) -> Number:
    """A number of up to 8 digits, -1 for `-`, -2 for anything else."""
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


@inlined
def _scan_request(start: int, end: int, places: int, text_base: int) -> bool:
    """Cuts `METHOD target HTTP/d.d`, the method in up to 8 capitals, and `-`."""
    if end - start == 1 and load_byte(start) == 45:
        for column in (_METHOD, _PATH, _QUERY, _PROTOCOL):
            store_int32(places + column + 4, int64(-1))
        return True
    target = _find(start, 32, end) + 1
    protocol = end - 8
    method_bytes = target - 1 - start
    # At least one byte of target and a space lie between the method and the protocol.
    if method_bytes < 1 or method_bytes > 8 or protocol < target + 2:
        return False
    unused = _ALL << uint64(8 * method_bytes) if method_bytes < 8 else uint64(0)
    method = (load_word(start) & ~unused) | (_ALL_A & unused)
    if (method + _UP_FROM_A) & _HIGH_BITS != _HIGH_BITS or (method + _UP_FROM_Z) & _HIGH_BITS != 0:
        return False
    version = load_word(protocol)
    if version & ~_HTTP_DIGITS != _HTTP:
        return False
    version = (version ^ _ZEROS) & _HTTP_DIGITS
    if (version | (version + (_SIXES & _HTTP_DIGITS))) & (_HIGH_NIBBLES & _HTTP_DIGITS) != 0:
        return False
    target_end = protocol - 1
    if load_byte(target_end) != 32 or load_byte(target_end - 1) == 32 or load_byte(target) == 32:
        return False
    path_end = _find(target, 63, target_end)
    store_int32(places + _METHOD, start - text_base)
    store_int32(places + _METHOD + 4, method_bytes)
    store_int32(places + _PATH, target - text_base)
    store_int32(places + _PATH + 4, path_end - target)
    # Without a question mark this is -1, which is null.
    store_int32(places + _QUERY, path_end + 1 - text_base)
    store_int32(places + _QUERY + 4, target_end - path_end - 1)
    store_int32(places + _PROTOCOL, protocol - text_base)
    store_int32(places + _PROTOCOL + 4, int64(8))
    return True


@inlined
def _clock(address: int) -> Number:
    """Seconds of the day of `10:05:03`, or -1."""
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
def _zone_offset(address: int) -> Number:
    """Seconds east of Greenwich of ` +0100`, or `_NO_ZONE`."""
    sign = load_byte(address + 1)
    clockwise = _number(address + 2, 4)
    if load_byte(address) != 32 or sign not in (43, 45) or clockwise < 0 or clockwise > 2359 or clockwise % 100 > 59:
        return int64(_NO_ZONE)
    seconds = clockwise // 100 * 3600 + clockwise % 100 * 60
    return seconds if sign == 43 else -seconds


@inlined
def _days(address: int) -> Number:
    """Days since 1970 of `17/May/2015:` if that is a date from 1970 to 2199, else -1."""
    day = _number(address, 2)
    year = _number(address + 7, 4)
    separators = load_word(address + 2) & uint64(0xFF000000FF)
    if separators != _SLASHES or load_byte(address + 11) != 58 or year < 1970 or year > 2199:
        return int64(-1)
    name = load_word(address + 3) & uint64(0xFFFFFF)
    month = 0
    while month < 12 and _MONTHS[month] != name:
        month += 1
    if month == 12:
        return int64(-1)
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if day < 1 or day > _MONTH_DAYS[month] + (1 if leap and month == 1 else 0):
        return int64(-1)
    before = year - 1
    days = 365 * (year - 1970) + (before // 4 - before // 100 + before // 400) - 477
    for earlier in range(month):
        days += _MONTH_DAYS[earlier]
    return days + day - 1 + (1 if leap and month > 1 else 0)
