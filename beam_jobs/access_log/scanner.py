"""The compiled fast path over regular lines: from bytes to numbers and to where each text lies.

A line with a backslash, a byte above 0x7f, or anything that is not in its usual form is left to the reference parser,
which defines what every field means; on all lines that this module accepts the two agree.
"""

import numpy as np
import numpy.typing as npt

from beam_jobs.access_log.formats import MONTHS, LogFormat
from beam_jobs.access_log.schema import TEXT_FIELDS
from beam_jobs.access_log.words import (
    PADDING,
    Number,
    compiled,
    count_bits,
    int64,
    load_word,
    lowest_bit,
    matching,
    not_ascii,
    uint8,
    uint64,
)

DECLINED, ACCEPTED, TOO_LONG = 0, 1, 2
"""What the scanner says of a line."""

_TEXT, _SKIPPED, _TIME, _REQUEST, _STATUS, _SIZE, _ABSENT = range(7)
_KINDS = {"ident": _SKIPPED, "time": _TIME, "request": _REQUEST, "status": _STATUS, "body_bytes_sent": _SIZE}
_METHOD, _PATH, _QUERY, _PROTOCOL = (2 * TEXT_FIELDS.index(name) for name in ("method", "path", "query", "protocol"))

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
_ZONE = uint64(0x0000FFFFFFFFFFFF)
_UTC = uint64(int.from_bytes(b" +0000", "little"))
_MONTHS = np.array(
    [int.from_bytes(name, "little") for name in MONTHS],
    dtype=np.uint64,
)
_MONTH_DAYS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], dtype=np.int64)

Program = tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64]]


def program(log_format: LogFormat) -> Program:
    """Puts a format into numbers for the scanner.

    Returns:
        Per step its kind, the text field it fills and the length of the separator after it; and that separator as a
        word beside the mask of its bytes.
    """
    steps = []
    separators = []
    for name, _, terminator in log_format.slots:
        kind = _KINDS.get(name, _TEXT)
        steps.append((kind, 2 * TEXT_FIELDS.index(name) if kind == _TEXT else 0, len(terminator)))
        separators.append((int.from_bytes(terminator, "little"), (1 << 8 * len(terminator)) - 1))
    filled = {slot.name for slot in log_format.slots} | {"method", "path", "query", "protocol"}
    for name in TEXT_FIELDS:
        if name not in filled:
            steps.append((_ABSENT, 2 * TEXT_FIELDS.index(name), 0))
            separators.append((0, 0))
    return np.array(steps, np.int64), np.array(separators, np.uint64)


@compiled
def count_newlines(data: npt.NDArray[np.uint8]) -> Number:
    """Counts the bytes `0x0a`."""
    count = int64(0)
    position = int64(0)
    while position + 64 <= data.size:
        count += count_bits(matching(data, position, uint8(10)))
        position += 64
    while position < data.size:
        count += data[position] == 10
        position += 1
    return count


