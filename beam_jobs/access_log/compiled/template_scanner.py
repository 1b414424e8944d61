"""The compiled fast path: from bytes to numbers and to where each text lies.

Anything that is not in its usual form is left to the reference parser, which defines what every field means; on all
lines that this module accepts the two agree. Texts with escapes, or with bytes above 0x7f, are looked at again by
`rewriting`.
"""

import numpy as np
import numpy.typing as npt

from beam_jobs.access_log.compiled import template_program as steps_of
from beam_jobs.access_log.compiled.jit import compiled
from beam_jobs.access_log.compiled.murmur3 import hash_lines
from beam_jobs.access_log.compiled.outputs import ACCEPTED, DECLINED, REWRITE, TOO_LONG, UNENDED, Outputs
from beam_jobs.access_log.compiled.scan_fields import (
    ALL,
    END_OF_DAYS,
    NO_ZONE,
    clf_days,
    clf_zone,
    clock_seconds,
    closing_quote,
    decimal,
    find,
    is_blank,
    iso_days,
    long_number,
    number,
    zone_seconds,
)
from beam_jobs.access_log.compiled.scan_requests import scan_odd_request, scan_request, scan_target
from beam_jobs.access_log.compiled.simd import (
    AHEAD,
    PADDING,
    Number,
    address_of,
    int64,
    load_byte,
    load_word,
    lowest_bit,
    matching,
    not_ascii,
    prefetch,
    store_int32,
    uint8,
    uint64,
)
from beam_jobs.access_log.formats.fields import TEXT_FIELDS

NO_COMMENT = 256
"""In place of a comment's first byte: nothing is a comment."""

_TEXT, _SKIPPED, _TIME, _REQUEST, _STATUS, _SIZE = (
    steps_of.TEXT, steps_of.SKIPPED, steps_of.TIME, steps_of.REQUEST, steps_of.STATUS, steps_of.SIZE,
)  # fmt: skip
_ABSENT, _ISO_TIME, _EPOCH, _DATE, _CLOCK, _DURATION = (
    steps_of.ABSENT, steps_of.ISO_TIME, steps_of.EPOCH, steps_of.DATE, steps_of.CLOCK, steps_of.DURATION,
)  # fmt: skip
_BEFORE_PORT, _TARGET, _QUESTION_QUERY, _PREFIX, _UPSTREAM, _REST = (
    steps_of.BEFORE_PORT, steps_of.TARGET, steps_of.QUESTION_QUERY, steps_of.PREFIX, steps_of.UPSTREAM, steps_of.REST,
)  # fmt: skip
_MAY_BE_EMPTY, _EMPTY_IS_NULL, _ENCODED = steps_of.MAY_BE_EMPTY, steps_of.EMPTY_IS_NULL, steps_of.ENCODED
_SPACES, _URL, _PART = steps_of.SPACES, steps_of.URL, steps_of.PART
_NO_SPACE_EVER = steps_of.NO_SPACE_EVER
_UNQUOTED, _QUOTED_WITH_ESCAPES = steps_of.UNQUOTED, steps_of.QUOTED_WITH_ESCAPES
_HOST = 8 * TEXT_FIELDS.index("host")
_QUERY = 8 * TEXT_FIELDS.index("query")
_SIX_BYTES = uint64(0x0000FFFFFFFFFFFF)
_MICROSECONDS = 1000000
_HASHED_AT_ONCE = 256
_EXACT = 1 << 53


