r"""The reference reader of JSON lines: it defines what every key means.

The compiled scanner takes the regular lines and must agree with this module; whatever it declines comes here.

`null`, an empty text and `-` are missing values; nginx writes an empty text for a variable without one (`escape=json`,
ngx_http_log_module.c). A number may be written as a text, and a value as the first element of an array, as Go's header
maps are.

Servers write the bytes of a request as they are, so a text may not be UTF-8: such bytes become `\xhh`, as in the other
formats. JSON escapes are read; half of a surrogate pair stays as it was written.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from beam_jobs.access_log.formats.fields import NANOSECONDS
from beam_jobs.access_log.formats.json_lines import JsonFormat, Key
from beam_jobs.access_log.reference.claims import first_client, why_not, without_port
from beam_jobs.access_log.reference.times import read_time
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

_Path = tuple[str, ...]

# Go's time.Duration as a text.
_GO_DURATION = re.compile(rb"(?:[0-9]{1,15}(?:\.[0-9]{1,15})?(?:ns|us|\xc2\xb5s|\xce\xbcs|ms|s|m|h))+")
_GO_PART = re.compile(rb"([0-9.]+)([^0-9.]+)")
_GO_UNITS = {b"h": 3_600 * 10**9, b"m": 60 * 10**9, b"s": 10**9, b"ms": 10**6, b"us": 10**3, b"ns": 1}
_GO_UNITS |= {b"\xc2\xb5s": 10**3, b"\xce\xbcs": 10**3}
# A number of 2199 has 10 digits in seconds, and one of 1973 has 12 in milliseconds: the ranges do not touch.
_EPOCHS = {
    **dict.fromkeys(range(1, 11), "time_epoch_s"),
    **dict.fromkeys((12, 13), "time_epoch_ms"),
    **dict.fromkeys((15, 16), "time_epoch_us"),
}
_NANOSECOND_DIGITS = (18, 19)
_DECIMAL = re.compile(rb"([0-9]+\.[0-9]{9})[0-9]+")
_EXPONENT = re.compile(rb"[0-9][0-9.]{0,30}[eE][+-]?[0-9]{1,2}")


class _Number(str):
    """A number as it is written."""

    __slots__ = ()


def read_line(log_format: JsonFormat, line: bytes) -> Row | Rejection:
    """Read one line, given without its terminator, that is not blank.

    Any bytes give a row or a rejection; nothing is raised.
    """
    try:
        return _row(log_format, _values(log_format, line))
    except LineError as error:
        return error.rejection


def _values(log_format: JsonFormat, line: bytes) -> dict[_Path, bytes | None]:
    """Return the values of the keys that the line has; a missing value is `None`."""
    try:
        document = json.loads(
            line.decode("utf-8", _ESCAPE_BYTES), parse_float=_Number, parse_int=_Number, parse_constant=_no_constant
        )
    except (ValueError, RecursionError) as error:
        raise _mismatch(log_format, f"it is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise _mismatch(log_format, "it is not a JSON object")
    values = {}
    for key in log_format.keys:
        inner: Any = document
        for name in key.path[:-1]:
            inner = inner.get(name, {})
            if not isinstance(inner, dict):
                raise _mismatch(log_format, f"{name} is not an object")
        if key.path[-1] in inner:
            values[key.path] = _text(log_format, key.path, inner[key.path[-1]])
    for group in log_format.groups:
        of_group = [key for key in log_format.keys if key.group == group]
        if not any(key.path in values for key in of_group):
            raise _mismatch(log_format, f"it has none of the keys {_shown(of_group)}")
    return values


def _text(log_format: JsonFormat, path: _Path, value: Any) -> bytes | None:
    if isinstance(value, list):
        value = value[0] if value else None
    if value is None:
        return None
    if isinstance(value, (dict, list, bool)):
        raise _mismatch(log_format, f"{'.'.join(path)} is neither a text nor a number")
    text = str(value).encode("utf-8", "backslashreplace")
    return None if text in (b"", b"-") else text


def _row(log_format: JsonFormat, values: dict[_Path, bytes | None]) -> Row:
    _check_claims(log_format, values)
    filled: dict[str, Any] = {}
    for key in log_format.in_reading_order:
        column = key.column
        value = values.get(key.path)
        # A target may fill the query where another one has filled the path.
        if value is not None and (column not in filled or column == "path"):
            filled |= {name: read for name, read in _read(key.field, value).items() if name not in filled}
    if "timestamp" not in filled:
        times = [key for key in log_format.keys if key.field == "time"]
        raise _mismatch(log_format, f"it has no time in {_shown(times)}")
    for name in filled.keys() & set(log_format.text_fields):
        filled[name] = read_text(filled[name], unescape=False)
    return Row(**filled)


def _check_claims(log_format: JsonFormat, values: dict[_Path, bytes | None]) -> None:
    """Check those values that columns take."""
    taken: set[str] = set()
    for key in log_format.keys:
        value = values.get(key.path)
        if value is None or key.column in taken:
            continue
        taken.add(key.column)
        # People log a scheme, or a name without a version, under keys of this kind: it is left out.
        if key.field == "protocol":
            continue
        wanted = why_not(key.field, _plain(value))
        # A number of seconds may have lost the fraction of nothing, and a text says its unit.
        if wanted and not (key.field in NANOSECONDS and (value == b"0" or _GO_DURATION.fullmatch(value))):
            raise _mismatch(log_format, f"{'.'.join(key.path)} is not {wanted}: {shown(value)}")


def _read(field: str, value: bytes) -> dict[str, Any]:
    """Return the columns that a value fills."""
    if field == "time":
        return {"timestamp": _time(value)}
    if field == "request":
        method, path, query, protocol, _ = read_request(value)
        return {"method": method, "path": path, "query": query, "protocol": protocol}
    if field in ("target", "url"):
        read = read_url(value) if field == "url" else Request(None, *path_and_query(value))
        return {"path": read.path} | _present(host=read.host, query=read.query)
    if field == "status":
        return {"status": read_status(value)}
    if field == "body_bytes_sent":
        return {"body_bytes_sent": read_size(value)}
    if field in NANOSECONDS:
        nanoseconds = _duration(field, value)
        return {"request_duration_ms": None if nanoseconds is None else nanoseconds / 1_000_000}
    if field == "protocol":
        return {} if why_not(field, value) else {field: value}
    if field == "remote_addr_port":
        return {"remote_addr": without_port(value)}
    if field in ("client_list", "forwarded_for"):
        client = first_client(value)
        return {"forwarded_for": value} | ({} if client is None else {"remote_addr": client})
    return {field: value}


def _present(**values: bytes | None) -> dict[str, bytes]:
    return {name: value for name, value in values.items() if value is not None}


def _time(value: bytes) -> datetime:
    if value[2:3] == b"/":
        return read_time("time", value)
    if value[4:5] == b"/":
        # Caddy's time_format wall: 2026/03/07 09:15:01.
        value = value.replace(b"/", b"-", 2)
    if value[4:5] == b"-":
        return read_time("time_iso8601", value)
    number = _plain(value)
    digits = len(number.partition(b".")[0])
    if digits in _NANOSECOND_DIGITS and number.isdigit():
        return read_time("time_epoch_us", number[:-3])
    return read_time(_EPOCHS.get(digits, "time_epoch_s"), number if digits in _EPOCHS else value)


def _duration(field: str, value: bytes) -> int | None:
    if _GO_DURATION.fullmatch(value) is None:
        return read_duration(_plain(value), NANOSECONDS[field])
    nanoseconds = 0
    for number, unit in _GO_PART.findall(value):
        nanoseconds += read_duration(_plain(number), _GO_UNITS[unit]) or 0
    return read_duration(b"%d" % nanoseconds, 1)


def _plain(value: bytes) -> bytes:
    """Return a number without an exponent, and with at most nine digits after the point."""
    if _EXPONENT.fullmatch(value):
        try:
            value = format(Decimal(value.decode()), "f").encode()
        except InvalidOperation:
            return value
    match = _DECIMAL.fullmatch(value)
    return match[1] if match else value


def _shown(keys: Sequence[Key]) -> str:
    return ", ".join(".".join(key.path) for key in keys)


def _mismatch(log_format: JsonFormat, what: str) -> LineError:
    return LineError(RejectReason.NOT_MATCHING_FORMAT, f"not a {log_format.name} line: {what}")


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _escape_bytes(error: UnicodeError) -> tuple[str, int]:
    r"""Replace bytes that are not UTF-8 by text that is valid inside a JSON string and reads `\xhh`."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(f"\\\\x{byte:02x}" for byte in error.object[error.start : error.end]), error.end


_ESCAPE_BYTES = __name__
codecs.register_error(_ESCAPE_BYTES, _escape_bytes)
