r"""The reference reader of template formats, slow and obviously correct: it defines what every field means.

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
from urllib.parse import unquote_to_bytes

from beam_jobs.access_log.formats.fields import (
    MAY_BE_EMPTY,
    NANOSECONDS,
    TIME_FIELDS,
    WITHOUT_SPACES,
    WITHOUT_SPACES_EVER,
)
from beam_jobs.access_log.formats.template import TemplateFormat
from beam_jobs.access_log.reference.times import read_time
from beam_jobs.access_log.reference.values import (
    Request,
    path_and_query,
    read_duration,
    read_request,
    read_size,
    read_status,
    read_text,
)
from beam_jobs.access_log.rejection import LineError, Rejection, RejectReason, shown
from beam_jobs.access_log.row import Row

_LATER_ZONE = re.compile(rb" [+-][0-9]{4}")
_PORT = re.compile(rb":[0-9]{1,8}\Z")


def read_line(log_format: TemplateFormat, line: bytes) -> Row | Rejection:
    """Read one line, given without its terminator, that is not blank.

    Any bytes give a row or a rejection; nothing is raised.
    """
    try:
        fields = _split(log_format, line)
        return _row(log_format, fields)
    except LineError as error:
        return error.rejection


def _row(log_format: TemplateFormat, fields: list[tuple[str, bytes | None]]) -> Row:
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


def _split(log_format: TemplateFormat, line: bytes) -> list[tuple[str, bytes | None]]:
    """Cut a line into its fields; `None` stands for `-`."""
    fields: list[tuple[str, bytes | None]] = []
    if not line.startswith(log_format.prefix):
        raise LineError(*unended(log_format, -1, 0))
    position = len(log_format.prefix)
    for number, (name, quoted, terminator) in enumerate(log_format.slots):
        end = _end(line, position, name, terminator, escaped=quoted and log_format.escapes)
        if end < 0 or not line.startswith(terminator, end):
            raise LineError(*unended(log_format, number, position))
        value = line[position:end]
        if not quoted and not value and name not in MAY_BE_EMPTY:
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


def unended(log_format: TemplateFormat, slot: int, position: int) -> Rejection:
    """Reject a line without the separator that should end a slot; slot -1 is the prefix."""
    if slot < 0:
        what = f"it does not begin with {shown(log_format.prefix)}"
    else:
        name, _, terminator = log_format.slots[slot]
        what = f"no {shown(terminator)} ends the {name} that begins at byte {position}"
    return _mismatch(log_format, what).rejection


def _end(line: bytes, start: int, name: str, terminator: bytes, *, escaped: bool) -> int:
    """Return where the field that begins at `start` ends, or -1."""
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
    """Return the first quote at or after `start` that no backslash escapes, or -1."""
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


def _duration(fields: list[tuple[str, bytes | None]]) -> float | None:
    read = [
        None if name == "duration_part_s" and value == b"-1" else read_duration(value, NANOSECONDS[name])
        for name, value in fields
        if name in NANOSECONDS
    ]
    known = [nanoseconds for nanoseconds in read if nanoseconds is not None]
    return sum(known) / 1_000_000 if known and len(known) == len(read) else None


def _request_of(values: dict[str, bytes | None]) -> Request:
    for name in ("request", "request_url"):
        if name in values:
            return read_request(values[name], is_url=name == "request_url")
    path, query = values.get("path"), values.get("query") or None
    if values.get("target") is not None:
        path, query = path_and_query(values["target"] or b"")
    if values.get("question_query"):
        query = (values["question_query"] or b"").removeprefix(b"?")
    return Request(values.get("method"), path, query, values.get("protocol"))


def _address(values: dict[str, bytes | None]) -> bytes | None:
    return _without_port(values["remote_addr_port"]) if "remote_addr_port" in values else values.get("remote_addr")


def _host(values: dict[str, bytes | None]) -> bytes | None:
    return _without_port(values["host_port"]) if "host_port" in values else values.get("host")


def _without_port(value: bytes | None) -> bytes | None:
    host, colon, _ = (value or b"").rpartition(b":")
    return host if colon else value


def _decoded(value: bytes | None) -> str | None:
    return None if value is None else unquote_to_bytes(value).decode("utf-8", "backslashreplace")


def _mismatch(log_format: TemplateFormat, what: str) -> LineError:
    return LineError(RejectReason.NOT_MATCHING_FORMAT, f"not a {shown_name(log_format.name)} line: {what}")


def shown_name(name: str) -> str:
    """Shorten a format's name for messages: that of a format string is the string itself."""
    return name if len(name) <= 24 else f"{name[:24]}..."