@compiled
def scan(
    data: npt.NDArray[np.uint8],
    stop: int,
    origin: int,
    text_origin: int,
    max_line_bytes: int,
    comment: int,
    program: steps_of.Program,
    found: int,
    outputs: Outputs,
) -> tuple[int, int, int, int]:
    """Scans and hashes lines until `stop`, one that ends within `PADDING` bytes of the end, or the outputs are full.

    Args:
        data: The bytes; every line ends in a newline.
        stop: No line begins here or behind.
        origin: Added to the bounds.
        text_origin: Added to where texts begin.
        max_line_bytes: A line with more bytes is too long.
        comment: The first byte of lines that count as blank, or `NO_COMMENT`.
        program: The steps of the format.
        found: How many lines that are not blank were found before.
        outputs: Filled in from `found` on; the values of lines that are not accepted are undefined.

    Returns:
        Where the first line begins that was not scanned, how many lines that are not blank were found in all, and of
        this call the lines and the blank ones.
    """
    steps, separators = program.steps, program.separators
    verdicts, bounds, texts, hashes = outputs.verdicts, outputs.bounds, outputs.texts, outputs.hashes
    timestamps, dates, durations = outputs.timestamps, outputs.dates, outputs.durations
    statuses, sizes = outputs.statuses, outputs.sizes
    base = address_of(data)
    last = base + data.size - PADDING
    program_end = steps.shape[0]
    text_base = base - text_origin
    # Bytes that no regular line holds: nothing is known at first.
    date_head = date_tail = zone = iso_head = iso_tail = ALL
    days = offset = iso_day = int64(0)
    lines = blank = int64(0)
    hashed = int64(found)
    start = base
    while start < base + stop and found < verdicts.size:
        odd = uint64(0)
        newline = uint64(0)
        address = start
        while address <= last:
            prefetch(address + AHEAD)
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
        elif is_blank(start, line_end) or load_byte(start) == comment:
            blank += 1
            start = following
            continue
        else:
            verdict = DECLINED
        bounds[found, 0] = start - base + origin
        bounds[found, 1] = line_end - base + origin
        places = address_of(texts) + found * texts.strides[0]
        address = start
        step = program_end if verdict == TOO_LONG else 0
        statuses[found] = -1
        sizes[found] = -1
        day = int64(-1)
        duration = int64(-1)
        while step < program_end:
            kind = steps[step, 0]
            column = steps[step, 1]
            separator_bytes = steps[step, 2]
            quoted = steps[step, 3] != _UNQUOTED
            flags = steps[step, 4]
            end = line_end
            if separator_bytes > 0:
                word = steps[step, 6]
                separator = separators[word, 0]
                if kind == _PREFIX:
                    end = address
                elif odd != 0 and steps[step, 3] == _QUOTED_WITH_ESCAPES:
                    end = closing_quote(address, line_end)
                else:
                    end = find(address, separator & uint64(0xFF), line_end)
                    # A time may hold one space itself.
                    if kind == _TIME and end == address + 20 and separator & uint64(0xFF) == 32:
                        if load_byte(end + 1) in (43, 45) and number(end + 2, 4) >= 0:
                            end += 6
                    elif kind == _ISO_TIME and end == address + 10 and separator & uint64(0xFF) == 32:
                        end = find(end + 1, 32, line_end)
                if load_word(end) & separators[word, 1] != separator or separator_bytes > 8:
                    later = end
                    if kind == _PREFIX or steps[step, 3] == _QUOTED_WITH_ESCAPES:
                        if not _separator_at(end, separators, word, separator_bytes):
                            later = int64(-1)
                    else:
                        later = _separator_behind(end, line_end, separators, word, separator_bytes)
                    if later < 0:
                        verdict = UNENDED
                        store_int32(places, step)
                        store_int32(places + 4, address - start)
                        break
                    # What the bytes before a separator that came late mean is the reference parser's matter.
                    if later != end and flags & _SPACES == 0:
                        break
                    end = later
            elif kind == _ABSENT:
                store_int32(places + column + 4, int64(-1))
                step += 1
                if step == program_end and address == line_end:
                    verdict = ACCEPTED
                continue
            length = end - address
            is_null = length == 1 and load_byte(address) == 45
            if (
                kind <= _SKIPPED
                and (flags & _NO_SPACE_EVER or (separator_bytes == 0 and flags & _SPACES == 0))
                and find(address, 32, end) < end
            ):
                break
            if kind == _TEXT:
                if is_null:
                    length = int64(-1)
                elif length == 0:
                    if flags & _EMPTY_IS_NULL:
                        length = int64(-1)
                    elif not quoted and flags & _MAY_BE_EMPTY == 0:
                        break
                elif not quoted and load_byte(address) == 34:
                    break
                elif flags & _ENCODED and find(address, 37, end) < end:
                    odd |= uint64(1)
                store_int32(places + column, address - text_base)
                store_int32(places + column + 4, length)
            elif kind == _SKIPPED:
                if length == 0 and not quoted and flags & _MAY_BE_EMPTY == 0:
                    break
            elif kind == _REQUEST:
                # TLS bytes and the like are rare, and so is what calls of functions cost.
                if (flags & _URL != 0 or not scan_request(address, end, places, text_base)) and not scan_odd_request(
                    address, end, places, text_base, flags & _URL != 0
                ):
                    break
            elif kind == _TIME:
                if length not in (20, 26):
                    break
                head = load_word(address)
                tail = load_word(address + 4)
                # The next line has mostly the same date and zone.
                if head != date_head or tail != date_tail:
                    read_days = clf_days(address)
                    if read_days < 0:
                        break
                    days = read_days
                    date_head = head
                    date_tail = tail
                seconds = clock_seconds(address + 12)
                if seconds < 0:
                    break
                since_1970 = days * 86400 + seconds
                if length == 26:
                    zone_word = load_word(address + 20) & _SIX_BYTES
                    if zone_word != zone:
                        read_offset = clf_zone(address + 20)
                        if read_offset == NO_ZONE:
                            break
                        offset = read_offset
                        zone = zone_word
                    since_1970 -= offset
                timestamps[found] = since_1970 * _MICROSECONDS
                dates[found] = since_1970 // 86400
            elif kind == _STATUS:
                value = number(address, length)
                if value != -1 and (length != 3 or value < 100 or value > 599):
                    break
                statuses[found] = value
            elif kind == _SIZE:
                value = number(address, length)
                if value < -1:
                    value = long_number(address, length)
                    if value < 0:
                        break
                sizes[found] = value
            elif kind == _DURATION:
                if is_null or (flags & _PART and length == 2 and load_word(address) & uint64(0xFFFF) == 0x312D):
                    value = int64(-1)
                else:
                    value = decimal(address, end, steps[step, 5])
                    if value < 0 or value >= _EXACT or length > 15:
                        break
                if duration == -1:
                    duration = value if value >= 0 else int64(-2)
                else:
                    duration = duration + value if duration >= 0 and value >= 0 else int64(-2)
                if duration >= _EXACT:
                    break
            elif kind in (_ISO_TIME, _CLOCK):
                clock = address
                if kind == _ISO_TIME:
                    if length < 19 or load_byte(address + 10) not in (84, 32):
                        break
                    head = load_word(address)
                    tail = load_word(address + 8) & uint64(0xFFFF)
                    if head != iso_head or tail != iso_tail:
                        read_days = iso_days(address)
                        if read_days < 0:
                            break
                        iso_day = read_days
                        iso_head = head
                        iso_tail = tail
                    day = iso_day
                    clock += 11
                elif day < 0 or length != 8:
                    break
                seconds = clock_seconds(clock)
                if seconds < 0:
                    break
                fraction = _fraction(clock + 8, end)
                if fraction < 0:
                    break
                place = clock + 8 + (fraction & 15)
                shift = _iso_zone(place, end)
                if shift == NO_ZONE:
                    break
                since_1970 = day * 86400 + seconds - shift
                timestamps[found] = since_1970 * _MICROSECONDS + (fraction >> 4)
                dates[found] = since_1970 // 86400
            elif kind == _DATE:
                if length != 10:
                    break
                day = iso_days(address)
                if day < 0:
                    break
            elif kind == _EPOCH:
                value = decimal(address, end, steps[step, 5])
                if value < 0 or value >= END_OF_DAYS * 86400 * _MICROSECONDS or length > 17:
                    break
                timestamps[found] = value
                dates[found] = value // (86400 * _MICROSECONDS)
            elif kind == _BEFORE_PORT:
                if length == 0 or (not quoted and load_byte(address) == 34):
                    break
                colon = end - 1
                while colon >= address and load_byte(colon) != 58:
                    colon -= 1
                if colon < address:
                    colon = end
                if column == _HOST and not is_null and number(colon + 1, end - colon - 1) < 0:
                    break
                store_int32(places + column, address - text_base)
                store_int32(places + column + 4, int64(-1) if is_null else colon - address)
            elif kind == _TARGET:
                if is_null or length == 0:
                    break
                scan_target(address, end, places, text_base)
            elif kind == _QUESTION_QUERY:
                mark = int64(length > 0 and load_byte(address) == 63)
                store_int32(places + _QUERY, address + mark - text_base)
                store_int32(places + _QUERY + 4, int64(-1) if is_null or length == 0 else length - mark)
            elif kind == _UPSTREAM:
                if length == 0 and not quoted:
                    break
                if not quoted and (load_byte(end - 1) == 44 or load_word(end) & uint64(0xFFFFFF) == 0x203A20):
                    break
            address = end + separator_bytes
            step += 1
            if step == program_end and address == line_end:
                verdict = ACCEPTED
        if verdict == ACCEPTED:
            durations[found] = np.nan if duration < 0 else duration / 1000000
            if odd != 0:
                verdict = REWRITE
        verdicts[found] = verdict
        found += 1
        start = following
        # The lines are still in the cache.
        if found - hashed == _HASHED_AT_ONCE:
            hash_lines(data, origin, bounds, hashed, found, hashes)
            hashed = found
    hash_lines(data, origin, bounds, hashed, found, hashes)
    return start - base, found, lines, blank


