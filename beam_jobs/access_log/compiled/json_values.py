"""How the compiled scanner reads the values of the wanted keys of JSON lines, one function per kind of value.

A value that is not in its usual form is left to the reference reader: its function returns False.
"""

from typing import NamedTuple

from beam_jobs.access_log.compiled.jit import inlined
from beam_jobs.access_log.compiled.json_program import ENTRY_WORDS, TIME_COLUMN, Reading
from beam_jobs.access_log.compiled.outputs import MICROSECONDS, NANOSECONDS
from beam_jobs.access_log.compiled.scan_claims import is_address_list, is_client, is_host, is_ipv4, is_user
from beam_jobs.access_log.compiled.scan_fields import MAX_EXACT, decimal, digits_end, find, read_size, read_status
from beam_jobs.access_log.compiled.scan_requests import is_protocol, scan_odd_request, scan_request
from beam_jobs.access_log.compiled.scan_times import END_OF_DAYS, read_clf_time, read_epoch_time, read_iso_time
from beam_jobs.access_log.compiled.simd import (
    Number,
    int64,
    load_byte,
    load_number,
    load_word,
    store_number,
    store_text,
    uint64,
)
from beam_jobs.access_log.formats.fields import TEXT_FIELDS

UNFILLED = 1 << 20
"""The rank of a column without a value."""

_METHOD, _PATH, _QUERY, _PROTOCOL, _HOST, _REMOTE_ADDR = (
    TEXT_FIELDS.index(name) for name in ("method", "path", "query", "protocol", "host", "remote_addr")
)
_OBJECT, _TIME, _REQUEST, _TARGET, _URL, _STATUS, _SIZE, _DURATION, _FRACTION = (
    int(reading)
    for reading in (
        Reading.OBJECT, Reading.TIME, Reading.REQUEST, Reading.TARGET, Reading.URL, Reading.STATUS, Reading.SIZE,
        Reading.DURATION, Reading.FRACTION,
    )
)  # fmt: skip
_ADDRESS, _BEFORE_PORT, _FORWARDED, _USER, _IS_HOST, _IS_PROTOCOL = (
    int(reading)
    for reading in (
        Reading.ADDRESS, Reading.BEFORE_PORT, Reading.FORWARDED, Reading.USER, Reading.HOST, Reading.PROTOCOL,
    )
)  # fmt: skip
_FOUR_BYTES = uint64(0xFFFFFFFF)
_THREE_BYTES = uint64(0xFFFFFF)
_HTTP = uint64(int.from_bytes(b"http", "little"))
_SLASHES = uint64(int.from_bytes(b"://", "little"))
_ANY_FRACTION = 1 << 20


class Values(NamedTuple):
    """Where the values of a line go, by addresses.

    Attributes:
        entries: Of `JsonProgram`.
        base: What the beginnings of texts count from.
        ranks: Per column the rank of the key whose value it has, or `UNFILLED`.
        texts: Those of the line in `Outputs`.
        numbers: The line's numbers.
    """

    entries: int
    base: int
    ranks: int
    texts: int
    numbers: int


@inlined
def read_value(start: int, end: int, wanted: int, values: Values) -> bool:
    """Read the value of a wanted key."""
    entry = values.entries + 8 * ENTRY_WORDS * wanted
    reading, rank, column = load_number(entry, 2), load_number(entry, 3), load_number(entry, 4)
    length = end - start
    if reading == _OBJECT:
        return False
    if length == 0 or (length == 1 and load_byte(start) == 45):
        return True
    if reading == _REQUEST:
        # The lowest rank of all: it fills its columns whatever came before.
        for one in (_METHOD, _PATH, _QUERY, _PROTOCOL):
            store_number(values.ranks, one, rank)
        return scan_request(start, end, values.texts, values.base) or scan_odd_request(
            start, end, values.texts, values.base, False
        )
    if reading == _TARGET:
        return _read_target(start, end, rank, values)
    if reading == _URL:
        return _read_url(start, end, rank, values)
    if rank >= load_number(values.ranks, column):
        # Where a URL has filled the host, or a list the client, their own keys are checked all the same.
        return (reading != _IS_HOST or is_host(start, end)) and (
            reading != _ADDRESS or is_ipv4(start, end) or is_client(start, end)
        )
    store_number(values.ranks, column, rank)
    if reading == _TIME:
        return _read_time(start, end, values.numbers)
    if reading == _STATUS:
        return read_status(start, length, values.numbers)
    if reading == _SIZE:
        return read_size(start, end, values.numbers)
    if reading in (_DURATION, _FRACTION):
        return _read_duration(start, end, reading == _FRACTION, load_number(entry, 5), values)
    if reading == _ADDRESS:
        if not is_ipv4(start, end) and not is_client(start, end):
            return False
    elif reading == _BEFORE_PORT:
        while length > 0 and load_byte(start + length) != 58:
            length -= 1
        if (
            start + length + 1 >= end
            or digits_end(start + length + 1, end) != end
            or not is_ipv4(start, start + length)
        ):
            return False
    elif reading == _FORWARDED:
        if not is_address_list(start, end):
            return False
        _fill_client(start, end, rank, values)
    elif (
        (reading == _USER and not is_user(start, end))
        or (reading == _IS_HOST and not is_host(start, end))
        or (reading == _IS_PROTOCOL and not is_protocol(start, end))
    ):
        return False
    store_text(values.texts + 8 * column, start - values.base, length)
    return True


