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

from beam_jobs.access_log.formats.fields import NANOSECONDS, TEXT_FIELDS
from beam_jobs.access_log.formats.json_lines import JsonFormat, Key
from beam_jobs.access_log.reference.times import read_time
from beam_jobs.access_log.reference.values import (
    read_duration,
    read_request,
    read_size,
    read_status,
    read_text,
)
from beam_jobs.access_log.rejection import LineError, Rejection, RejectReason
from beam_jobs.access_log.row import Row

_Path = tuple[str, ...]

_DECIMAL = re.compile(rb"([0-9]+\.[0-9]{9})[0-9]+")
_URL = re.compile(rb"https?://(\[[^\]/?]*\]|[^:/?]*)(?::[0-9]*)?(?=[/?]|\Z)", re.DOTALL)
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
    for name in filled.keys() & set(TEXT_FIELDS):
        filled[name] = read_text(filled[name], unescape=False)
    return Row(**filled)


def _read(field: str, value: bytes) -> dict[str, Any]:
    """Return the columns that a value fills."""
    if field == "time":
        return {"timestamp": _time(value)}
    if field == "request":
        method, path, query, protocol, _ = read_request(value)
        return {"method": method, "path": path, "query": query, "protocol": protocol}
    if field in ("target", "url"):
        url = _URL.match(value) if field == "url" else None
        columns: dict[str, Any] = {"host": url[1]} if url and url[1] else {}
        columns["path"], question_mark, query = value[url.end() if url else 0 :].partition(b"?")
        return columns | ({"query": query} if question_mark else {})
    if field == "status":
        # Caddy and Traefik write 0 where the client left before there was a status.
        return {"status": None if value == b"0" else read_status(value)}
    if field == "body_bytes_sent":
        return {"body_bytes_sent": read_size(value)}
    if field in NANOSECONDS:
        nanoseconds = read_duration(_plain(value.removesuffix(b"s")), NANOSECONDS[field])
        return {"request_duration_ms": None if nanoseconds is None else nanoseconds / 1_000_000}
    return {field: value}


def _time(value: bytes) -> datetime:
    if value[2:3] == b"/":
        return read_time("time", value)
    return read_time("time_iso8601" if value[4:5] == b"-" else "time_epoch_s", _plain(value))


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
