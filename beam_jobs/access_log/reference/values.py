"""How the reference readers read single values, whatever the format of the line."""

from __future__ import annotations

import re
from typing import NamedTuple

from beam_jobs.access_log.rejection import LineError, RejectReason, shown

# RFC 9110 section 5.6.2: a method is a token. RFC 9112 section 2.3: the protocol is a name and a version (HTTP/1.1).
PROTOCOL = re.compile(rb"[A-Za-z]+/[0-9]+(\.[0-9]+)?")
"""The form of a protocol."""
_METHOD = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# RFC 3986 sections 3.1 and 3.2; what is no host there is a path as a whole.
_URL = re.compile(
    rb"[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?@]*@)?"
    rb"(\[[0-9A-Fa-f:.]{2,45}(?:%[\w.-]{1,64})?\]|[^\x00-\x20\x7f\"'`()<>\[\]{}:/?@]*)(?::[0-9]*)?(?=[/?]|\Z)",
    re.ASCII,
)
_ESCAPED = re.compile(rb'\\(["\\])')
_DURATION = re.compile(rb"[0-9]{1,15}(?:\.[0-9]{1,9})?")
# Of TCP: User Guide for Classic Load Balancers, "Access logs for your Classic Load Balancer", request; Envoy's default
# format, whose three directives are each a dash.
_NO_REQUEST = (b"- - - ", b"- - -")
_NO_STATUS = (b"000", b"0", b"-1")
_MAX_INT64 = 2**63 - 1


def read_status(value: bytes | None) -> int | None:
    """Read a status; `000`, `0` and `-1` are none.

    nginx writes the first for a request without one, and CloudFront where the viewer closed the connection before there
    was one (Amazon CloudFront Developer Guide, "Standard logging reference", sc-status), Envoy, Caddy and Traefik the
    second, HAProxy the third. nginx's `return` takes any number up to 999.

    Raises:
        LineError: It is not from 100 to 999.
    """
    if value is None or value in _NO_STATUS:
        return None
    if len(value) != 3 or not value.isdigit() or int(value) < 100:
        raise LineError(RejectReason.BAD_STATUS, f"the status {shown(value)} is not a number from 100 to 999")
    return int(value)


def read_size(value: bytes | None) -> int | None:
    """Read a byte count.

    Raises:
        LineError: It does not fit an INT64.
    """
    if value is None:
        return None
    if len(value) > 19 or not value.isdigit() or int(value) > _MAX_INT64:
        raise LineError(RejectReason.BAD_SIZE, f"the byte count {shown(value)} is not a number from 0 to {_MAX_INT64}")
    return int(value)


def read_duration(value: bytes | None, unit_nanoseconds: int) -> int | None:
    """Read a duration to nanoseconds; what is less is cut off.

    Raises:
        LineError: It is not a number, or longer than a number of nanoseconds below 2**53 can say.
    """
    if value is None:
        return None
    if _DURATION.fullmatch(value) is not None:
        whole, _, fraction = value.partition(b".")
        nanoseconds: int = int(whole + fraction) * unit_nanoseconds // 10 ** len(fraction)
        if nanoseconds < 2**53:
            return nanoseconds
    raise LineError(RejectReason.BAD_DURATION, f"the duration {shown(value)} is not a number, or longer than 100 days")


class Request(NamedTuple):
    """The parts of a request, as logged."""

    method: bytes | None = None
    path: bytes | None = None
    query: bytes | None = None
    protocol: bytes | None = None
    host: bytes | None = None


def read_request(value: bytes | None, *, is_url: bool = False) -> Request:
    """Read `METHOD target[ PROTOCOL]` to its parts; anything else is all path.

    A target that holds spaces is taken where a protocol follows it: clients do send such, and servers log it.

    Args:
        value: The request; `None` where there is none.
        is_url: Whether the target is a whole URL, whose host is wanted too.
    """
    if not value or value in _NO_REQUEST:
        return Request()
    method, _, rest = value.partition(b" ")
    target: bytes
    protocol: bytes | None
    target, space, protocol = rest.rpartition(b" ")
    if not space:
        target, protocol = rest, None
    if (
        _METHOD.fullmatch(method) is None
        or not target
        or target != target.strip(b" ")
        or (protocol is not None and PROTOCOL.fullmatch(protocol) is None)
    ):
        return Request(path=value)
    if is_url:
        return read_url(target)._replace(method=method, protocol=protocol)
    path, query = path_and_query(target)
    return Request(method, path, query, protocol)


def read_url(value: bytes | None) -> Request:
    """Read a whole URL, or a target alone, to host, path and query."""
    if not value:
        return Request()
    url = _URL.match(value)
    path, query = path_and_query(value[url.end() :] if url else value)
    return Request(path=path, query=query, host=url[1] or None if url else None)


def path_and_query(target: bytes) -> tuple[bytes, bytes | None]:
    """Split a target at its first question mark."""
    path, question_mark, query = target.partition(b"?")
    return path, query if question_mark else None


def read_text(value: bytes | None, *, unescape: bool = True) -> str | None:
    r"""Return the text of a field; bytes that are not UTF-8 become `\xhh`."""
    if value is None:
        return None
    return (_ESCAPED.sub(rb"\1", value) if unescape else value).decode("utf-8", "backslashreplace")
