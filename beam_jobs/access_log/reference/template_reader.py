r"""The slow, obviously correct way from a line to its values: it defines what every field means.

The compiled scanner takes the regular lines and must agree with this module; whatever it declines comes here.

How servers escape what clients send, so that a quote cannot end a field early:

- Apache httpd 2.4, `ap_escape_logitem()` in server/util.c: `\"` and `\\`, `\b \n \r \t \v`, and `\xhh` for every
  other byte that is not printable ASCII.
- nginx 1.1.6 and later, `ngx_http_log_escape()` in ngx_http_log_module.c: `\xHH` for `"`, `\`, bytes below 0x20 and
  above 0x7e. With `escape=json` `\"` and `\\` (1.11.8), with `escape=none` (1.13.10) nothing is escaped.

So a backslash in a quoted field takes the next byte along, `\"` and `\\` are read as the byte they stand for, and every
other escape stays as logged. Bytes that are not UTF-8 become `\xhh`, as Apache would have written them.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote_to_bytes

from beam_jobs.access_log.reference.times import TIME_FIELDS, read_time
from beam_jobs.access_log.rejection import LineError, Rejection, RejectReason, shown
from beam_jobs.access_log.row import Row

if TYPE_CHECKING:
    from beam_jobs.access_log.formats.template import PositionalFormat

# RFC 9110 section 5.6.2: a method is a token. RFC 9112 section 2.3: the protocol is a name and a version (HTTP/1.1).
_METHOD = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_PROTOCOL = re.compile(rb"[A-Za-z]+/[0-9]+(\.[0-9]+)?")
_URL = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://(\[[^\]/?]*\]|[^:/?]*)(?::[0-9]*)?(?=[/?]|\Z)", re.DOTALL)
_ESCAPED = re.compile(rb'\\(["\\])')
_DURATION = re.compile(rb"[0-9]{1,15}(?:\.[0-9]{1,9})?")
_LATER_ZONE = re.compile(rb" [+-][0-9]{4}")
_PORT = re.compile(rb":[0-9]{1,8}\Z")
_MAX_INT64 = 2**63 - 1
WITHOUT_SPACES = frozenset(("remote_addr", "ident", "status", "body_bytes_sent"))
"""Fields that end at the next space; in others one may stand where the separator after them is longer than a space."""
WITHOUT_SPACES_EVER = frozenset(("method", "protocol"))
"""Fields in which a space means that another one before them was cut too early."""
_MAY_BE_EMPTY = frozenset(("path", "query", "question_query", "skipped", "rest"))
NANOSECONDS = {"duration_s": 10**9, "duration_ms": 10**6, "duration_us": 10**3, "duration_part_s": 10**9}
"""How many nanoseconds the unit of a duration has."""


def read_line(log_format: PositionalFormat, line: bytes) -> Row | Rejection:
    """Reads one line, given without its terminator, that is not blank.

    Any bytes give a row or a rejection; nothing is raised.
    """
    try:
        fields = _split(log_format, line)
        return _row(log_format, fields)
    except LineError as error:
        return error.rejection


def _row(log_format: PositionalFormat, fields: list[tuple[str, bytes | None]]) -> Row:
    timestamp = _timestamp(fields)
    values = dict(fields)
    status = read_status(values.get("status"))
    body_bytes_sent = read_size(values.get("body_bytes_sent"))
    duration = _duration(fields)
    request = _request_of(values)

    def text(value: bytes | None) -> str | None:
        return read_text(value, unescape=log_format.escapes)

    return Row(
        timestamp=timestamp,
        status=status,
        body_bytes_sent=body_bytes_sent,
        request_duration_ms=duration,
        remote_addr=text(_address(values)),
        # Apache httpd 2.4 writes an empty user name as `""` (log_remote_user() in mod_log_config.c).
        remote_user="" if values.get("remote_user") == b'""' else text(values.get("remote_user")),
        method=text(request.method),
        path=text(request.path),
        query=text(request.query),
        protocol=text(request.protocol),
        referer=_decoded(values["referer_encoded"]) if "referer_encoded" in values else text(values.get("referer")),
        user_agent=_decoded(values["user_agent_encoded"])
        if "user_agent_encoded" in values
        else text(values.get("user_agent")),
        host=text(request.host if "request_url" in values else _host(values)),
    )


def _split(log_format: PositionalFormat, line: bytes) -> list[tuple[str, bytes | None]]:
    """Cuts a line into its fields; `None` stands for `-`."""
    fields: list[tuple[str, bytes | None]] = []
    if not line.startswith(log_format.prefix):
        raise LineError(*unended(log_format, -1, 0))
    position = len(log_format.prefix)
    for number, (name, quoted, terminator) in enumerate(log_format.slots):
        end = _end(line, position, name, terminator, escaped=quoted and log_format.escapes)
        if end < 0 or not line.startswith(terminator, end):
            raise LineError(*unended(log_format, number, position))
        value = line[position:end]
        if not quoted and not value and name not in _MAY_BE_EMPTY:
            raise _mismatch(log_format, f"the {name} at byte {position} is empty")
        if b" " in value and (
            name in WITHOUT_SPACES_EVER or (name in WITHOUT_SPACES and (terminator.startswith(b" ") or not terminator))
        ):
            raise _mismatch(log_format, f"the {name} at byte {position} holds a space: {shown(value)}")
        if name == "host_port" and value != b"-" and _PORT.search(value) is None:
            raise _mismatch(log_format, f"the {name} at byte {position} has no port: {shown(value)}")
        fields.append((name, None if value == b"-" else value))
        position = end + len(terminator)
    if position != len(line):
        raise _mismatch(log_format, f"it goes on at byte {position}: {shown(line[position:])}")
    return fields


def unended(log_format: PositionalFormat, slot: int, position: int) -> Rejection:
    """What is said of a line without the separator that should end a slot; slot -1 is the prefix."""
    if slot < 0:
        what = f"it does not begin with {shown(log_format.prefix)}"
    else:
        name, _, terminator = log_format.slots[slot]
        what = f"no {shown(terminator)} ends the {name} that begins at byte {position}"
    return _mismatch(log_format, what).rejection


def _end(line: bytes, start: int, name: str, terminator: bytes, *, escaped: bool) -> int:
    """Where the field that begins at `start` ends, or -1."""
    if escaped:
        return _closing_quote(line, start)
    if not terminator or name == "rest":
        return len(line)
    end = line.find(terminator, start)
    if terminator.startswith(b" "):
        # A time may hold one space itself.
        if name == "time" and end == start + 20 and _LATER_ZONE.match(line, end):
            return end + 6
        if name == "time_iso8601" and end == start + 10:
            return line.find(terminator, end + 1)
        while name == "upstream" and end >= 0 and (line[end - 1 : end] == b"," or line[end : end + 3] == b" : "):
            end = line.find(terminator, end + 1 if line[end - 1 : end] == b"," else end + 3)
    return end


def _closing_quote(line: bytes, start: int) -> int:
    """The first quote at or after `start` that no backslash escapes, or -1."""
    quote = line.find(b'"', start)
    while quote >= 0:
        backslash = quote
        while backslash > start and line[backslash - 1] == ord("\\"):
            backslash -= 1
        if (quote - backslash) % 2 == 0:
            return quote
        quote = line.find(b'"', quote + 1)
    return -1


def _timestamp(fields: list[tuple[str, bytes | None]]) -> datetime:
    date: bytes | None = None
    for name, value in fields:
        if name == "date":
            date = value
        elif name == "clock":
            return read_time("time_iso8601", (date or b"-") + b" " + (value or b"-"))
        elif name in TIME_FIELDS:
            return read_time(name, value)
    raise AssertionError("a format without a time cannot be made")


def read_status(value: bytes | None) -> int | None:
    """Reads a status; `000` is none.

    nginx writes that for a request without one, and CloudFront where the viewer closed the connection before there was
    one (Amazon CloudFront Developer Guide, "Standard logging reference", sc-status).

    Raises:
        LineError: It is not from 100 to 599.
    """
    if value is None or value == b"000":
        return None
    if len(value) != 3 or not value.isdigit() or not 100 <= int(value) <= 599:
        raise LineError(RejectReason.BAD_STATUS, f"the status {shown(value)} is not a number from 100 to 599")
    return int(value)


def read_size(value: bytes | None) -> int | None:
    """Reads a byte count.

    Raises:
        LineError: It does not fit an INT64.
    """
    if value is None:
        return None
    if len(value) > 19 or not value.isdigit() or int(value) > _MAX_INT64:
        raise LineError(RejectReason.BAD_SIZE, f"the byte count {shown(value)} is not a number from 0 to {_MAX_INT64}")
    return int(value)


def read_duration(value: bytes | None, unit_nanoseconds: int) -> int | None:
    """Reads a duration to nanoseconds; what is less is cut off.

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