@inlined
def _read_duration(start: int, end: int, has_fraction: bool, unit: int, values: Values) -> bool:
    if load_byte(end - 1) == 115:
        # Seconds by their own unit; other texts than `0.5s` are the reference reader's.
        end -= 1
        unit = int64(1_000_000_000)
    elif has_fraction and find(start, 46, end) == end:
        return False
    nanoseconds = decimal(start, end, unit, _ANY_FRACTION)
    store_number(values.numbers, NANOSECONDS, nanoseconds)
    return bool(nanoseconds >= 0 and nanoseconds < MAX_EXACT)


@inlined
def _fill_client(start: int, end: int, rank: int, values: Values) -> Number:
    """Store the first address of a list unless a key of a lower rank says the client."""
    client_end = find(start, 44, end)
    while load_byte(client_end - 1) == 32:
        client_end -= 1
    _fill(_REMOTE_ADDR, rank, start, client_end, values)


@inlined
def has_time(values: Values) -> bool:
    """Whether a time was read, and it is from 1970 to 2199 in UTC."""
    microseconds = uint64(load_number(values.numbers, MICROSECONDS))
    return bool(load_number(values.ranks, TIME_COLUMN) < UNFILLED and microseconds < uint64(END_OF_DAYS))


@inlined
def _read_time(start: int, end: int, numbers: int) -> bool:
    length = end - start
    if length >= 20 and load_byte(start + 2) == 47:
        return read_clf_time(start, length, numbers)
    if length >= 19 and load_byte(start + 4) == 45:
        return read_iso_time(start, end, numbers)
    # More digits are not of seconds.
    return digits_end(start, end) - start <= 10 and read_epoch_time(
        start, end, int64(1_000_000), _ANY_FRACTION, numbers
    )


@inlined
def _read_target(start: int, end: int, rank: int, values: Values) -> bool:
    path_end = find(start, 63, end)
    _fill(_PATH, rank, start, path_end, values)
    if path_end < end:
        _fill(_QUERY, rank, path_end + 1, end, values)
    return True


@inlined
def _read_url(start: int, end: int, rank: int, values: Values) -> bool:
    """Read `http://host[:port]/path`."""
    if end - start < 9 or load_word(start) & _FOUR_BYTES != _HTTP:
        return False
    host = start + 4 + int64(load_byte(start + 4) == 115)
    if load_word(host) & _THREE_BYTES != _SLASHES:
        return False
    host += 3
    host_end = host
    while host_end < end and load_byte(host_end) not in (47, 63, 58, 64, 91):
        host_end += 1
    target = host_end
    if target < end and load_byte(target) == 58:
        target = digits_end(target + 1, end)
    if host_end == host or (target < end and load_byte(target) not in (47, 63)) or not is_host(host, host_end):
        return False
    _fill(_HOST, rank, host, host_end, values)
    return _read_target(target, end, rank, values)


@inlined
def _fill(column: int, rank: int, start: int, end: int, values: Values) -> Number:
    """Store a text unless a key of a lower rank has filled the column."""
    if rank < load_number(values.ranks, column):
        store_number(values.ranks, column, rank)
        store_text(values.texts + 8 * column, start - values.base, end - start)
