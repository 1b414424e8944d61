"""How the compiled scanner reads the values of the wanted keys of JSON lines."""

from beam_jobs.access_log.compiled.jit import inlined
from beam_jobs.access_log.compiled.json_program import Reading
from beam_jobs.access_log.compiled.scan_fields import (
    END_OF_DAYS,
    NO_ZONE,
    POWERS_OF_TEN,
    clf_days,
    clf_zone,
    clock_seconds,
    find,
    iso_days,
    number,
    zone_seconds,
)
from beam_jobs.access_log.compiled.scan_requests import scan_odd_request, scan_request
from beam_jobs.access_log.compiled.simd import (
    Number,
    int64,
    load_byte,
    load_number,
    load_word,
    lowest_bit,
    store_int32,
    store_word,
    uint64,
)
from beam_jobs.access_log.formats.fields import TEXT_FIELDS

TEXTS = len(TEXT_FIELDS)
"""How many texts a line has."""
RANKS = TEXTS + 4
"""How many columns can be filled: the texts, the time, the status, the byte count and the duration."""
UNFILLED = 1 << 20
"""The rank of a column without a value."""
TIME_RANK, _STATUS_RANK, _SIZE_RANK, _DURATION_RANK = range(TEXTS, RANKS)
NUMBERS = 7
"""How many numbers are kept: microseconds, status, byte count and nanoseconds of a line, and three of dates."""
_DATE_HEAD, _DATE_TAIL, _DATE_DAYS = range(4, NUMBERS)
_OBJECT, _TEXT, _TIME, _REQUEST, _TARGET, _URL, _STATUS, _SIZE, _DURATION = (int(reading) for reading in Reading)
_METHOD, _PATH, _QUERY, _PROTOCOL, _HOST = (
    TEXT_FIELDS.index(name) for name in ("method", "path", "query", "protocol", "host")
)
_FOUR_BYTES = uint64(0xFFFFFFFF)
_THREE_BYTES = uint64(0xFFFFFF)
_HTTP = uint64(int.from_bytes(b"http", "little"))
_SLASHES = uint64(int.from_bytes(b"://", "little"))
_MAX_NANOSECONDS = 1 << 53
_EVERY_BYTE = 0x0101010101010101
_ZEROS = uint64(ord("0") * _EVERY_BYTE)
_SIXES = uint64(6 * _EVERY_BYTE)
_HIGH_NIBBLES = uint64(0xF0 * _EVERY_BYTE)


@inlined
def digits_end(address: int, end: int) -> Number:
    """Return the address behind the digits that begin at `address`."""
    while address < end:
        # Bits in the first byte that is no digit; a carry only gets into bytes behind it.
        word = load_word(address) ^ _ZEROS
        others = (word | (word + _SIXES)) & _HIGH_NIBBLES
        if others != 0:
            return min(address + (lowest_bit(others) >> 3), end)
        address += 8
    return end


@inlined
def read_value(
    start: int,
    end: int,
    wanted: int,
    entries: int,
    base: int,
    ranks: int,
    places: int,
    numbers: int,
) -> bool:
    """Read the value of a wanted key; False leaves the line to the slow path."""
    reading = load_number(entries, 6 * wanted + 2)
    rank = load_number(entries, 6 * wanted + 3)
    column = load_number(entries, 6 * wanted + 4)
    length = end - start
    if reading == _OBJECT:
        return False
    if length == 0 or (length == 1 and load_byte(start) == 45):
        return True
    if reading == _TEXT:
        if rank < load_number(ranks, column):
            store_word(ranks + 8 * column, rank)
            _store(places, column, start - base, length)
        return True
    if reading == _REQUEST:
        # The lowest rank of all: it fills its columns whatever came before.
        for one in (_METHOD, _PATH, _QUERY, _PROTOCOL):
            store_word(ranks + 8 * one, rank)
        return scan_request(start, end, places, base) or scan_odd_request(start, end, places, base, False)
    if reading in (_TARGET, _URL):
        target = start
        if reading == _URL:
            target = _url_host_end(start, end)
            if target < 0:
                return False
            host = start + (8 if load_byte(start + 4) == 115 else 7)
            host_end = host
            while host_end < target and load_byte(host_end) != 58:
                host_end += 1
            if host_end == host:
                return False
            if rank < load_number(ranks, _HOST):
                store_word(ranks + 8 * _HOST, rank)
                _store(places, _HOST, host - base, host_end - host)
        path_end = find(target, 63, end)
        if rank < load_number(ranks, _PATH):
            store_word(ranks + 8 * _PATH, rank)
            _store(places, _PATH, target - base, path_end - target)
        if path_end < end and rank < load_number(ranks, _QUERY):
            store_word(ranks + 8 * _QUERY, rank)
            _store(places, _QUERY, path_end + 1 - base, end - path_end - 1)
        return True
    if reading == _TIME:
        if rank < load_number(ranks, TIME_RANK):
            microseconds = _time(start, end, numbers)
            if microseconds < 0:
                return False
            store_word(ranks + 8 * TIME_RANK, rank)
            store_word(numbers + 0, microseconds)
        return True
    if reading == _DURATION:
        if rank < load_number(ranks, _DURATION_RANK):
            if load_byte(end - 1) == 115:
                end -= 1
            nanoseconds = _decimal(start, end, column, 15, 9)
            if nanoseconds < 0 or nanoseconds >= _MAX_NANOSECONDS:
                return False
            store_word(ranks + 8 * _DURATION_RANK, rank)
            store_word(numbers + 24, nanoseconds)
        return True
    value = _decimal(start, end, int64(1), 15, 0)
    if reading == _STATUS:
        if rank < load_number(ranks, _STATUS_RANK):
            if length != 3 or value < 100 or value > 599:
                return False
            store_word(ranks + 8 * _STATUS_RANK, rank)
            store_word(numbers + 8, value)
        return True
    if rank < load_number(ranks, _SIZE_RANK):
        if value < 0 or digits_end(start, end) != end:
            return False
        store_word(ranks + 8 * _SIZE_RANK, rank)
        store_word(numbers + 16, value)
    return True


