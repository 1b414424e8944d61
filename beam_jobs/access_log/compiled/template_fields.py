"""How the compiled scanner reads the fields of template formats, one function per kind of field.

A field that is not in its usual form is left to the reference reader: its function returns False.
"""

from beam_jobs.access_log.compiled import template_program as steps_of
from beam_jobs.access_log.compiled.jit import compiled, inlined
from beam_jobs.access_log.compiled.outputs import DAY, ENCODED, NANOSECONDS
from beam_jobs.access_log.compiled.scan_claims import (
    has_encoded_percent,
    is_address_list,
    is_checked,
    is_client,
    is_host,
    is_host_name,
    is_ipv4,
    is_user,
)
from beam_jobs.access_log.compiled.scan_fields import MAX_EXACT, decimal, find, number, read_size, read_status
from beam_jobs.access_log.compiled.scan_requests import (
    is_protocol,
    scan_odd_request,
    scan_request,
    scan_target,
    scan_url,
)
from beam_jobs.access_log.compiled.scan_times import (
    iso_days,
    read_clf_time,
    read_clock,
    read_epoch_time,
    read_iso_time,
)
from beam_jobs.access_log.compiled.simd import (
    int64,
    load_byte,
    load_number,
    load_word,
    store_number,
    store_text,
    uint64,
)
from beam_jobs.access_log.formats.fields import TEXT_FIELDS

_NO_DURATION = -1  # in place of nanoseconds: no field has been read; lower values are null
_MOST_FRACTION = 9
_CLAIMS = steps_of.ADDRESS | steps_of.USER | steps_of.HOST | steps_of.ADDRESSES | steps_of.PROTOCOL | steps_of.NAME
_HOST, _QUERY, _REMOTE_ADDR, _FORWARDED_FOR = (
    8 * TEXT_FIELDS.index(name) for name in ("host", "query", "remote_addr", "forwarded_for")
)


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
    """Read one field; kind, flags, column and unit are those of its step. Kinds that read nothing are always read."""
    length = end - start
    is_null = length == 1 and load_byte(start) == 45
    if kind == steps_of.TEXT:
        return _read_text(flags, column, quoted, is_null, start, end, places, text_base, numbers)
    if kind == steps_of.SKIPPED:
        return length != 0 or quoted or flags & steps_of.MAY_BE_EMPTY != 0
    if kind == steps_of.REQUEST:
        # TLS bytes and the like are rare, and so is what calls of functions cost.
        return (flags & steps_of.URL == 0 and scan_request(start, end, places, text_base)) or scan_odd_request(
            start, end, places, text_base, flags & steps_of.URL != 0
        )
    if kind == steps_of.TIME:
        return read_clf_time(start, length, numbers)
    if kind == steps_of.STATUS:
        return read_status(start, length, numbers)
    if kind == steps_of.SIZE:
        return read_size(start, end, numbers)
    if kind == steps_of.CHECKED:
        return is_null or is_checked(unit, start, end)
    if kind in (steps_of.DURATION, steps_of.PADDED):
        return _read_duration(flags, unit, is_null, start, end, numbers)
    if kind == steps_of.ISO_TIME:
        return read_iso_time(start, end, numbers)
    if kind == steps_of.CLOCK:
        day = load_number(numbers, DAY)
        return day >= 0 and length == 8 and read_clock(day, start, end, numbers)
    if kind == steps_of.DATE:
        day = iso_days(start) if length == 10 else int64(-1)
        store_number(numbers, DAY, day)
        return bool(day >= 0)
    if kind == steps_of.EPOCH:
        return read_epoch_time(start, end, unit, _MOST_FRACTION, numbers)
    if kind == steps_of.BEFORE_PORT:
        return _read_before_port(column, is_null, start, end, places, text_base)
    if kind == steps_of.CLIENT_LIST:
        return _read_client_list(is_null, start, end, places, text_base)
    if kind == steps_of.WHOLE_URL:
        store_text(places + _HOST, int64(0), int64(-1))
        return not is_null and length > 0 and scan_url(start, end, places, text_base)
    if kind == steps_of.TARGET:
        if is_null or length == 0:
            return False
        scan_target(start, end, places, text_base)
    elif kind == steps_of.QUESTION_QUERY:
        mark = int64(length > 0 and load_byte(start) == 63)
        length = int64(-1) if is_null or length == 0 else length - mark
        store_text(places + _QUERY, start + mark - text_base, length)
    elif kind == steps_of.UPSTREAM and not quoted:
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
        if not quoted and flags & steps_of.MAY_BE_EMPTY == 0:
            return False
        if flags & steps_of.EMPTY_IS_NULL:
            length = int64(-1)
    elif not quoted and load_byte(start) == 34:
        return False
    elif flags & _CLAIMS:
        # Most clients are known by an IPv4 address.
        if not (flags & steps_of.ADDRESS and is_ipv4(start, end)) and not _is_claimed(flags, start, end):
            return False
    elif flags & steps_of.ENCODED and find(start, 37, end) < end:
        store_number(numbers, ENCODED, int64(1))
        if has_encoded_percent(start, end):
            return False
    elif flags & steps_of.PLUS and find(start, 43, end) < end:
        store_number(numbers, ENCODED, int64(1))
    store_text(places + column, start - text_base, length)
    return True


