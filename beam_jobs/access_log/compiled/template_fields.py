"""How the compiled scanner reads the fields of template formats, one function per kind of field.

A field that is not in its usual form is left to the reference reader: its function returns False.
"""

from beam_jobs.access_log.compiled import template_program as steps_of
from beam_jobs.access_log.compiled.jit import compiled, inlined
from beam_jobs.access_log.compiled.scan_claims import (
    has_encoded_percent,
    is_address_list,
    is_checked,
    is_client,
    is_host,
    is_ipv4,
    is_user,
)
from beam_jobs.access_log.compiled.scan_fields import (
    END_OF_DAYS,
    NO_ZONE,
    clf_days,
    clf_zone,
    clock_seconds,
    decimal,
    find,
    iso_days,
    long_number,
    number,
    zone_seconds,
)
from beam_jobs.access_log.compiled.scan_requests import scan_odd_request, scan_request, scan_target, scan_url
from beam_jobs.access_log.compiled.simd import (
    Number,
    int64,
    load_byte,
    load_number,
    load_word,
    store_int32,
    store_word,
    uint64,
)
from beam_jobs.access_log.formats.fields import TEXT_FIELDS

MICROSECONDS, STATUS, SIZE, NANOSECONDS, DAY, ENCODED = range(6)
"""The numbers of a line: its time, status, byte count and duration, the day of a `date` field, and whether a text is
percent-encoded. Behind them stands what is remembered of the line before."""

NO_DURATION = -1
"""In place of nanoseconds: no field has been read; lower values are null."""

_CLF_HEAD, _CLF_TAIL, _CLF_DAYS, _ZONE, _OFFSET, _ISO_HEAD, _ISO_TAIL, _ISO_DAYS = range(6, 14)
NUMBERS = 14
"""How many numbers there are; all are -1 at first."""

_TEXT, _SKIPPED, _TIME, _REQUEST, _STATUS, _SIZE = (
    steps_of.TEXT, steps_of.SKIPPED, steps_of.TIME, steps_of.REQUEST, steps_of.STATUS, steps_of.SIZE,
)  # fmt: skip
_ISO_TIME, _EPOCH, _DATE, _CLOCK, _DURATION = (
    steps_of.ISO_TIME, steps_of.EPOCH, steps_of.DATE, steps_of.CLOCK, steps_of.DURATION,
)  # fmt: skip
_BEFORE_PORT, _TARGET, _QUESTION_QUERY, _UPSTREAM = (
    steps_of.BEFORE_PORT, steps_of.TARGET, steps_of.QUESTION_QUERY, steps_of.UPSTREAM,
)  # fmt: skip
_CLIENT_LIST, _CHECKED, _WHOLE_URL, _PADDED = (
    steps_of.CLIENT_LIST, steps_of.CHECKED, steps_of.WHOLE_URL, steps_of.PADDED,
)  # fmt: skip
_MAY_BE_EMPTY, _EMPTY_IS_NULL, _ENCODED = steps_of.MAY_BE_EMPTY, steps_of.EMPTY_IS_NULL, steps_of.ENCODED
_URL, _PART, _PLUS, _FRACTION, _WHOLE, _EITHER = (
    steps_of.URL, steps_of.PART, steps_of.PLUS, steps_of.FRACTION, steps_of.WHOLE, steps_of.EITHER,
)  # fmt: skip
_ADDRESS, _USER, _HOST, _ADDRESSES = steps_of.ADDRESS, steps_of.USER, steps_of.HOST, steps_of.ADDRESSES
_CLAIMS = _ADDRESS | _USER | _HOST | _ADDRESSES
_HOST_PLACE, _QUERY, _PATH, _REMOTE_ADDR, _FORWARDED_FOR = (
    8 * TEXT_FIELDS.index(name) for name in ("host", "query", "path", "remote_addr", "forwarded_for")
)
_SIX_BYTES = uint64(0x0000FFFFFFFFFFFF)
_DAY_MICROSECONDS = 86_400_000_000
_EXACT = 1 << 53