def _duration(fields: list[tuple[str, bytes | None]]) -> float | None:
    read = [
        None if name == "duration_part_s" and value == b"-1" else read_duration(value, NANOSECONDS[name])
        for name, value in fields
        if name in NANOSECONDS
    ]
    known = [nanoseconds for nanoseconds in read if nanoseconds is not None]
    return sum(known) / 1_000_000 if known and len(known) == len(read) else None


class Request(NamedTuple):
    """The parts of a request, as logged."""

    method: bytes | None = None
    path: bytes | None = None
    query: bytes | None = None
    protocol: bytes | None = None
    host: bytes | None = None


def read_request(value: bytes | None, *, is_url: bool = False) -> Request:
    """Method, path, query and protocol of `METHOD target[ PROTOCOL]`; anything else is all path.

    A target that holds spaces is taken where a protocol follows it: clients do send such, and servers log it.

    Args:
        value: The request; `None` where there is none.
        is_url: Whether the target is a whole URL, whose host is wanted too.
    """
    if not value:
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
        or (protocol is not None and _PROTOCOL.fullmatch(protocol) is None)
    ):
        return Request(path=value)
    host = None
    if is_url and (url := _URL.match(target)) is not None:
        host = url[1] or None
        target = target[url.end() :]
    path, query = _path_and_query(target)
    return Request(method, path, query, protocol, host)