@inlined
def _store(places: int, column: int, begin: int, length: int) -> None:
    store_int32(places + 8 * column, begin)
    store_int32(places + 8 * column + 4, length)


@inlined
def _url_host_end(start: int, end: int) -> Number:
    """Return where the path of `http://host[:port]/path` begins, or -1."""
    if end - start < 9 or load_word(start) & _FOUR_BYTES != _HTTP:
        return int64(-1)
    address = start + 4
    if load_byte(address) == 115:
        address += 1
    if load_word(address) & _THREE_BYTES != _SLASHES:
        return int64(-1)
    address += 3
    while address < end and load_byte(address) not in (47, 63, 58, 91):
        address += 1
    if address < end and load_byte(address) == 58:
        address = digits_end(address + 1, end)
    if address < end and load_byte(address) not in (47, 63):
        return int64(-1)
    return address


@inlined
def _decimal(start: int, end: int, unit: int, most_alone: int, most_digits: int) -> Number:
    """Return `digits[.digits]` times a unit that is a power of ten, what is less than 1 cut off; -1 for anything else.

    There may be `most_alone` digits, or before a point `most_digits`.
    """
    whole_end = digits_end(start, end)
    digits = whole_end - start
    if digits == 0 or digits > most_alone:
        return int64(-1)
    value = _value(start, digits)
    if value > _MAX_NANOSECONDS // unit:
        return int64(-1)
    value *= unit
    if whole_end < end:
        if load_byte(whole_end) != 46 or digits > most_digits or end == whole_end + 1:
            return int64(-1)
        if digits_end(whole_end + 1, end) != end:
            return int64(-1)
        fraction_digits = min(end - whole_end - 1, 9)
        value += _value(whole_end + 1, fraction_digits) * unit // POWERS_OF_TEN[fraction_digits]
    return value


@inlined
def _value(start: int, digits: int) -> Number:
    """Return the value of up to 16 digits."""
    if digits <= 8:
        return number(start, digits)
    return number(start, digits - 8) * 100_000_000 + number(start + digits - 8, int64(8))


@inlined
def _time(start: int, end: int, numbers: int) -> Number:
    """Return microseconds since 1970 of a time as servers write it; -1 where it is left to the slow path.

    The date read last is kept behind the line's `numbers`: the next line has mostly the same.
    """
    length = end - start
    microseconds = int64(0)
    if length >= 20 and load_byte(start + 2) == 47:
        days = clf_days(start)
        seconds = clock_seconds(start + 12)
        offset = int64(0)
        if length == 26:
            offset = clf_zone(start + 20)
        elif length != 20:
            return int64(-1)
    elif length >= 19 and load_byte(start + 4) == 45:
        head, tail = load_word(start), load_word(start + 8) & uint64(0xFFFF)
        if load_word(numbers + 8 * _DATE_HEAD) != head or load_word(numbers + 8 * _DATE_TAIL) != tail:
            store_word(numbers + 8 * _DATE_HEAD, head)
            store_word(numbers + 8 * _DATE_TAIL, tail)
            store_word(numbers + 8 * _DATE_DAYS, iso_days(start))
        days = load_number(numbers, _DATE_DAYS)
        seconds = clock_seconds(start + 11)
        if load_byte(start + 10) not in (84, 32):
            return int64(-1)
        zone = start + 19
        if zone < end and load_byte(zone) == 46:
            zone = digits_end(zone + 1, end)
            if zone == start + 20 or zone > start + 29:
                return int64(-1)
            for place in range(6):
                digit = start + 20 + place
                microseconds = microseconds * 10 + (load_byte(digit) - 48 if digit < zone else 0)
        offset = int64(0)
        if end - zone == 6 and load_byte(zone + 3) == 58:
            offset = zone_seconds(load_byte(zone), number(zone + 1, 2), number(zone + 4, 2))
        elif end - zone == 5:
            offset = zone_seconds(load_byte(zone), number(zone + 1, 2), number(zone + 3, 2))
        elif end != zone and (end - zone != 1 or load_byte(zone) != 90):
            return int64(-1)
    else:
        microseconds = _decimal(start, end, int64(1_000_000), 10, 10)
        return microseconds if microseconds < END_OF_DAYS * 86_400_000_000 else int64(-1)
    if days < 0 or seconds < 0 or offset == NO_ZONE:
        return int64(-1)
    # A time before 1970 in UTC is left to the slow path too.
    return max((days * 86400 + seconds - offset) * 1_000_000 + microseconds, int64(-1))
