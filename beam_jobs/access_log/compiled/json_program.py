"""A JSON format in numbers, as the compiled scanner reads it."""

from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from beam_jobs.access_log.formats.fields import NANOSECONDS, SEQUENCE_FIELDS, TEXT_FIELDS
from beam_jobs.access_log.formats.json_lines import JsonFormat

ENTRY_WORDS = 6
KEY_BYTES = 64
"""Room for a key."""
SLOTS = 256
MULTIPLIER = 0x9E3779B97F4A7C15
"""Of the hash of a key."""


class Reading(IntEnum):
    """How the value of a key is read."""

    OBJECT = 0
    """Not a value: other keys are wanted inside."""
    TEXT = 1
    TIME = 2
    REQUEST = 3
    TARGET = 4
    URL = 5
    STATUS = 6
    SIZE = 7
    DURATION = 8
    ADDRESS = 9
    BEFORE_PORT = 10
    FORWARDED = 11
    USER = 12
    HOST = 13
    FRACTION = 14
    """A duration that must have a fraction."""
    PROTOCOL = 15


_TEXTS = TEXT_FIELDS + SEQUENCE_FIELDS
TIME_COLUMN, _STATUS, _SIZE, _DURATION, COLUMNS = range(len(_TEXTS), len(_TEXTS) + 5)
"""The columns behind those of texts, and how many there are."""

_READINGS = {
    "time": (Reading.TIME, TIME_COLUMN),
    "request": (Reading.REQUEST, 0),
    "target": (Reading.TARGET, 0),
    "url": (Reading.URL, 0),
    "status": (Reading.STATUS, _STATUS),
    "body_bytes_sent": (Reading.SIZE, _SIZE),
    **dict.fromkeys(NANOSECONDS, (Reading.DURATION, _DURATION)),
    "duration_fraction_s": (Reading.FRACTION, _DURATION),
    **{name: (Reading.TEXT, column) for column, name in enumerate(_TEXTS)},
    "remote_addr": (Reading.ADDRESS, TEXT_FIELDS.index("remote_addr")),
    "remote_addr_port": (Reading.BEFORE_PORT, TEXT_FIELDS.index("remote_addr")),
    "client_list": (Reading.FORWARDED, TEXT_FIELDS.index("forwarded_for")),
    "forwarded_for": (Reading.FORWARDED, TEXT_FIELDS.index("forwarded_for")),
    "remote_user": (Reading.USER, TEXT_FIELDS.index("remote_user")),
    "host": (Reading.HOST, TEXT_FIELDS.index("host")),
    "protocol": (Reading.PROTOCOL, TEXT_FIELDS.index("protocol")),
}


class JsonProgram(NamedTuple):
    """The wanted keys of a format.

    Attributes:
        entries: Per key the number of its object, its length, its `Reading`, rank, the column that it fills, and the
            nanoseconds of a unit. Objects are the entries of reading OBJECT, numbered from 1; 0 is the line itself. Of
            several keys for one column the lowest rank with a value counts.
        keys: Per key its bytes, zeros behind them.
        slots: A hash table of indices into both, -1 where it is empty.
        groups: Per group the bits of its entries, which are among the first 64; a line must have one of each.
    """

    entries: npt.NDArray[np.int64]
    keys: npt.NDArray[np.uint8]
    slots: npt.NDArray[np.int64]
    groups: npt.NDArray[np.uint64]


@lru_cache
def json_program(log_format: JsonFormat) -> JsonProgram:
    """Put the wanted keys of a format into arrays."""
    inner = {key.path[:depth] for key in log_format.keys for depth in range(1, len(key.path))}
    objects = sorted(inner, key=lambda path: (len(path), path))
    numbers = {path: number for number, path in enumerate([(), *objects])}
    entries = [(numbers[path[:-1]], len(path[-1]), Reading.OBJECT, 0, 0, 0) for path in objects]
    groups = dict.fromkeys(log_format.groups, 0)
    for rank, key in enumerate(log_format.keys):
        if key.group:
            groups[key.group] |= 1 << len(entries)
        reading, column = _READINGS[key.field]
        unit = NANOSECONDS.get(key.field, 0)
        entries.append((numbers[key.path[:-1]], len(key.path[-1]), reading, rank, column, unit))
    names = [path[-1].encode() for path in (*objects, *(key.path for key in log_format.keys))]
    slots = np.full(SLOTS, -1, np.int64)
    for index, (entry, name) in enumerate(zip(entries, names, strict=True)):
        slot = _first_slot(entry[0], name)
        while slots[slot] >= 0:
            slot = (slot + 1) % SLOTS
        slots[slot] = index
    keys = np.frombuffer(b"".join(name.ljust(KEY_BYTES, b"\0") for name in names), np.uint8)
    return JsonProgram(np.array(entries, np.int64), keys, slots, np.array(list(groups.values()), np.uint64))


def _first_slot(parent: int, key: bytes) -> int:
    """Compute what `json_tokens.find_key` does."""
    return (int.from_bytes(key[:8], "little") + 31 * parent + len(key)) * MULTIPLIER % 2**64 >> 56
