r"""Formats whose lines are JSON objects (RFC 8259): which keys mean what.

Keys that mean the same are listed in order: the first with a value counts. `null`, an empty text and `-` are no value;
nginx writes an empty text for a variable without one (`escape=json`, ngx_http_log_module.c). A number may be written as
a text, and a value as the first element of an array, as Go's header maps are. Keys that no format names are skipped.

Servers write the bytes of a request as they are, so a text may not be UTF-8: such bytes become `\xhh`, as in the other
formats. What a JSON escape stands for is read; half of a surrogate pair stays as it was written.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from beam_jobs.access_log.arrow.schema import TEXT_FIELDS
from beam_jobs.access_log.compiled import json_scanner
from beam_jobs.access_log.compiled.json_scanner import Wanted
from beam_jobs.access_log.compiled.json_values import Reading
from beam_jobs.access_log.formats.log_format import LogFormat
from beam_jobs.access_log.reference.template_reader import (
    read_duration,
    read_request,
    read_size,
    read_status,
    read_text,
)
from beam_jobs.access_log.reference.times import read_time
from beam_jobs.access_log.rejection import LineError, Rejection, RejectReason
from beam_jobs.access_log.row import Row

if TYPE_CHECKING:
    from beam_jobs.access_log.scanned_block import ScannedBlock

_NANOSECONDS = {"duration_s": 10**9, "duration_ms": 10**6, "duration_ns": 1}
_DECIMAL = re.compile(rb"([0-9]+\.[0-9]{9})[0-9]+")
_URL = re.compile(rb"https?://(\[[^\]/?]*\]|[^:/?]*)(?::[0-9]*)?(?=[/?]|\Z)", re.DOTALL)
_EXPONENT = re.compile(rb"[0-9][0-9.]{0,30}[eE][+-]?[0-9]{1,2}")


class Key(NamedTuple):
    """A key and what its value is.

    Attributes:
        field: `time`, `request`, `target`, `url`, `status`, `body_bytes_sent`, `duration_s`, `duration_ms`,
            `duration_ns`, or one of `schema.TEXT_FIELDS`. A `time` is written in any of the ways of `times.py`.
        path: The keys of the objects around it, and its own.
        group: Of each group but "" a line must have one key, with a value or not.
    """

    field: str
    path: tuple[str, ...]
    group: str = ""


class _Number(str):
    """A number as it is written."""

    __slots__ = ()


@dataclass(frozen=True)
class JsonFormat(LogFormat):
    """A format by its keys.

    Attributes:
        name: See `LogFormat`.
        keys: Those that mean something, of several for one column the first with a value counts; none within another.
    """

    name: str
    keys: tuple[Key, ...]

    def parse_line(self, line: bytes) -> Row | Rejection:
        """Reads one line, see `LogFormat`."""
        try:
            return self._row(self._values(line))
        except LineError as error:
            return error.rejection

    def fill(self, scanned: ScannedBlock) -> None:
        """Reads the regular lines of a block, see `LogFormat`."""
        json_scanner.scan_json(
            scanned.block,
            scanned.padded,
            scanned.bounds,
            scanned.verdicts,
            *self._tables,
            scanned.texts,
            scanned.timestamps,
            scanned.statuses,
            scanned.sizes,
            scanned.durations,
            scanned.dates,
        )

    def _values(self, line: bytes) -> dict[tuple[str, ...], bytes | None]:
        """The values of the keys that the line has; `None` where there is none."""
        try:
            document = json.loads(
                line.decode("utf-8", _ESCAPE_BYTES), parse_float=_Number, parse_int=_Number, parse_constant=_no_constant
            )
        except (ValueError, RecursionError) as error:
            raise self._mismatch(f"it is no JSON: {error}") from error
        if not isinstance(document, dict):
            raise self._mismatch("it is no JSON object")
        values = {}
        for key in self.keys:
            inner: Any = document
            for name in key.path[:-1]:
                inner = inner.get(name, {})
                if not isinstance(inner, dict):
                    raise self._mismatch(f"{name} is no object")
            if key.path[-1] in inner:
                values[key.path] = self._text(key.path, inner[key.path[-1]])
        for group in self._groups:
            if not any(key.path in values for key in self.keys if key.group == group):
                wanted = ", ".join(".".join(key.path) for key in self.keys if key.group == group)
                raise self._mismatch(f"it has none of the keys {wanted}")
        return values

    def _text(self, path: tuple[str, ...], value: Any) -> bytes | None:
        if isinstance(value, list):
            value = value[0] if value else None
        if value is None:
            return None
        if isinstance(value, (dict, list, bool)):
            raise self._mismatch(f"{'.'.join(path)} is neither a text nor a number")
        text = str(value).encode("utf-8", "backslashreplace")
        return None if text in (b"", b"-") else text

    def _row(self, values: dict[tuple[str, ...], bytes | None]) -> Row:
        filled: dict[str, Any] = {}
        for column, key in self._in_order:
            value = values.get(key.path)
            # A target may fill the query where another one has filled the path.
            if value is not None and (column not in filled or column == "path"):
                filled |= {name: read for name, read in _read(key.field, value).items() if name not in filled}
        if "timestamp" not in filled:
            wanted = ", ".join(".".join(key.path) for key in self.keys if key.field == "time")
            raise self._mismatch(f"it has no time in {wanted}")
        for name in filled.keys() & set(TEXT_FIELDS):
            filled[name] = read_text(filled[name], unescape=False)
        return Row(**filled)

    @cached_property
    def _in_order(self) -> list[tuple[str, Key]]:
        """The keys, those first whose values are checked, and these by the order of `RejectReason`."""
        order = ("timestamp", "status", "body_bytes_sent", "request_duration_ms")
        keys = [(_LEADING.get(key.field, key.field), key) for key in self.keys]
        return sorted(keys, key=lambda one: order.index(one[0]) if one[0] in order else len(order))

    @cached_property
    def _groups(self) -> list[str]:
        return sorted({key.group for key in self.keys} - {""})

    @cached_property
    def _tables(self) -> json_scanner.Tables:
        objects: list[tuple[str, ...]] = []
        for key in self.keys:
            for depth in range(1, len(key.path)):
                if key.path[:depth] not in objects:
                    objects.append(key.path[:depth])
        objects.sort(key=len)
        numbers = {(): 0} | {path: number for number, path in enumerate(objects, start=1)}
        wanted = [Wanted(numbers[path[:-1]], path[-1].encode(), Reading.OBJECT, 0, 0, 0) for path in objects]
        for rank, key in enumerate(self.keys):
            group = 1 << self._groups.index(key.group) if key.group else 0
            reading = _READINGS.get(key.field, Reading.TEXT)
            column = _NANOSECONDS.get(key.field, 0)
            if reading is Reading.TEXT:
                column = TEXT_FIELDS.index(key.field)
            wanted.append(Wanted(numbers[key.path[:-1]], key.path[-1].encode(), reading, rank, column, group))
        return json_scanner.tables(wanted)

    def _mismatch(self, what: str) -> LineError:
        return LineError(RejectReason.NOT_MATCHING_FORMAT, f"not a {self.name} line: {what}")


_READINGS = {
    "time": Reading.TIME,
    "request": Reading.REQUEST,
    "target": Reading.TARGET,
    "url": Reading.URL,
    "status": Reading.STATUS,
    "body_bytes_sent": Reading.SIZE,
    **dict.fromkeys(_NANOSECONDS, Reading.DURATION),
}
_LEADING = {
    "time": "timestamp",
    "request": "path",
    "target": "path",
    "url": "path",
    **dict.fromkeys(_NANOSECONDS, "request_duration_ms"),
}


def _read(field: str, value: bytes) -> dict[str, Any]:
    """The columns that a value fills."""
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
        # Caddy and Traefik where the client left before there was one.
        return {"status": None if value == b"0" else read_status(value)}
    if field == "body_bytes_sent":
        return {"body_bytes_sent": read_size(value)}
    if field in _NANOSECONDS:
        nanoseconds = read_duration(_plain(value.removesuffix(b"s")), _NANOSECONDS[field])
        return {"request_duration_ms": None if nanoseconds is None else nanoseconds / 1_000_000}
    return {field: value}


def _time(value: bytes) -> Any:
    if value[2:3] == b"/":
        return read_time("time", value)
    return read_time("time_iso8601" if value[4:5] == b"-" else "time_epoch_s", _plain(value))


def _plain(value: bytes) -> bytes:
    """A number without an exponent, and with nine digits behind the point at most."""
    if _EXPONENT.fullmatch(value):
        try:
            value = format(Decimal(value.decode()), "f").encode()
        except InvalidOperation:
            return value
    match = _DECIMAL.fullmatch(value)
    return match[1] if match else value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _escape_bytes(error: UnicodeError) -> tuple[str, int]:
    r"""Writes bytes that are not UTF-8 so that the JSON text around them stays one and reads `\xhh`."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "".join(f"\\\\x{byte:02x}" for byte in error.object[error.start : error.end]), error.end


_ESCAPE_BYTES = "beam_jobs.access_log.formats.json_lines"
codecs.register_error(_ESCAPE_BYTES, _escape_bytes)


def keys(field: str, *paths: str, group: str = "") -> Sequence[Key]:
    """The keys of one field in order of preference, those of inner objects written with dots."""
    return [Key(field, tuple(path.split(".")), group) for path in paths]
