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
    EMPTY_IS_NULL,
    MAY_BE_EMPTY,
    NANOSECONDS,
    STRFTIME,
    TIME_FIELDS,
    TO_THE_END,
    WITHOUT_SPACES,
    WITHOUT_SPACES_EVER,
)
from beam_jobs.access_log.formats.template import TemplateFormat
from beam_jobs.access_log.reference.claims import first_client, why_not, without_port
from beam_jobs.access_log.reference.times import read_strftime, read_time, shifted, time_pattern
from beam_jobs.access_log.reference.values import (
    Request,
    path_and_query,
    read_duration,
    read_request,
    read_size,
    read_status,
    read_text,
    read_url,
)
from beam_jobs.access_log.rejection import LineError, Rejection, RejectReason, shown
from beam_jobs.access_log.row import Row

_LATER_ZONE = re.compile(rb"(?:[.,][0-9]{1,9})?( [+-][0-9]{4})")
_LISTS = frozenset(("client_list", "forwarded_for"))
_SERVERS = frozenset(("upstream", "upstream_times"))


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
    timestamp = _timestamp(log_format, fields)
    values = dict(fields)
    status = read_status(values.get("status"))
    body_bytes_sent = read_size(values.get("body_bytes_sent"))
    duration = _duration(fields)
    texts = {name: values[name] for name in log_format.text_fields if name in values}
    for name, value in fields:
        texts |= _texts(name, value)
    read = {name: read_text(value, unescape=log_format.escapes) for name, value in texts.items()}
    for name in ("referer", "user_agent"):
        if (encoded := f"{name}_encoded") in values:
            read[name] = _decoded(values[encoded], is_url=name == "referer")
    if (plus := values.get("user_agent_plus")) is not None:
        read["user_agent"] = read_text(plus.replace(b"+", b" "), unescape=False)
    # Apache httpd 2.4 writes an empty user name as `""` (log_remote_user() in mod_log_config.c).
    if values.get("remote_user") == b'""':
        read["remote_user"] = ""
    return Row(timestamp, status, body_bytes_sent, duration, **read)


def _texts(name: str, value: bytes | None) -> dict[str, bytes | None]:
    """Return the columns of text that a field fills beside the one of its own name."""
    match name:
        case "request" | "request_url":
            request = read_request(value, is_url=name == "request_url")._asdict()
            return request if name == "request_url" else {part: request[part] for part in request if part != "host"}
        case "url":
            return _present(read_url(value), "path", "query", "host")
        case "target":
            path, query = path_and_query(value) if value is not None else (None, None)
            return {"path": path, "query": query}
        case "query":
            return {"query": value or None}
        case "question_query" if value:
            return {"query": value.removeprefix(b"?")}
        case "question_query":
            return {"query": None}
        case "remote_addr_port":
            return {"remote_addr": None if value is None else without_port(value)}
        case "client_list":
            return {"remote_addr": None if value is None else first_client(value), "forwarded_for": value}
        case "host_port":
            return {"host": None if value is None else value.rpartition(b":")[0]}
        case "virtual_host" | "host_name":
            return {"host": value}
    return {}


def _present(request: Request, *names: str) -> dict[str, bytes | None]:
    return {name: getattr(request, name) for name in names}


def _split(log_format: TemplateFormat, line: bytes) -> list[tuple[str, bytes | None]]:
    """Cut a line into its fields; `None` stands for `-`."""
    fields: list[tuple[str, bytes | None]] = []
    if not line.startswith(log_format.prefix):
        raise LineError(*unended(log_format, -1, 0))
    position = len(log_format.prefix)
    for number, (name, quoted, terminator) in enumerate(log_format.slots):
        if name == "duration_padded_ms":
            position += len(line) - position - len(line[position:].lstrip(b" "))
        end = _end(log_format, line, position, name, terminator, escaped=quoted and log_format.escapes)
        if end < 0 or not line.startswith(terminator, end):
            raise LineError(*unended(log_format, number, position))
        value = line[position:end]
        if not quoted and not value and name not in MAY_BE_EMPTY:
            raise _mismatch(log_format, position, f"the {name} at byte {position} is empty")
        if b" " in value and (
            name in WITHOUT_SPACES_EVER or (name in WITHOUT_SPACES and (terminator.startswith(b" ") or not terminator))
        ):
            raise _mismatch(log_format, position, f"the {name} at byte {position} holds a space: {shown(value)}")
        if not log_format.holds_blanks and (b" " in value or b"\t" in value):
            raise _mismatch(log_format, position, f"the {name} at byte {position} holds a blank: {shown(value)}")
        if value not in (b"-", b"") and (wanted := why_not(name, value)) is not None:
            raise _mismatch(log_format, position, f"the {name} at byte {position} is not {wanted}: {shown(value)}")
        is_null = value == b"-" or (not value and name in EMPTY_IS_NULL)
        fields.append((name, None if is_null else value))
        position = end + len(terminator)
    if position != len(line):
        raise _mismatch(log_format, position, f"it goes on at byte {position}: {shown(line[position:])}")
    return fields


