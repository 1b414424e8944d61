"""How the compiled scanner checks what a value can be; what it does not take is left to `reference.claims`."""

import numpy as np
import numpy.typing as npt

from beam_jobs.access_log.compiled.jit import compiled, inlined
from beam_jobs.access_log.compiled.scan_fields import find
from beam_jobs.access_log.compiled.simd import (
    Number,
    at_least,
    count_bits,
    int64,
    load_byte,
    load_word,
    matching,
    uint8,
    uint64,
)

NUMBER, RATIO, WORD, TAIL, TIMES, IDENT = range(6)
"""What a field that fills no column must be."""

_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_DIGITS = b"0123456789"
_NAME_BYTE, _LETTER, _HEXADECIMAL, _HOST_BYTE, _USER_BYTE = (1 << bit for bit in range(5))


def _classes() -> npt.NDArray[np.uint8]:
    classes = np.zeros(256, np.uint8)
    classes[list(_LETTERS + _DIGITS + b"_.-")] |= _NAME_BYTE
    classes[list(_LETTERS + b"_")] |= _LETTER
    classes[list(_DIGITS + b"abcdefABCDEF")] |= _HEXADECIMAL
    classes[0x21:] |= _HOST_BYTE | _USER_BYTE
    classes[list(b'\x7f"')] &= ~np.uint8(_HOST_BYTE | _USER_BYTE)
    classes[list(b"'`()<>[]{}")] &= ~np.uint8(_HOST_BYTE)
    return classes


_CLASS = _classes()
_SEVEN_BYTES = uint64(0x00FFFFFFFFFFFFFF)
_LOG = uint64(int.from_bytes(b'{"log":', "little"))
_MESSAGE = uint64(int.from_bytes(b'{"messa', "little"))
_TWO_BYTES = uint64(0xFFFF)
_BLANK_AND_QUOTE = uint64(int.from_bytes(b' "', "little"))
_STD = uint64(int.from_bytes(b"std", "little"))


@inlined
def is_ipv4(start: int, end: int) -> bool:
    """Whether it is four numbers up to 255 with points between them."""
    length = end - start
    if length < 7 or length > 15:
        return False
    one = uint64(1)
    inside = (one << uint64(length)) - one
    points = matching(start, uint8(46)) & inside
    digits = at_least(start, uint8(48)) & ~at_least(start, uint8(58)) & inside
    at_the_ends = one | (one << uint64(length - 1))
    if points | digits != inside or count_bits(points) != 3 or points & ((points << one) | at_the_ends) != 0:
        return False
    three_digits = digits & (digits >> one) & (digits >> uint64(2))
    # 3xx, 26x, 256 and above.
    too_large = at_least(start, uint8(51)) | (
        at_least(start, uint8(50))
        & (
            (at_least(start, uint8(54)) >> one)
            | ((at_least(start, uint8(53)) >> one) & (at_least(start, uint8(54)) >> uint64(2)))
        )
    )
    return bool(three_digits & ((digits >> uint64(3)) | too_large) == 0)


@compiled
def is_client(start: int, end: int) -> bool:
    """Whether it is an address or a host name in a usual form."""
    return is_ipv4(start, end) or _is_ipv6(start, end) or is_host_name(start, end)


@inlined
def _is_ipv6(start: int, end: int) -> bool:
    if end - start < 2 or end - start > 39:
        return False
    groups = int64(0)
    digits = int64(0)
    has_gap = False
    address = start
    while address < end:
        byte = load_byte(address)
        if byte == 58:
            if address + 1 < end and load_byte(address + 1) == 58:
                if has_gap:
                    return False
                has_gap = True
                address += 1
            elif address == start or address + 1 == end:
                return False
            digits = int64(0)
        elif _CLASS[byte] & _HEXADECIMAL:
            groups += digits == 0
            digits += 1
            if digits > 4:
                return False
        else:
            return False
        address += 1
    return bool(groups <= 7 if has_gap else groups == 8)


@inlined
def is_host_name(start: int, end: int) -> bool:
    """Whether it is the name of a host, and no address."""
    if end == start or end - start > 253 or load_byte(start) in (45, 46):
        return False
    has_letter = False
    only_digits = True
    address = start
    while address < end:
        byte = load_byte(address)
        if _CLASS[byte] & _NAME_BYTE == 0:
            return False
        has_letter = has_letter or _CLASS[byte] & _LETTER != 0
        only_digits = byte == 46 or (only_digits and byte >= 48 and byte <= 57)
        address += 1
    return has_letter and (not only_digits or load_byte(end - 1) == 46)


