"""How the compiled scanner reads the fields of template formats, one function per kind of field.

A field that is not in its usual form is left to the reference reader: its function returns False.
"""

from beam_jobs.access_log.compiled import template_program as steps_of
from beam_jobs.access_log.compiled.jit import inlined
from beam_jobs.access_log.compiled.outputs import DAY, ENCODED, NANOSECONDS
from beam_jobs.access_log.compiled.scan_fields import MAX_EXACT, decimal, find, number, read_size, read_status
from beam_jobs.access_log.compiled.scan_requests import scan_odd_request, scan_request, scan_target
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
_HOST = 8 * TEXT_FIELDS.index("host")
_QUERY = 8 * TEXT_FIELDS.index("query")


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
    if kind == steps_of.DURATION:
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
        return _read_before_port(column, quoted, is_null, start, end, places, text_base)
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
        if flags & steps_of.EMPTY_IS_NULL:
            length = int64(-1)
        elif not quoted and flags & steps_of.MAY_BE_EMPTY == 0:
            return False
    elif not quoted and load_byte(start) == 34:
        return False
    elif flags & steps_of.ENCODED and find(start, 37, end) < end:
        store_number(numbers, ENCODED, int64(1))
    store_text(places + column, start - text_base, length)
    return True


@inlined
def _read_duration(flags: int, unit: int, is_null: bool, start: int, end: int, numbers: int) -> bool:
    """Read a duration, or add one of several; a single one that is null makes the sum null."""
    length = end - start
    value = int64(-1)
    if not is_null and not (flags & steps_of.PART and length == 2 and load_word(start) & uint64(0xFFFF) == 0x312D):
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
def _read_before_port(
    column: int, quoted: bool, is_null: bool, start: int, end: int, places: int, text_base: int
) -> bool:
    if start == end or (not quoted and load_byte(start) == 34):
        return False
    colon = end - 1
    while colon >= start and load_byte(colon) != 58:
        colon -= 1
    if colon < start:
        colon = end
    if column == _HOST and not is_null and number(colon + 1, end - colon - 1) < 0:
        return False
    store_text(places + column, start - text_base, int64(-1) if is_null else colon - start)
    return True