@inlined
def read_field(
    kind: int,
    flags: int,
    column: int,
    unit: int,
    quoted: bool,
    start: int,
    end: int,
    places: int,
    text_base: int,
    numbers: int,
) -> bool:
    """Read one field.

    Args:
        kind: The kind of the step, see `Program`; kinds that read nothing are always read.
        flags: See there.
        column: See there.
        unit: See there.
        quoted: Whether quotes enclose the field.
        start: The address of its first byte.
        end: The address behind its last byte.
        places: The address of the line's texts, see `Outputs`.
        text_base: The address from which texts are counted.
        numbers: The address of the line's numbers.
    """
    length = end - start
    is_null = length == 1 and load_byte(start) == 45
    if kind == _TEXT:
        return _read_text(flags, column, quoted, is_null, start, end, places, text_base, numbers)
    if kind == _SKIPPED:
        return length != 0 or quoted or flags & _MAY_BE_EMPTY != 0
    if kind == _REQUEST:
        # TLS bytes and the like are rare, and so is what calls of functions cost.
        return (flags & _URL == 0 and scan_request(start, end, places, text_base)) or scan_odd_request(
            start, end, places, text_base, flags & _URL != 0
        )
    if kind == _TIME:
        return _read_clf_time(start, length, numbers)
    if kind == _STATUS:
        return _read_status(start, length, numbers)
    if kind == _SIZE:
        return _read_size(start, length, numbers)
    if kind == _CHECKED:
        return is_checked(unit, start, end)
    if kind in (_DURATION, _PADDED):
        return _read_duration(flags, unit, is_null, start, end, numbers)
    if kind == _ISO_TIME:
        return _read_iso_time(start, end, numbers)
    if kind == _CLOCK:
        day = load_number(numbers, DAY)
        return day >= 0 and length == 8 and _store_time(day, start, end, numbers)
    if kind == _DATE:
        day = iso_days(start) if length == 10 else int64(-1)
        store_word(numbers + 8 * DAY, day)
        return bool(day >= 0)
    if kind == _EPOCH:
        microseconds = decimal(start, end, unit)
        store_word(numbers + 8 * MICROSECONDS, microseconds)
        return microseconds >= 0 and microseconds < END_OF_DAYS * _DAY_MICROSECONDS and length <= 17
    if kind == _BEFORE_PORT:
        return _read_before_port(column, is_null, start, end, places, text_base)
    if kind == _CLIENT_LIST:
        return _read_client_list(is_null, start, end, places, text_base)
    if kind == _WHOLE_URL:
        if is_null or length == 0:
            return False
        store_int32(places + _HOST_PLACE + 4, int64(-1))
        return scan_url(start, end, places, text_base)
    if kind == _TARGET:
        if is_null or length == 0:
            return False
        scan_target(start, end, places, text_base)
    elif kind == _QUESTION_QUERY:
        mark = int64(length > 0 and load_byte(start) == 63)
        store_int32(places + _QUERY, start + mark - text_base)
        store_int32(places + _QUERY + 4, int64(-1) if is_null or length == 0 else length - mark)
    elif kind == _UPSTREAM and not quoted:
        return not (length == 0 or load_byte(end - 1) == 44 or load_word(end) & uint64(0xFFFFFF) == 0x203A20)
    return True


@inlined
def _read_text(
    flags: int,
    column: int,
    quoted: bool,
    is_null: bool,
    start: int,
    end: int,
    places: int,
    text_base: int,
    numbers: int,
) -> bool:
    length = end - start
    if is_null:
        length = int64(-1)
    elif length == 0:
        if flags & _EMPTY_IS_NULL:
            length = int64(-1)
        elif not quoted and flags & _MAY_BE_EMPTY == 0:
            return False
    elif not quoted and load_byte(start) == 34:
        return False
    elif flags & _CLAIMS:
        # Most clients are known by an IPv4 address.
        if not (flags & _ADDRESS and is_ipv4(start, end)) and not _is_claimed(flags, start, end):
            return False
    elif flags & _ENCODED and find(start, 37, end) < end:
        store_word(numbers + 8 * ENCODED, int64(1))
        if has_encoded_percent(start, end):
            return False
    elif flags & _PLUS and find(start, 43, end) < end:
        store_word(numbers + 8 * ENCODED, int64(1))
    store_int32(places + column, start - text_base)
    store_int32(places + column + 4, length)
    return True


@compiled
def _is_claimed(flags: int, start: int, end: int) -> bool:
    if flags & _ADDRESS:
        return is_client(start, end)
    if flags & _USER:
        return is_user(start, end)
    return is_host(start, end) if flags & _HOST else is_address_list(start, end)


@compiled
def _read_client_list(is_null: bool, start: int, end: int, places: int, text_base: int) -> bool:
    client_end = find(start, 44, end)
    if not is_null and not (is_address_list(start, end) or (client_end == end and is_client(start, end))):
        return False
    while client_end > start and load_byte(client_end - 1) == 32:
        client_end -= 1
    store_int32(places + _REMOTE_ADDR, start - text_base)
    store_int32(places + _REMOTE_ADDR + 4, int64(-1) if is_null else client_end - start)
    store_int32(places + _FORWARDED_FOR, start - text_base)
    store_int32(places + _FORWARDED_FOR + 4, int64(-1) if is_null else end - start)
    return True


@inlined
def _read_clf_time(start: int, length: int, numbers: int) -> bool:
    if length < 20 or length > 36:
        return False
    head = load_word(start)
    tail = load_word(start + 4)
    # The next line has mostly the same date and zone.
    if head != load_word(numbers + 8 * _CLF_HEAD) or tail != load_word(numbers + 8 * _CLF_TAIL):
        store_word(numbers + 8 * _CLF_HEAD, head)
        store_word(numbers + 8 * _CLF_TAIL, tail)
        store_word(numbers + 8 * _CLF_DAYS, clf_days(start))
    days = load_number(numbers, _CLF_DAYS)
    seconds = clock_seconds(start + 12)
    if days < 0 or seconds < 0:
        return False
    since_1970 = days * 86400 + seconds
    microseconds = int64(0)
    if length != 20 and length != 26:
        fraction = _fraction(start + 20, start + length)
        if fraction <= 0:
            return False
        microseconds = fraction >> 4
        start += fraction & 15
        length -= fraction & 15
    if length == 26:
        zone = load_word(start + 20) & _SIX_BYTES
        if zone != load_word(numbers + 8 * _ZONE):
            store_word(numbers + 8 * _ZONE, zone)
            store_word(numbers + 8 * _OFFSET, clf_zone(start + 20))
        offset = load_number(numbers, _OFFSET)
        if offset == NO_ZONE:
            return False
        since_1970 -= offset
    elif length != 20:
        return False
    store_word(numbers + 8 * MICROSECONDS, since_1970 * 1_000_000 + microseconds)
    return True