@compiled
def is_user(start: int, end: int) -> bool:
    """Whether it is a name without blanks and quotes, and not in brackets."""
    return load_byte(start) != 91 and _all_are(_USER_BYTE, start, end)


@compiled
def is_host(start: int, end: int) -> bool:
    """Whether it is a host, by name or by address, which a port may follow."""
    if end > start and load_byte(start) == 91:
        closing = find(start, 93, end)
        if closing == end or not _is_ipv6(start + 1, closing):
            return False
        start = closing + 1
    return _all_are(_HOST_BYTE, start, end)


@inlined
def _all_are(wanted: int, start: int, end: int) -> bool:
    address = start
    while address < end and _CLASS[load_byte(address)] & wanted:
        address += 1
    return address == end


@compiled
def is_address_list(start: int, end: int) -> bool:
    """Whether it is a list of addresses without ports, a comma and blanks between them."""
    while True:
        comma = find(start, 44, end)
        last = comma
        while last > start and load_byte(last - 1) == 32:
            last -= 1
        if not (is_ipv4(start, last) or _is_ipv6(start, last)):
            return False
        if comma == end:
            return True
        start = comma + 1
        while start < end and load_byte(start) == 32:
            start += 1


@compiled
def is_checked(wanted: int, start: int, end: int) -> bool:
    """Whether a field that fills no column is what it must be: NUMBER, RATIO, WORD, TAIL, TIMES or IDENT."""
    length = end - start
    if wanted == TAIL:
        behind = start + _digits(start, end)
        is_followed = behind > start and behind + 1 < end and load_word(behind) & _TWO_BYTES == _BLANK_AND_QUOTE
        return bool(length == 0 or (load_byte(start) != 34 and not is_followed))
    if length == 0:
        return False
    if length == 1 and load_byte(start) == 45:
        return True
    if wanted == IDENT:
        return bool(find(start, 58, end) == end and find(start, 46, end) == end)
    if wanted == WORD:
        return _all_are(_HOST_BYTE, start, end)
    if wanted == NUMBER:
        return length <= 18 and _digits(start, end) == length
    if wanted == TIMES and (load_byte(end - 1) == 44 or load_word(end) & uint64(0xFFFFFF) == 0x203A20):
        return False
    whole = _digits(start, end)
    fraction = _digits(start + whole + 1, end)
    return bool(
        1 <= whole <= 9 and 1 <= fraction <= 9 and whole + 1 + fraction == length and load_byte(start + whole) == 46
    )


@inlined
def _digits(start: int, end: int) -> Number:
    address = start
    while address < end and 48 <= load_byte(address) <= 57:
        address += 1
    return address - start


@inlined
def may_be_framed(start: int, end: int) -> bool:
    """Whether a line begins as `framing` knows, or nearly so; nothing else does."""
    byte = load_byte(start)
    if _CLASS[byte] & _NAME_BYTE == 0:
        return byte in (0, 60, 0xEF) or (byte == 123 and load_word(start) & _SEVEN_BYTES in (_LOG, _MESSAGE))
    if load_byte(start + 4) == 45 and load_byte(start + 10) == 84:
        return _may_be_logged_at(start, end)
    return bool(load_byte(start + 3) == 32 and load_byte(start + 6) == 32 and load_byte(start + 9) == 58)


@compiled
def _may_be_logged_at(start: int, end: int) -> bool:
    """Whether behind the time there is the stream of a container, or a host and a name with a colon."""
    second = find(start, 32, end) + 1
    if load_word(second) & uint64(0xFFFFFF) == _STD:
        return True
    third = find(second, 32, end) + 1
    return bool(load_byte(find(third, 32, end) - 1) == 58)


@compiled
def has_encoded_percent(start: int, end: int) -> bool:
    """Whether there is a `%25`."""
    address = find(start, 37, end)
    while address < end:
        if load_word(address + 1) & uint64(0xFFFF) == 0x3532:
            return True
        address = find(address + 1, 37, end)
    return False
