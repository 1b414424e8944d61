"""A JSON format in numbers, as the compiled scanner reads it."""

from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from beam_jobs.access_log.formats.fields import NANOSECONDS, TEXT_FIELDS
from beam_jobs.access_log.formats.json_lines import JsonFormat

MULTIPLIERS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5, 0xFF51AFD7ED558CCD)
"""The factors of the hash of a key."""

_MAX_KEY_BYTES = 32
_SLOTS = 256


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


_READINGS = {
    "time": Reading.TIME,
    "request": Reading.REQUEST,
    "target": Reading.TARGET,
    "url": Reading.URL,
    "status": Reading.STATUS,
    "body_bytes_sent": Reading.SIZE,
    **dict.fromkeys(NANOSECONDS, Reading.DURATION),
}


class JsonProgram(NamedTuple):
    """The wanted keys of a format.

    Attributes:
        entries: Per key the number of its object, its length, its `Reading`, rank, column and group. Objects are the
            entries of reading OBJECT, numbered from 1; 0 is the line itself. Of several keys for one column the lowest
            rank with a value counts. The column is an index into `TEXT_FIELDS` for TEXT, the nanoseconds of a unit for
            DURATION. The group is the bit of the group of which a line must have one key, or 0.
        keys: Per key its bytes as four words.
        slots: A hash table of indices into both, -1 where it is empty.
        groups: The bits of all groups.
    """

    entries: npt.NDArray[np.int64]
    keys: npt.NDArray[np.uint64]
    slots: npt.NDArray[np.int64]
    groups: int


class _Wanted(NamedTuple):
    """A key whose value is wanted; see `JsonProgram`."""

    parent: int
    key: bytes
    reading: Reading
    rank: int
    column: int
    group: int


@lru_cache
def json_program(log_format: JsonFormat) -> JsonProgram:
    """Put the wanted keys of a format into arrays."""
    wanted = _wanted(log_format)
    entries = np.array([(w.parent, len(w.key), w.reading, w.rank, w.column, w.group) for w in wanted], np.int64)
    keys = np.frombuffer(b"".join(w.key.ljust(_MAX_KEY_BYTES, b"\0") for w in wanted), np.uint64).reshape(-1, 4)
    slots = np.full(_SLOTS, -1, np.int64)
    for index, one in enumerate(wanted):
        slot = _hash(one)
        while slots[slot] >= 0:
            slot = (slot + 1) % _SLOTS
        slots[slot] = index
    return JsonProgram(entries, keys, slots, int(np.bitwise_or.reduce(entries[:, 5])))


def _wanted(log_format: JsonFormat) -> list[_Wanted]:
    inner = {key.path[:depth]: None for key in log_format.keys for depth in range(1, len(key.path))}
    objects = sorted(inner, key=len)
    numbers = {(): 0} | {path: number for number, path in enumerate(objects, start=1)}
    wanted = [_Wanted(numbers[path[:-1]], path[-1].encode(), Reading.OBJECT, 0, 0, 0) for path in objects]
    for rank, key in enumerate(log_format.keys):
        group = 1 << log_format.groups.index(key.group) if key.group else 0
        reading = _READINGS.get(key.field, Reading.TEXT)
        column = TEXT_FIELDS.index(key.field) if reading is Reading.TEXT else NANOSECONDS.get(key.field, 0)
        wanted.append(_Wanted(numbers[key.path[:-1]], key.path[-1].encode(), reading, rank, column, group))
    return wanted


def _hash(wanted: _Wanted) -> int:
    """Compute what `json_scanner._find_key` does."""
    padded = wanted.key.ljust(_MAX_KEY_BYTES, b"\0")
    words = [int.from_bytes(padded[start : start + 8], "little") for start in range(0, _MAX_KEY_BYTES, 8)]
    k0, k1, k2, k3, k4 = MULTIPLIERS
    mixed = words[0] ^ (words[1] * k1 % 2**64) ^ (words[2] * k2 % 2**64) ^ (words[3] * k3 % 2**64)
    return (mixed + wanted.parent * k4 + len(wanted.key)) * k0 % 2**64 >> 56