@compiled
def _is_claimed(flags: int, start: int, end: int) -> bool:
    if flags & steps_of.ADDRESS:
        return is_client(start, end)
    if flags & steps_of.USER:
        return is_user(start, end)
    if flags & steps_of.PROTOCOL:
        return is_protocol(start, end)
    if flags & steps_of.NAME:
        return is_host_name(start, end)
    return is_host(start, end) if flags & steps_of.HOST else is_address_list(start, end)


@compiled
def _read_client_list(is_null: bool, start: int, end: int, places: int, text_base: int) -> bool:
    client_end = find(start, 44, end)
    if not is_null and not (is_address_list(start, end) or (client_end == end and is_client(start, end))):
        return False
    while client_end > start and load_byte(client_end - 1) == 32:
        client_end -= 1
    store_text(places + _REMOTE_ADDR, start - text_base, int64(-1) if is_null else client_end - start)
    store_text(places + _FORWARDED_FOR, start - text_base, int64(-1) if is_null else end - start)
    return True


@inlined
def _read_duration(flags: int, unit: int, is_null: bool, start: int, end: int, numbers: int) -> bool:
    """Read a duration, or add one of several; a single one that is null makes the sum null."""
    length = end - start
    value = int64(-1)
    if not is_null and not (flags & steps_of.PART and length == 2 and load_word(start) & uint64(0xFFFF) == 0x312D):
        if flags & (steps_of.FRACTION | steps_of.WHOLE | steps_of.EITHER):
            has_fraction = find(start, 46, end) < end
            if has_fraction if flags & steps_of.WHOLE else (flags & steps_of.FRACTION and not has_fraction):
                return False
            if flags & steps_of.EITHER and has_fraction:
                unit = int64(1_000_000_000)
        value = decimal(start, end, unit, _MOST_FRACTION)
        if value < 0 or value >= MAX_EXACT:
            return False
    duration = load_number(numbers, NANOSECONDS)
    if duration == _NO_DURATION:
        duration = value if value >= 0 else int64(-2)
    else:
        duration = duration + value if duration >= 0 and value >= 0 else int64(-2)
    store_number(numbers, NANOSECONDS, duration)
    return bool(duration < MAX_EXACT)


@inlined
def _read_before_port(column: int, is_null: bool, start: int, end: int, places: int, text_base: int) -> bool:
    if start == end:
        return False
    colon = end - 1
    while colon >= start and load_byte(colon) != 58:
        colon -= 1
    if is_null:
        colon = end
    elif column == _HOST:
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
    store_text(places + column, start - text_base, int64(-1) if is_null else colon - start)
    return True