def unended(log_format: TemplateFormat, slot: int, position: int) -> Rejection:
    """Reject a line without the separator that should end a slot; slot -1 is the prefix."""
    if slot < 0:
        what = f"it does not begin with {shown(log_format.prefix)}"
    else:
        name, _, terminator = log_format.slots[slot]
        what = f"no {shown(terminator)} ends the {name} that begins at byte {position}"
    return _mismatch(log_format, position, what).rejection


def _end(log_format: TemplateFormat, line: bytes, start: int, name: str, terminator: bytes, *, escaped: bool) -> int:
    """Return where the field that begins at `start` ends, or -1."""
    if name == STRFTIME:
        time = time_pattern(log_format.strftime).match(line, start)
        return time.end() if time else -1
    if escaped:
        return _closing_quote(line, start)
    if not terminator or name in TO_THE_END:
        return len(line)
    end = line.find(terminator, start)
    if terminator.startswith(b" "):
        # A time may hold one space itself.
        if name == "time" and (zone := _LATER_ZONE.match(line, start + 20)) and zone.start(1) == end:
            return zone.end()
        if name == "time_iso8601" and end == start + 10:
            return line.find(terminator, end + 1)
        if name in _LISTS:
            while end >= 0 and line[end - 1 : end] == b",":
                end = line.find(terminator, end + 1)
        if name in _SERVERS and not terminator.startswith(b" : "):
            while end >= 0 and (line[end - 1 : end] == b"," or line[end : end + 3] == b" : "):
                end = line.find(terminator, end + (1 if line[end - 1 : end] == b"," else 3))
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


def _timestamp(log_format: TemplateFormat, fields: list[tuple[str, bytes | None]]) -> datetime:
    values = dict(fields)
    if "clock" in values:
        timestamp = read_time("time_iso8601", (values.get("date") or b"-") + b" " + (values["clock"] or b"-"))
    elif STRFTIME in values:
        time = time_pattern(log_format.strftime).fullmatch(values[STRFTIME] or b"-")
        if time is None:
            raise LineError(RejectReason.BAD_TIMESTAMP, f"the time is not like {log_format.strftime}")
        timestamp = read_strftime(time)
    else:
        name, value = next((name, value) for name, value in fields if name in TIME_FIELDS)
        timestamp = read_time(name, value)
    return shifted(timestamp, values["zone"]) if "zone" in values else timestamp


def _duration(fields: list[tuple[str, bytes | None]]) -> float | None:
    read = [
        None
        if value == b"-1" and name in ("duration_part_s", "duration_ms")
        else read_duration(value, _unit(name, value))
        for name, value in fields
        if name in NANOSECONDS
    ]
    known = [nanoseconds for nanoseconds in read if nanoseconds is not None]
    return sum(known) / 1_000_000 if known and len(known) == len(read) else None


def _unit(name: str, value: bytes | None) -> int:
    # The draft of the W3C's extended format has seconds with a fraction, IIS and others write whole milliseconds.
    return NANOSECONDS["duration_s" if name == "duration_w3c" and b"." in (value or b"") else name]


def _decoded(value: bytes | None, *, is_url: bool) -> str | None:
    if value is None:
        return None
    decoded = unquote_to_bytes(value)
    # CloudFront has encoded the blanks of user agents twice; in a URL %2520 is the %20 that the client sent.
    if not is_url and b"%2520" in value and b"%20" not in value:
        decoded = unquote_to_bytes(decoded)
    return decoded.decode("utf-8", "backslashreplace")


def _mismatch(log_format: TemplateFormat, position: int, what: str) -> LineError:
    return LineError(RejectReason.NOT_MATCHING_FORMAT, f"not a {shown_name(log_format.name)} line: {what}", position)


def shown_name(name: str) -> str:
    """Shorten a format's name for messages: that of a format string is the string itself."""
    return name if len(name) <= 24 else f"{name[:24]}..."
