"""Formats whose lines are JSON objects (RFC 8259): which keys mean what.

Keys that mean the same are listed in order of preference: the first with a value counts. Keys that no format names are
skipped. `reference/json_reader.py` defines how the values are read.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from beam_jobs.access_log.formats.fields import NANOSECONDS, SEQUENCE_FIELDS, TEXT_FIELDS, text_fields

FIELDS = (
    "time",
    "request",
    "target",
    "url",
    "status",
    "body_bytes_sent",
    "remote_addr_port",
    "client_list",
    "duration_s",
    "duration_ms",
    "duration_us",
    "duration_ns",
    "duration_fraction_s",
    *TEXT_FIELDS,
    *SEQUENCE_FIELDS,
)
"""What the values of keys can be."""

_COLUMNS = {
    "remote_addr_port": "remote_addr",
    "client_list": "remote_addr",
    "time": "timestamp",
    "request": "path",
    "target": "path",
    "url": "path",
    **dict.fromkeys(NANOSECONDS, "request_duration_ms"),
}
_CHECKED_COLUMNS = ("timestamp", "status", "body_bytes_sent", "request_duration_ms")


class Key(NamedTuple):
    """A key and what its value is.

    Attributes:
        field: One of `FIELDS`, as of text formats. A `time` is written in any of the ways of `fields.TIME_FIELDS`, a
            number of milli-, micro- or nanoseconds too; a duration as a number, or as Go does (`1m2.5s`).
        path: The keys of the objects around it, and its own.
        group: Every line must have at least one key of each named group, with or without a value.
    """

    field: str
    path: tuple[str, ...]
    group: str = ""

    @property
    def column(self) -> str:
        """The column that its value fills; of several, the one that decides whether the value is wanted."""
        return _COLUMNS.get(self.field, self.field)


@dataclass(frozen=True)
class JsonFormat:
    """A format by its keys.

    Attributes:
        name: How users call it, for example `caddy`.
        keys: The keys that mean something, in order of preference; none lies within another.
        comment: The byte that starts lines which are not requests, or none. Such lines count as blank.
    """

    name: str
    keys: tuple[Key, ...]
    comment: bytes = b""

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """The named groups of its keys."""
        return tuple(sorted({key.group for key in self.keys} - {""}))

    @cached_property
    def text_fields(self) -> tuple[str, ...]:
        """The texts of its lines, in the order in which they are handed on."""
        return text_fields(key.field for key in self.keys)

    @cached_property
    def in_reading_order(self) -> tuple[Key, ...]:
        """Its keys, those first whose values are checked, in the order of `RejectReason`."""
        places = {column: place for place, column in enumerate(_CHECKED_COLUMNS)}
        return tuple(sorted(self.keys, key=lambda key: places.get(key.column, len(places))))


def keys(field: str, *paths: str, group: str = "") -> list[Key]:
    """Return the keys of one field in order of preference; dots in a path lead into inner objects."""
    return [Key(field, tuple(path.split(".")), group) for path in paths]
