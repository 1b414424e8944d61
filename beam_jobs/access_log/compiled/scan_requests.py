"""How the compiled scanner reads requests, and targets alone."""

import numpy as np

from beam_jobs.access_log.compiled.jit import compiled, inlined
from beam_jobs.access_log.compiled.scan_claims import is_host
from beam_jobs.access_log.compiled.scan_fields import HIGH_NIBBLES, SIXES, ZEROS, find
from beam_jobs.access_log.compiled.simd import ALL_BITS, Number, int64, load_byte, load_word, store_text, uint64
from beam_jobs.access_log.formats.fields import TEXT_FIELDS

_METHOD, _PATH, _QUERY, _PROTOCOL, _HOST = (
    8 * TEXT_FIELDS.index(name) for name in ("method", "path", "query", "protocol", "host")
)
_EVERY_BYTE = 0x0101010101010101
_HTTP = uint64(int.from_bytes(b"HTTP/\0.\0", "little"))
_HTTP_DIGITS = uint64(0xFF00FF0000000000)
_HIGH_BITS = uint64(0x80 * _EVERY_BYTE)
_UP_FROM_A = uint64((0x80 - ord("A")) * _EVERY_BYTE)
_UP_FROM_Z = uint64((0x7F - ord("Z")) * _EVERY_BYTE)
_ALL_A = uint64(ord("A") * _EVERY_BYTE)
_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_DIGITS = b"0123456789"


def _bytes_table(members: bytes) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    table = np.zeros(256, np.bool_)
    table[list(members)] = True
    return table


_IS_TOKEN = _bytes_table(_LETTERS + _DIGITS + b"!#$%&'*+.^_`|~-")
_IS_SCHEME = _bytes_table(_LETTERS + _DIGITS + b"+.-")
_IS_LETTER = _bytes_table(_LETTERS)
_IS_DIGIT = _bytes_table(_DIGITS)


@inlined
def scan_request(start: int, end: int, places: int, text_base: int) -> bool:
    """Cut `METHOD target HTTP/d.d` with a method in up to 8 capitals; whether it was one."""
    target = find(start, 32, end) + 1
    protocol = end - 8
    method_bytes = target - 1 - start
    # At least one byte of target and a space lie between the method and the protocol.
    if method_bytes < 1 or method_bytes > 8 or protocol < target + 2:
        return False
    unused = ALL_BITS << uint64(8 * method_bytes) if method_bytes < 8 else uint64(0)
    method = (load_word(start) & ~unused) | (_ALL_A & unused)
    if (method + _UP_FROM_A) & _HIGH_BITS != _HIGH_BITS or (method + _UP_FROM_Z) & _HIGH_BITS != 0:
        return False
    version = load_word(protocol)
    if version & ~_HTTP_DIGITS != _HTTP:
        return False
    version = (version ^ ZEROS) & _HTTP_DIGITS
    if (version | (version + (SIXES & _HTTP_DIGITS))) & (HIGH_NIBBLES & _HTTP_DIGITS) != 0:
        return False
    target_end = protocol - 1
    if load_byte(target_end) != 32 or load_byte(target_end - 1) == 32 or load_byte(target) == 32:
        return False
    store_text(places + _METHOD, start - text_base, method_bytes)
    scan_target(target, target_end, places, text_base)
    store_text(places + _PROTOCOL, protocol - text_base, int64(8))
    return True


@inlined
def scan_target(start: int, end: int, places: int, text_base: int) -> None:
    """Cut a target into path and query."""
    path_end = find(start, 63, end)
    store_text(places + _PATH, start - text_base, path_end - start)
    # Without a question mark this is -1, which is null.
    store_text(places + _QUERY, path_end + 1 - text_base, end - path_end - 1)


@compiled
def scan_odd_request(start: int, end: int, places: int, text_base: int, is_url: bool) -> bool:
    """Read any request as `reference.read_request` does; False leaves it to that."""
    nothing = int64(-1)
    for column in (_METHOD, _PATH, _QUERY, _PROTOCOL):
        store_text(places + column, int64(0), nothing)
    if is_url:
        store_text(places + _HOST, int64(0), nothing)
    if start == end or (end - start == 1 and load_byte(start) == 45):
        return True
    if end - start in (5, 6) and load_byte(start) == 45 and load_byte(start + 1) == 32:
        return False
    target = find(start, 32, end) + 1
    protocol = end
    while protocol > target and load_byte(protocol - 1) != 32:
        protocol -= 1
    # Without a space behind the method's there is no protocol.
    target_end = protocol - 1 if protocol > target else end
    if (
        target >= end
        or not _all_of(_IS_TOKEN, start, target - 1)
        or target_end <= target
        or load_byte(target) == 32
        or load_byte(target_end - 1) == 32
        or (protocol > target and not is_protocol(protocol, end))
    ):
        store_text(places + _PATH, start - text_base, end - start)
        return True
    store_text(places + _METHOD, start - text_base, target - 1 - start)
    if protocol > target:
        store_text(places + _PROTOCOL, protocol - text_base, end - protocol)
    if is_url:
        return scan_url(target, target_end, places, text_base)
    scan_target(target, target_end, places, text_base)
    return True


@compiled
def scan_url(target: int, end: int, places: int, text_base: int) -> bool:
    """Cut a URL, or a target, into host, path and query; False leaves it to the reference reader."""
    host = find(target, 58, end)
    is_absolute = host + 2 < end and load_byte(host + 1) == 47 and load_byte(host + 2) == 47
    if is_absolute and _IS_LETTER[load_byte(target)] and _all_of(_IS_SCHEME, target, host):
        host += 3
        if host < end and load_byte(host) == 91:
            return False
        host_end = host
        while host_end < end and load_byte(host_end) not in (58, 47, 63, 64):
            host_end += 1
        if not is_host(host, host_end):
            return False
        port_end = host_end
        if port_end < end and load_byte(port_end) == 58:
            port_end += 1
            while port_end < end and _IS_DIGIT[load_byte(port_end)]:
                port_end += 1
        if port_end < end and load_byte(port_end) not in (47, 63):
            return False
        if host_end > host:
            store_text(places + _HOST, host - text_base, host_end - host)
        target = port_end
    scan_target(target, end, places, text_base)
    return True


@inlined
def _all_of(table: Number, start: int, end: int) -> bool:
    """Whether there is a byte, and all are in the table."""
    address = start
    while address < end and table[load_byte(address)]:
        address += 1
    return address == end and start < end


@inlined
def is_protocol(start: int, end: int) -> bool:
    """Whether it is a name, a slash and a version: `HTTP/1.1`, `HTTP/2`."""
    slash = find(start, 47, end)
    if slash == end or not _all_of(_IS_LETTER, start, slash):
        return False
    point = find(slash + 1, 46, end)
    return _all_of(_IS_DIGIT, slash + 1, point) and (point == end or _all_of(_IS_DIGIT, point + 1, end))