@compiled
def scan(
    data: npt.NDArray[np.uint8],
    stop: int,
    origin: int,
    text_origin: int,
    max_line_bytes: int,
    steps: npt.NDArray[np.int64],
    separators: npt.NDArray[np.uint64],
    found: int,
    verdicts: npt.NDArray[np.uint8],
    bounds: npt.NDArray[np.int32],
    texts: npt.NDArray[np.int32],
    numbers: npt.NDArray[np.int64],
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
        steps: See `program`.
        separators: See `program`.
        found: How many lines that are not blank were found before.
        verdicts: Per line that is not blank DECLINED, ACCEPTED or TOO_LONG.
        bounds: Per such line its first byte and the one after its last.
        texts: Per accepted line, for each of `TEXT_FIELDS`, where it begins and how long it is, -1 for null.
        numbers: Three rows: timestamp in microseconds since 1970 (UTC), status, byte count; -1 for null in these two.
        dates: Per accepted line its UTC date in days since 1970.
        tally: The lines and the blank ones so far.

    Returns:
        Where the first line begins that was not scanned, and how many lines that are not blank were found in all.
    """
    memo = np.full(5, -1, np.int64)
    start = int64(0)
    while start < stop:
        odd = uint64(0)
        position = start
        newline = uint64(0)
        while position + PADDING <= data.size:
            newline = matching(data, position, uint8(10))
            special = matching(data, position, uint8(92)) | not_ascii(data, position)
            if newline != 0:
                odd |= special & ((newline & (uint64(0) - newline)) - uint64(1))
                break
            odd |= special
            position += 64
        if newline == 0:
            break
        newline_at = position + lowest_bit(newline)
        if newline_at + PADDING > data.size:
            break
        end = newline_at
        if end > start and data[end - 1] == 13:
            end -= 1
        tally[0] += 1
        if end - start > max_line_bytes:
            verdict = TOO_LONG
        elif _is_blank(data, start, end):
            tally[1] += 1
            start = newline_at + 1
            continue
        elif odd == 0 and _scan_line(
            data, start, end, text_origin, steps, separators, texts[found], numbers, dates, found, memo
        ):
            verdict = ACCEPTED
        else:
            verdict = DECLINED
        verdicts[found] = verdict
        bounds[found, 0] = start + origin
        bounds[found, 1] = end + origin
        found += 1
        start = newline_at + 1
    return start, found


@compiled
def _is_blank(data: npt.NDArray[np.uint8], start: int, end: int) -> bool:
    position = start
    while position < end and data[position] in (32, 9):
        position += 1
    return position == end


@compiled
def _find(data: npt.NDArray[np.uint8], position: int, byte: int, end: int) -> Number:
    """Where `byte` comes next before `end`, or -1."""
    while position < end:
        hits = matching(data, position, uint8(byte))
        if hits != 0:
            hit = position + lowest_bit(hits)
            return hit if hit < end else int64(-1)
        position += 64
    return int64(-1)


@compiled
def _scan_line(
    data: npt.NDArray[np.uint8],
    start: int,
    line_end: int,
    text_origin: int,
    steps: npt.NDArray[np.int64],
    separators: npt.NDArray[np.uint64],
    texts: npt.NDArray[np.int32],
    numbers: npt.NDArray[np.int64],
    dates: npt.NDArray[np.int32],
    line: int,
    memo: npt.NDArray[np.int64],
) -> bool:
    """Fills in one line and says whether it is a regular one."""
    position = start
    for step in range(steps.shape[0]):
        kind = steps[step, 0]
        column = steps[step, 1]
        if kind == _ABSENT:
            texts[column + 1] = -1
            continue
        separator_bytes = steps[step, 2]
        end = line_end
        if separator_bytes > 0:
            separator = separators[step, 0]
            end = _find(data, position, separator & uint64(0xFF), line_end)
            if end < 0 or load_word(data, end) & separators[step, 1] != separator:
                return False
        length = end - position
        if kind in (_TEXT, _SKIPPED):
            quoted = position > start and data[position - 1] == 34
            if not quoted and (length == 0 or data[position] == 34):
                return False
            if kind == _TEXT:
                texts[column] = position + text_origin
                texts[column + 1] = -1 if length == 1 and data[position] == 45 else length
        elif kind == _REQUEST:
            if not _scan_request(data, position, end, text_origin, texts):
                return False
        elif kind == _TIME:
            if not _scan_time(data, position, length, numbers, dates, line, memo):
                return False
        else:
            value = _number(data, position, length)
            if kind == _STATUS and value != -1 and (length != 3 or value < 100 or value > 599):
                return False
            if value < -1:
                return False
            numbers[1 if kind == _STATUS else 2, line] = value
        position = end + separator_bytes
    return position == line_end


@compiled
def _number(data: npt.NDArray[np.uint8], position: int, length: int) -> Number:
    """A number of up to 8 digits, -1 for `-`, -2 for anything else."""
    if length == 1 and data[position] == 45:
        return int64(-1)
    if length < 1 or length > 8:
        return int64(-2)
    # Digits to the top of the word, zeros before them; then pairs, fours and eights are added up.
    digits = (load_word(data, position) ^ _ZEROS) << uint64(8 * (8 - length))
    if (digits | (digits + _SIXES)) & _HIGH_NIBBLES != 0:
        return int64(-2)
    digits = (digits * uint64(10) + (digits >> uint64(8))) & uint64(0x00FF00FF00FF00FF)
    digits = (digits * uint64(100) + (digits >> uint64(16))) & uint64(0x0000FFFF0000FFFF)
    digits = (digits * uint64(10000) + (digits >> uint64(32))) & uint64(0x00000000FFFFFFFF)
    return int64(digits)


@compiled
def _scan_request(
    data: npt.NDArray[np.uint8], start: int, end: int, text_origin: int, texts: npt.NDArray[np.int32]
) -> bool:
    """Cuts `METHOD target HTTP/d.d`, the method in up to 8 capitals, and `-`."""
    if end - start == 1 and data[start] == 45:
        for column in (_METHOD, _PATH, _QUERY, _PROTOCOL):
            texts[column + 1] = -1
        return True
    target = _find(data, start, 32, end) + 1
    protocol = end - 8
    method_bytes = target - 1 - start
    # At least one byte of target and a space lie between the method and the protocol.
    if target <= 0 or method_bytes < 1 or method_bytes > 8 or protocol < target + 2:
        return False
    unused = _ALL << uint64(8 * method_bytes) if method_bytes < 8 else uint64(0)
    method = (load_word(data, start) & ~unused) | (_ALL_A & unused)
    if (method + _UP_FROM_A) & _HIGH_BITS != _HIGH_BITS or (method + _UP_FROM_Z) & _HIGH_BITS != 0:
        return False
    version = load_word(data, protocol)
    if version & ~_HTTP_DIGITS != _HTTP:
        return False
    version = (version ^ _ZEROS) & _HTTP_DIGITS
    if (version | (version + (_SIXES & _HTTP_DIGITS))) & (_HIGH_NIBBLES & _HTTP_DIGITS) != 0:
        return False
    target_end = protocol - 1
    if data[target_end] != 32 or data[target_end - 1] == 32 or data[target] == 32:
        return False
    texts[_METHOD] = start + text_origin
    texts[_METHOD + 1] = method_bytes
    texts[_PROTOCOL] = protocol + text_origin
    texts[_PROTOCOL + 1] = 8
    texts[_PATH] = target + text_origin
    question_mark = _find(data, target, 63, target_end)
    if question_mark < 0:
        texts[_PATH + 1] = target_end - target
        texts[_QUERY + 1] = -1
    else:
        texts[_PATH + 1] = question_mark - target
        texts[_QUERY] = question_mark + 1 + text_origin
        texts[_QUERY + 1] = target_end - question_mark - 1
    return True


@compiled
def _scan_time(
    data: npt.NDArray[np.uint8],
    position: int,
    length: int,
    numbers: npt.NDArray[np.int64],
    dates: npt.NDArray[np.int32],
    line: int,
    memo: npt.NDArray[np.int64],
) -> bool:
    """Reads `17/May/2015:10:05:03 +0000` or the same without zone.

    `memo` keeps the last date and zone with what they came to, for the next line has mostly the same ones.
    """
    if length != 26 and length != 20:
        return False
    date_head = int64(load_word(data, position))
    date_tail = int64(load_word(data, position + 4))
    if memo[0] != date_head or memo[1] != date_tail:
        days = _days(data, position)
        if days < 0:
            return False
        memo[0] = date_head
        memo[1] = date_tail
        memo[2] = days
    clock = load_word(data, position + 12)
    if clock & ~_CLOCK_DIGITS != _CLOCK_COLONS:
        return False
    clock = (clock ^ _ZEROS) & _CLOCK_DIGITS
    if (clock | (clock + (_SIXES & _CLOCK_DIGITS))) & (_HIGH_NIBBLES & _CLOCK_DIGITS) != 0:
        return False
    pairs = clock * uint64(10) + (clock >> uint64(8))
    hour = int64(pairs & uint64(0xFF))
    minute = int64((pairs >> uint64(24)) & uint64(0xFF))
    second = int64((pairs >> uint64(48)) & uint64(0xFF))
    if hour > 23 or minute > 59 or second > 59:
        return False
    offset = int64(0)
    if length == 26:
        zone = load_word(data, position + 20) & _ZONE
        if zone != _UTC:
            if memo[3] != int64(zone):
                sign = data[position + 21]
                clockwise = _number(data, position + 22, 4)
                if data[position + 20] != 32 or (sign != 43 and sign != 45) or clockwise < 0:
                    return False
                if clockwise > 2359 or clockwise % 100 > 59:
                    return False
                seconds = clockwise // 100 * 3600 + clockwise % 100 * 60
                memo[3] = int64(zone)
                memo[4] = seconds if sign == 43 else -seconds
            offset = memo[4]
    since_1970 = memo[2] * 86400 + hour * 3600 + minute * 60 + second - offset
    numbers[0, line] = since_1970 * 1000000
    dates[line] = since_1970 // 86400
    return True


@compiled
def _days(data: npt.NDArray[np.uint8], position: int) -> Number:
    """Days since 1970 of `17/May/2015:` if that is a date from 1970 to 2199, else -1."""
    day = _number(data, position, 2)
    year = _number(data, position + 7, 4)
    if data[position + 2] != 47 or data[position + 6] != 47 or data[position + 11] != 58 or year < 1970 or year > 2199:
        return int64(-1)
    name = load_word(data, position + 3) & uint64(0xFFFFFF)
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
