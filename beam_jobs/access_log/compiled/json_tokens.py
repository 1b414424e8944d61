"""How the compiled scanner reads the tokens of JSON lines."""

from typing import NamedTuple

from beam_jobs.access_log.compiled.jit import inlined
from beam_jobs.access_log.compiled.json_program import ENTRY_WORDS, KEY_BYTES, MULTIPLIER, SLOTS
from beam_jobs.access_log.compiled.scan_fields import digits_end
from beam_jobs.access_log.compiled.simd import (
    AHEAD,
    ALL_BITS,
    Number,
    int64,
    is_same,
    load_byte,
    load_number,
    load_word,
    lowest_bit,
    matching,
    not_printable,
    prefetch,
    store_number,
    uint8,
    uint64,
)

_MULTIPLIER = uint64(MULTIPLIER)
_FOUR_BYTES = uint64(0xFFFFFFFF)
_TRUE, _ALSE, _NULL = (uint64(int.from_bytes(word, "little")) for word in (b"true", b"alse", b"null"))


class Line(NamedTuple):
    """A line, by addresses: its bytes, the marks of its quotes and odd bytes; and whether it has odd bytes."""

    start: int
    end: int
    quotes: int
    odd: int
    is_odd: bool


class Keys(NamedTuple):
    """A `JsonProgram`, by addresses."""

    entries: int
    keys: int
    slots: int
    groups: int
    group_count: int


@inlined
def mark(start: int, end: int, quotes: int, odd: int) -> bool:
    """Mark a line's quotes and its odd bytes, 64 bytes a word; return whether any byte is odd."""
    word = 0
    any_odd = uint64(0)
    address = start
    while address < end:
        prefetch(address + AHEAD)
        inside = ALL_BITS if end - address >= 64 else (uint64(1) << uint64(end - address)) - uint64(1)
        strange = (matching(address, uint8(92)) | not_printable(address)) & inside
        store_number(quotes, word, matching(address, uint8(34)) & inside)
        store_number(odd, word, strange)
        any_odd |= strange
        word += 1
        address += 64
    return bool(any_odd != 0)


@inlined
def _next(marks: int, place: int, length: int) -> Number:
    """Return the first marked place from `place` on, or `length`."""
    if place >= length:
        return length
    word = place >> 6
    found = load_word(marks + 8 * word) & (ALL_BITS << uint64(place & 63))
    while found == 0:
        word += 1
        if 64 * word >= length:
            return length
        found = load_word(marks + 8 * word)
    return 64 * word + lowest_bit(found)


@inlined
def string_end(start: int, line: Line) -> tuple[int, bool]:
    """Return where the string's closing quote is, -1 without one, and whether it is ASCII without escapes."""
    length = line.end - line.start
    place = start - line.start
    quote = _next(line.quotes, place, length)
    is_plain = True
    if line.is_odd:
        strange = _next(line.odd, place, length)
        while strange < quote:
            is_plain = False
            byte = load_byte(line.start + strange)
            if byte < 32:
                return int64(-1), False
            place = strange + 1
            if byte == 92:
                escaped = load_byte(line.start + place)
                if escaped == 117:
                    if not _is_hexadecimal(line.start + place + 1):
                        return int64(-1), False
                    place += 5
                elif escaped in (34, 92, 47, 98, 102, 110, 114, 116):
                    place += 1
                else:
                    return int64(-1), False
                quote = _next(line.quotes, place, length)
            strange = _next(line.odd, place, length)
    return (line.start + quote, is_plain) if quote < length else (int64(-1), False)


@inlined
def _is_hexadecimal(address: int) -> bool:
    for place in range(4):
        byte = load_byte(address + place)
        if not ((byte >= 48 and byte <= 57) or ((byte | 32) >= 97 and (byte | 32) <= 102)):
            return False
    return True


@inlined
def skip_spaces(address: int, end: int) -> int:
    """Return the address behind spaces, tabs and carriage returns."""
    byte = load_byte(address)
    while byte <= 32 and address < end and byte in (32, 9, 13):
        address += 1
        byte = load_byte(address)
    return address


@inlined
def number_end(start: int, end: int) -> Number:
    """Return where the JSON number that begins at `start` ends, or -1."""
    address = start + (1 if load_byte(start) == 45 else 0)
    digits = digits_end(address, end)
    if digits == address or (digits > address + 1 and load_byte(address) == 48):
        return int64(-1)
    address = digits
    if address < end and load_byte(address) == 46:
        digits = digits_end(address + 1, end)
        if digits == address + 1:
            return int64(-1)
        address = digits
    if address < end and load_byte(address) | 32 == 101:
        # An exponent is left to the slow path.
        return int64(-1)
    return address


@inlined
def literal_end(address: int, end: int, wanted: int) -> Number:
    """Return the address behind `null`, or behind `true` or `false` if no value is wanted; else -1."""
    word = load_word(address) & _FOUR_BYTES
    behind = int64(-1)
    if word == _NULL or (word == _TRUE and wanted < 0):
        behind = address + 4
    elif wanted < 0 and load_byte(address) == 102 and load_word(address + 1) & _FOUR_BYTES == _ALSE:
        behind = address + 5
    return behind if behind <= end else int64(-1)


@inlined
def find_key(address: int, length: int, node: int, keys: Keys) -> Number:
    """Return the index of the wanted key in an object, or -1."""
    word = load_word(address)
    if length < 8:
        word &= ~(ALL_BITS << uint64(8 * length))
    slot = int64(((word + uint64(31 * node + length)) * _MULTIPLIER) >> uint64(56))
    index = load_number(keys.slots, slot)
    while index >= 0:
        entry = keys.entries + 8 * ENTRY_WORDS * index
        if (
            load_number(entry, 0) == node
            and load_number(entry, 1) == length
            and is_same(address, keys.keys + KEY_BYTES * index, length)
        ):
            break
        slot = (slot + 1) & (SLOTS - 1)
        index = load_number(keys.slots, slot)
    return index