def _request_of(values: dict[str, bytes | None]) -> Request:
    for name in ("request", "request_url"):
        if name in values:
            return read_request(values[name], is_url=name == "request_url")
    path, query = values.get("path"), values.get("query") or None
    if values.get("target") is not None:
        path, query = _path_and_query(values["target"] or b"")
    if values.get("question_query"):
        query = (values["question_query"] or b"").removeprefix(b"?")
    return Request(values.get("method"), path, query, values.get("protocol"))


def _path_and_query(target: bytes) -> tuple[bytes, bytes | None]:
    path, question_mark, query = target.partition(b"?")
    return path, query if question_mark else None


def _address(values: dict[str, bytes | None]) -> bytes | None:
    return _without_port(values["remote_addr_port"]) if "remote_addr_port" in values else values.get("remote_addr")


def _host(values: dict[str, bytes | None]) -> bytes | None:
    return _without_port(values["host_port"]) if "host_port" in values else values.get("host")


def _without_port(value: bytes | None) -> bytes | None:
    host, colon, _ = (value or b"").rpartition(b":")
    return host if colon else value


def read_text(value: bytes | None, *, unescape: bool = True) -> str | None:
    r"""The text of a field; bytes that are not UTF-8 become `\xhh`."""
    if value is None:
        return None
    return (_ESCAPED.sub(rb"\1", value) if unescape else value).decode("utf-8", "backslashreplace")


def _decoded(value: bytes | None) -> str | None:
    return None if value is None else unquote_to_bytes(value).decode("utf-8", "backslashreplace")


def _mismatch(log_format: PositionalFormat, what: str) -> LineError:
    return LineError(RejectReason.NOT_MATCHING_FORMAT, f"not a {shown_name(log_format.name)} line: {what}")


def shown_name(name: str) -> str:
    """A format's name as messages have it: that of a format string is the string itself, which may be long."""
    return name if len(name) <= 24 else f"{name[:24]}..."