@compiled
def _separator_at(address: int, separators: npt.NDArray[np.uint64], word: int, length: int) -> bool:
    while length > 0:
        if load_word(address) & separators[word, 1] != separators[word, 0]:
            return False
        address += 8
        word += 1
        length -= 8
    return True


@compiled
def _separator_behind(
    address: int, line_end: int, separators: npt.NDArray[np.uint64], word: int, length: int
) -> Number:
    """The address of the next separator, or -1."""
    while address < line_end:
        if _separator_at(address, separators, word, length):
            return address
        address = find(address + 1, separators[word, 0] & uint64(0xFF), line_end)
    return int64(-1)


@compiled
def _fraction(address: int, end: int) -> Number:
    """Microseconds of `.123` times 16, plus the bytes it takes; -1 for more than 9 digits or none."""
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


@compiled
def _iso_zone(address: int, end: int) -> Number:
    """Seconds east of Greenwich of `Z`, `+0100`, `+01:00` or nothing, or `NO_ZONE`."""
    length = end - address
    if length == 0 or (length == 1 and load_byte(address) == 90):
        return int64(0)
    colon = int64(length == 6 and load_byte(address + 3) == 58)
    if length != 5 + colon:
        return int64(NO_ZONE)
    return zone_seconds(load_byte(address), number(address + 1, 2), number(address + 3 + colon, 2))
