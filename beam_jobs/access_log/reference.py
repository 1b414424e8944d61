r"""The slow, obviously correct way from a line to its values: it defines what every field means.

The compiled scanner takes the regular lines and must agree with this module; whatever it declines comes here.

How servers escape what clients send, so that a quote cannot end a field early:

- Apache httpd 2.4, `ap_escape_logitem()` in server/util.c: `\"` and `\\`, `\b \n \r \t \v`, and `\xhh` for every
  other byte that is not printable ASCII.
- nginx 1.1.6 and later, `ngx_http_log_escape()` in ngx_http_log_module.c: `\xHH` for `"`, `\`, bytes below 0x20 and
  above 0x7e.

So a backslash in a quoted field takes the next byte along, `\"` and `\\` are read as the byte they stand for, and every
other escape stays as logged. Bytes that are not UTF-8 become `\xhh`, as Apache would have written them.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import NamedTuple

from beam_jobs.access_log.formats import MONTHS, LogFormat
from beam_jobs.access_log.rejects import Rejection, RejectReason

_TIME = re.compile(rb"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d)(?: ([+-])(\d\d)(\d\d))?", re.ASCII)
# RFC 9110 section 5.6.2: a method is a token. RFC 9112 section 2.3: the protocol is a name and a version (HTTP/1.1).
_METHOD = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_PROTOCOL = re.compile(rb"[A-Za-z]+/[0-9]+(\.[0-9]+)?")
_ESCAPED = re.compile(rb'\\(["\\])')
_MAX_INT64 = 2**63 - 1
_SHOWN_BYTES = 40


class Row(NamedTuple):
    """The values of one good line, in the names and order of the columns; `None` where the log has `-`.

    `timestamp` is in UTC.
    """

    timestamp: datetime
    status: int | None
    body_bytes_sent: int | None
    remote_addr: str | None
    remote_user: str | None
    method: str | None
    path: str | None
    query: str | None
    protocol: str | None
    referer: str | None
    user_agent: str | None


class _LineError(Exception):
    def __init__(self, reason: RejectReason, message: str) -> None:
        super().__init__(message)
        self.rejection = Rejection(reason, message)


def parse_line(log_format: LogFormat, line: bytes) -> Row | Rejection:
    """Reads one line, given without its terminator, that is not blank.

    Any bytes give a row or a rejection; nothing is raised.
    """
    try:
        values = _split(log_format, line)
        timestamp = _timestamp(values["time"])
        status = _status(values["status"])
        body_bytes_sent = _body_bytes_sent(values["body_bytes_sent"])
    except _LineError as error:
        return error.rejection
    method, path, query, protocol = _request(values["request"])
    return Row(
        timestamp=timestamp,
        status=status,
        body_bytes_sent=body_bytes_sent,
        remote_addr=_text(values["remote_addr"]),
        remote_user=_remote_user(values["remote_user"]),
        method=_text(method),
        path=_text(path),
        query=_text(query),
        protocol=_text(protocol),
        referer=_text(values.get("referer")),
        user_agent=_text(values.get("user_agent")),
    )


def _split(log_format: LogFormat, line: bytes) -> dict[str, bytes | None]:
    """Cuts a line into its fields; `None` stands for `-`."""
    values: dict[str, bytes | None] = {}
    if not line.startswith(log_format.prefix):
        raise _mismatch(log_format, f"it does not begin with {_shown(log_format.prefix)}")
    position = len(log_format.prefix)
    for name, quoted, terminator in log_format.slots:
        if quoted:
            end = _closing_quote(line, position)
        elif terminator:
            end = line.find(terminator, position)
        else:
            end = len(line)
        if end < 0 or not line.startswith(terminator, end):
            raise _mismatch(log_format, f"no {_shown(terminator)} ends the {name} that begins at byte {position}")
        value = line[position:end]
        if not quoted and not value:
            raise _mismatch(log_format, f"the {name} at byte {position} is empty")
        if b" " in value and name in ("remote_addr", "ident", "status", "body_bytes_sent"):
            raise _mismatch(log_format, f"the {name} at byte {position} holds a space: {_shown(value)}")
        values[name] = None if value == b"-" else value
        position = end + len(terminator)
    if position != len(line):
        raise _mismatch(log_format, f"it goes on at byte {position}: {_shown(line[position:])}")
    return values


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


def _timestamp(value: bytes | None) -> datetime:
    shown = _shown(value or b"-")
    match = _TIME.fullmatch(value or b"-")
    if match is None:
        raise _LineError(RejectReason.BAD_TIMESTAMP, f"the time {shown} is not like 17/May/2015:10:05:03 +0000")
    day, month, year, hour, minute, second, sign, zone_hours, zone_minutes = match.groups()
    # A leap second, 23:59:60, has no place in BigQuery's time scale: it counts as the second before it.
    seconds = 59 if second == b"60" else int(second)
    try:
        if month not in MONTHS:
            raise ValueError(f"there is no month {_shown(month)}")
        zone = UTC if sign is None else _zone(sign, int(zone_hours), int(zone_minutes))
        local = datetime(int(year), MONTHS.index(month) + 1, int(day), int(hour), int(minute), seconds, tzinfo=zone)
    except ValueError as error:
        raise _LineError(RejectReason.BAD_TIMESTAMP, f"the time {shown} is no real one: {error}") from error
    if not 1970 <= local.year <= 2199:
        raise _LineError(RejectReason.BAD_TIMESTAMP, f"the year of {shown} is not from 1970 to 2199")
    return local.astimezone(UTC)


def _zone(sign: bytes, hours: int, minutes: int) -> timezone:
    if hours > 23 or minutes > 59:
        raise ValueError("its zone is not from -2359 to +2359")
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if sign == b"-" else offset)


def _status(value: bytes | None) -> int | None:
    if value is None:
        return None
    if len(value) != 3 or not value.isdigit() or not 100 <= int(value) <= 599:
        raise _LineError(RejectReason.BAD_STATUS, f"the status {_shown(value)} is not a number from 100 to 599")
    return int(value)


def _body_bytes_sent(value: bytes | None) -> int | None:
    if value is None:
        return None
    if len(value) > 19 or not value.isdigit() or int(value) > _MAX_INT64:
        raise _LineError(
            RejectReason.BAD_SIZE, f"the byte count {_shown(value)} is not a number from 0 to {_MAX_INT64}"
        )
    return int(value)


def _request(value: bytes | None) -> tuple[bytes | None, bytes | None, bytes | None, bytes | None]:
    """Method, path, query and protocol of `METHOD target[ PROTOCOL]`; anything else is all path.

    A target that holds spaces is taken where a protocol follows it: clients do send such, and servers log it.
    """
    if not value:
        return None, None, None, None
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
        return None, value, None, None
    path, question_mark, query = target.partition(b"?")
    return method, path, query if question_mark else None, protocol


def _remote_user(value: bytes | None) -> str | None:
    # Apache httpd 2.4 writes an empty user name as `""` (log_remote_user() in mod_log_config.c).
    return "" if value == b'""' else _text(value)


def _text(value: bytes | None) -> str | None:
    if value is None:
        return None
    return _ESCAPED.sub(rb"\1", value).decode("utf-8", "backslashreplace")


def _mismatch(log_format: LogFormat, what: str) -> _LineError:
    return _LineError(RejectReason.NOT_MATCHING_FORMAT, f"not a {log_format.name} line: {what}")


def _shown(value: bytes) -> str:
    shown = ascii(value[:_SHOWN_BYTES].decode("latin-1"))
    return shown if len(value) <= _SHOWN_BYTES else f"{shown}..."
