r"""What the values of fields can be: a value that its field cannot hold means that the line is of another format.

Without these checks lines of a neighbouring format become rows with wrong values: a virtual host before the address
moves each field by one, a syslog header becomes the address. `compiled.scan_claims` accepts no value that this module
denies.
"""

import re
from collections.abc import Callable
from ipaddress import IPv6Address

from beam_jobs.access_log.reference.values import PROTOCOL

_IPV4 = re.compile(rb"(?:\d{1,3}\.){3}\d{1,3}", re.ASCII)
_HOST_NAME = re.compile(rb"(?=[^a-zA-Z_]*[a-zA-Z_])[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,252}", re.ASCII)
_ZONE_ID = re.compile(rb"%[\w.-]{1,64}\Z", re.ASCII)
_PORT = re.compile(rb":[0-9]{1,8}\Z")
# Blanks, control bytes, quotes and brackets; the brackets of an IPv6 address are another matter.
_HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.]{2,45}(?:%[\w.-]{1,64})?\])?[^\x00-\x20\x7f\"'`()<>\[\]{}]*")
_USER = re.compile(rb"[^\x00-\x1f\x7f]*", re.DOTALL)
_LONE_DASH = re.compile(rb"(?:\A| )-(?: |\Z)")
# A field in brackets, such as a time, was a field of its own too.
_BRACKET = re.compile(rb"(?:\A| )\[")
_BARE_QUOTE = re.compile(rb'(?<!\\)(?:\\\\)*"')
_UNKNOWN = frozenset((b"unknown", b"-"))
# IIS writes a plus sign for a blank.
_LIST = re.compile(rb"[ +]*,[ +]*")
# Of nginx's $upstream_response_time and $upstream_addr: several servers are parted by commas, groups by colons.
_TIMES = re.compile(rb"(?:-|[0-9]{1,9}\.[0-9]{1,9})(?:(?:, | : )(?:-|[0-9]{1,9}\.[0-9]{1,9}))*")
_UNIX_SOCKET = b"unix:"


def is_address(value: bytes) -> bool:
    """Whether a value is an IPv4 or IPv6 address; nginx writes `unix:` for a client on a socket."""
    if _IPV4.fullmatch(value):
        return all(int(part) < 256 for part in value.split(b"."))
    if b":" not in value:
        return False
    try:
        IPv6Address(_ZONE_ID.sub(b"", value).decode("ascii"))
    except ValueError:
        return value == _UNIX_SOCKET
    return True


def is_client(value: bytes) -> bool:
    """Whether a value is an address or a host name."""
    return is_address(value) or (_HOST_NAME.fullmatch(value) is not None and not value.rsplit(b".", 1)[-1].isdigit())


def without_port(value: bytes) -> bytes:
    """Return an address without the port behind it, and without the brackets that keep the two apart."""
    if value.startswith(b"["):
        return value[1:].partition(b"]")[0]
    if (port := _PORT.search(value)) is not None and is_client(value[: port.start()]):
        return value[: port.start()]
    return value


def is_client_with_port(value: bytes) -> bool:
    """Whether a value is an address or a host name, which a port may follow."""
    if value.startswith(b"["):
        address, bracket, port = value[1:].partition(b"]")
        return bool(bracket) and is_address(address) and (not port or _PORT.fullmatch(port) is not None)
    return is_client(without_port(value))


def first_client(value: bytes) -> bytes | None:
    """Return the first address of a list, without a port; None where the proxy did not know it."""
    first = _LIST.split(value.strip(b" "))[0]
    if first in _UNKNOWN:
        return None
    return first if is_client(first) else without_port(first)


def is_client_list(value: bytes) -> bool:
    """Whether a value is a list of addresses as proxies write X-Forwarded-For, whose first may be a host name."""
    first, *others = _LIST.split(value.strip(b" "))
    return (is_client(first) or _is_forwarded(first)) and all(map(_is_forwarded, others))


def is_forwarded_list(value: bytes) -> bool:
    """Whether a value is a list of addresses alone."""
    return all(map(_is_forwarded, _LIST.split(value.strip(b" "))))


def _is_forwarded(value: bytes) -> bool:
    return value in _UNKNOWN or (is_client_with_port(value) and is_address(without_port(value)))


def is_user(value: bytes) -> bool:
    """Whether a value can be a user's name: a lone dash in it, or a word in brackets, was a field of its own."""
    # Apache httpd 2.4 writes an empty user name as `""` (log_remote_user() in mod_log_config.c).
    if value == b'""':
        return True
    return _USER.fullmatch(value) is not None and not any(
        one.search(value) for one in (_LONE_DASH, _BRACKET, _BARE_QUOTE)
    )


def is_host(value: bytes) -> bool:
    """Whether a value can be a Host header: no blank, quote or bracket but those of an IPv6 address."""
    return _HOST.fullmatch(value) is not None


def _is_host_with_port(value: bytes) -> bool:
    return _PORT.search(value) is not None and is_host(value)


def _matches(pattern: bytes) -> Callable[[bytes], bool]:
    compiled = re.compile(pattern, re.DOTALL)
    return lambda value: compiled.fullmatch(value) is not None


CLAIMS: dict[str, tuple[Callable[[bytes], bool], str]] = {
    "remote_addr": (is_client, "an address or a host name"),
    "remote_addr_port": (is_client_with_port, "an address and a port"),
    "client_list": (is_client_list, "a list of addresses"),
    "forwarded_for": (is_forwarded_list, "a list of addresses"),
    # An address or a host there is the client of a line with a host before it.
    "ident": (lambda value: b"." not in value and b":" not in value, "a name without points and colons"),
    "remote_user": (is_user, "the name of a user"),
    "host": (is_host, "a host name"),
    "host_port": (_is_host_with_port, "a host name and a port"),
    "virtual_host": (is_client, "a host name"),
    # Before the client: an address there may be the client, and the host behind it.
    "host_name": (lambda value: is_client(value) and not is_address(value), "a host name and no address"),
    "protocol": (lambda value: PROTOCOL.fullmatch(value) is not None, "a protocol and its version"),
    "number": (_matches(rb"[0-9]{1,18}"), "a whole number"),
    "ratio": (_matches(rb"[0-9]{1,9}\.[0-9]{1,9}"), "a number with a fraction"),
    "word": (_matches(rb"[^\x00-\x20\x7f\"'`()<>\[\]{}]+"), "one word"),
    "upstream_times": (lambda value: _TIMES.fullmatch(value) is not None, "the time of a server behind the server"),
    # A number and a quote: the fields of combined behind one number too many.
    "tail": (_matches(rb"(?![0-9]+ \")[^\"].*"), "a field without quotes"),
    "duration_us": (lambda value: b"." not in value, "a whole number of microseconds"),
    "duration_fraction_s": (lambda value: b"." in value, "a number of seconds with a fraction"),
}
"""Per field whether a value can be one, and what it must be. `-` is not asked: it stands for a missing value."""


def why_not(name: str, value: bytes) -> str | None:
    """Return what the value of a field should be if it cannot be that; None if it can, or any text will do."""
    claim = CLAIMS.get(name)
    return None if claim is None or claim[0](value) else claim[1]
