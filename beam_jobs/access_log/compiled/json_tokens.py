"""How the compiled scanner reads the tokens of JSON lines."""

from beam_jobs.access_log.compiled.jit import inlined
from beam_jobs.access_log.compiled.json_values import digits_end
from beam_jobs.access_log.compiled.simd import (
    AHEAD,
    Number,
    int64,
    load_byte,
    load_word,
    lowest_bit,
    matching,
    not_printable,
    prefetch,
    store_word,
    uint8,
    uint64,
)

_ALL = uint64(0xFFFFFFFFFFFFFFFF)


@inlined
def mark(start: int, end: int, quotes: int, odd: int) -> bool:
    """Mark a line's quotes and its odd bytes, 64 bytes a word; return whether any byte is odd."""
    word = 0
    any_odd = uint64(0)
    address = start
    while address < end:
        prefetch(address + AHEAD)
        inside = _ALL if end - address >= 64 else (uint64(1) << uint64(end - address)) - uint64(1)
        strange = (matching(address, uint8(92)) | not_printable(address)) & inside
        store_word(quotes + word, matching(address, uint8(34)) & inside)
        store_word(odd + word, strange)
        any_odd |= strange
        word += 8
        address += 64
    return bool(any_odd != 0)


@inlined
def _next(marks: int, place: int, length: int) -> Number:
    """Return the first marked place from `place` on, or `length`."""
    if place >= length:
        return length
    word = place >> 6
    found = load_word(marks + 8 * word) & (_ALL << uint64(place & 63))
    while found == 0:
        word += 1
        if 64 * word >= length:
            return length
        found = load_word(marks + 8 * word)
    return 64 * word + lowest_bit(found)


@inlined
def string_end(start: int, line: int, end: int, quotes: int, odd: int, is_odd: bool) -> tuple[int, bool]:
    """Return where the string's closing quote is, -1 without one, and whether it is ASCII without escapes."""
    length = end - line
    place = start - line
    quote = _next(quotes, place, length)
    is_plain = True
    if is_odd:
        strange = _next(odd, place, length)
        while strange < quote:
            is_plain = False
            byte = load_byte(line + strange)
            if byte < 32:
                return int64(-1), False
            place = strange + 1
            if byte == 92:
                escaped = load_byte(line + place)
                if escaped == 117:
                    if not _is_hexadecimal(line + place + 1):
                        return int64(-1), False
                    place += 5
                elif escaped in (34, 92, 47, 98, 102, 110, 114, 116):
                    place += 1
                else:
                    return int64(-1), False
                quote = _next(quotes, place, length)
            strange = _next(odd, place, length)
    return (line + quote, is_plain) if quote < length else (int64(-1), False)


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