@inlined
def _read_iso_time(start: int, end: int, numbers: int) -> bool:
    if end - start < 19 or load_byte(start + 10) not in (84, 32):
        return False
    head = load_word(start)
    tail = load_word(start + 8) & uint64(0xFFFF)
    if head != load_word(numbers + 8 * _ISO_HEAD) or tail != load_word(numbers + 8 * _ISO_TAIL):
        store_word(numbers + 8 * _ISO_HEAD, head)
        store_word(numbers + 8 * _ISO_TAIL, tail)
        store_word(numbers + 8 * _ISO_DAYS, iso_days(start))
    day = load_number(numbers, _ISO_DAYS)
    return day >= 0 and _store_time(day, start + 11, end, numbers)


@compiled
def _store_time(day: int, clock: int, end: int, numbers: int) -> bool:
    """Store the time of a day and a clock, which a fraction and a zone may follow."""
    seconds = clock_seconds(clock)
    fraction = _fraction(clock + 8, end)
    if seconds < 0 or fraction < 0:
        return False
    offset = _iso_zone(clock + 8 + (fraction & 15), end)
    if offset == NO_ZONE:
        return False
    store_word(numbers + 8 * MICROSECONDS, (day * 86400 + seconds - offset) * 1_000_000 + (fraction >> 4))
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
def _iso_zone(address: int, end: int) -> Number:
    """Return seconds east of Greenwich of `Z`, `+0100`, `+01:00` or nothing, or `NO_ZONE`."""
    length = end - address
    if length == 0 or (length == 1 and load_byte(address) == 90):
        return int64(0)
    colon = int64(length == 6 and load_byte(address + 3) == 58)
    if length != 5 + colon:
        return int64(NO_ZONE)
    return zone_seconds(load_byte(address), number(address + 1, 2), number(address + 3 + colon, 2))


@inlined
def _read_status(start: int, length: int, numbers: int) -> bool:
    status = number(start, length)
    store_word(numbers + 8 * STATUS, status)
    return status == -1 or (length == 3 and status >= 100)


@inlined
def _read_size(start: int, length: int, numbers: int) -> bool:
    size = number(start, length)
    if size < -1:
        size = long_number(start, length)
    store_word(numbers + 8 * SIZE, size)
    return bool(size >= -1)


@inlined
def _read_duration(flags: int, unit: int, is_null: bool, start: int, end: int, numbers: int) -> bool:
    """Read a duration, or add one of several; a single one that is null makes the sum null."""
    length = end - start
    value = int64(-1)
    if not is_null and not (flags & _PART and length == 2 and load_word(start) & uint64(0xFFFF) == 0x312D):
        if flags & (_FRACTION | _WHOLE | _EITHER):
            has_fraction = find(start, 46, end) < end
            if has_fraction if flags & _WHOLE else (flags & _FRACTION and not has_fraction):
                return False
            if flags & _EITHER and has_fraction:
                unit = int64(1_000_000_000)
        value = decimal(start, end, unit)
        if value < 0 or value >= _EXACT or length > 15:
            return False
    duration = load_number(numbers, NANOSECONDS)
    if duration == NO_DURATION:
        duration = value if value >= 0 else int64(-2)
    else:
        duration = duration + value if duration >= 0 and value >= 0 else int64(-2)
    store_word(numbers + 8 * NANOSECONDS, duration)
    return bool(duration < _EXACT)


@inlined
def _read_before_port(column: int, is_null: bool, start: int, end: int, places: int, text_base: int) -> bool:
    if start == end:
        return False
    colon = end - 1
    while colon >= start and load_byte(colon) != 58:
        colon -= 1
    if is_null:
        colon = end
    elif column == _HOST_PLACE:
        if colon < start or number(colon + 1, end - colon - 1) < 0 or not is_host(start, colon):
            return False
    elif colon < start:
        colon = end
        if not is_client(start, end):
            return False
    else:
        if number(colon + 1, end - colon - 1) < 0:
            return False
        if load_byte(start) == 91 and load_byte(colon - 1) == 93:
            start += 1
            colon -= 1
            if find(start, 58, colon) == colon:
                return False
        if not is_client(start, colon):
            return False
    store_int32(places + column, start - text_base)
    store_int32(places + column + 4, int64(-1) if is_null else colon - start)
    return True
