"""The columns of places: each address is looked up once, however many lines and blocks it comes in."""

import threading
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from beam_jobs.access_log.arrow.arrays import int64_array, nullable_array
from beam_jobs.access_log.arrow.classes import LineClasses
from beam_jobs.access_log.arrow.distinct_texts import hash_text
from beam_jobs.access_log.arrow.schema import Column
from beam_jobs.access_log.compiled.jit import compiled
from beam_jobs.access_log.compiled.simd import PADDING, Number, address_of, int64, prefetch, uint64
from beam_jobs.access_log.places.place import Place, PlaceDatabase

_SLOTS = 1 << 16
_WAYS = 4
_LINES_AHEAD = 16


class Places:
    """Finds the places of addresses, and remembers them; one instance may serve several threads.

    Args:
        database: Where they are looked up.
    """

    def __init__(self, database: PlaceDatabase) -> None:
        self._database = database
        self._of_thread = threading.local()

    def columns(self, addresses: Column) -> dict[str, Column]:
        """Return the columns country, asn and network for one of addresses, of type string."""
        # What a failing database has left half known is forgotten.
        known: _Known = self._of_thread.__dict__.pop("known", None) or _Known()
        columns = known.columns(addresses, self._database)
        self._of_thread.known = known
        return columns


def with_places(rows: pa.RecordBatch, places: Places) -> pa.RecordBatch:
    """Return rows, in `schema.ROWS_SCHEMA`, with the places of their clients."""
    columns: dict[str, Column] = dict(zip(rows.schema.names, rows.columns, strict=True))
    columns |= places.columns(columns["remote_addr"])
    return pa.record_batch([columns[name] for name in rows.schema.names], schema=rows.schema)


class _Known:
    """The numbered places of one thread, 0 for that of no address, and a cache of hashed addresses."""

    def __init__(self) -> None:
        self._places = [Place()]
        self._numbers = {Place(): 0}
        # Hash and number of the place; the hash 0 is no address's.
        self._slots = np.zeros((_SLOTS + _WAYS, 2), np.uint64)

    def columns(self, addresses: Column, database: PlaceDatabase) -> dict[str, Column]:
        size = len(addresses)
        numbers = np.empty(size, np.int32)
        unknown = np.empty((size, 2), np.int64)
        _, offset_buffer, text_buffer = cast(Any, addresses.buffers())
        offsets = np.frombuffer(offset_buffer or bytes(4), np.int32)[addresses.offset :][: size + 1]
        texts = np.frombuffer(text_buffer or b"", np.uint8)
        found = _find(offsets, np.concatenate((texts, np.zeros(PADDING, np.uint8))), self._slots, numbers, unknown)
        if found:
            firsts: Any = int64_array(unknown[:found, 0].copy())
            places = database.places(cast(Any, addresses.take(firsts)).to_pylist())
            _settle(
                self._slots, numbers, unknown[:found], np.array([self._number(place) for place in places], np.int32)
            )
        return self._columns(numbers)

    def _number(self, place: Place) -> int:
        number = self._numbers.setdefault(place, len(self._places))
        if number == len(self._places):
            self._places.append(place)
        return number

    def _columns(self, numbers: npt.NDArray[np.int32]) -> dict[str, Column]:
        # A block has few of all places.
        lines_of_place = np.bincount(numbers, minlength=1)
        lines_of_place[0] += 1  # so that a block without lines has one
        used = np.flatnonzero(lines_of_place)
        countries, asns, networks = zip(*(self._places[number] for number in used.tolist()), strict=True)
        class_of_place = np.zeros(len(self._places), np.int32)
        class_of_place[used] = np.arange(len(used))
        lines = LineClasses(numbers, class_of_place)
        asn: Column = pa.nulls(len(numbers), pa.int64())
        if any(asns):
            of_class = np.array([-1 if number is None else number for number in asns], np.int64)
            found = of_class.take(class_of_place.take(numbers))
            asn = nullable_array(pa.int64(), found, found >= 0)
        return {
            "country": lines.texts(countries),
            "asn": asn,
            "network": lines.texts(networks),
        }


@compiled
def _find(
    offsets: npt.NDArray[np.int32],
    texts: npt.NDArray[np.uint8],
    slots: npt.NDArray[np.uint64],
    numbers: npt.NDArray[np.int32],
    unknown: npt.NDArray[np.int64],
) -> Number:
    """Give each line the number of its address's place; for an unknown one -1 and, less that, its index in `unknown`.

    `unknown` takes the first line of each such address and its slot. Where the slots for a hash are taken, an address
    takes that of another one, which is looked up again when it comes back.
    """
    begin_of_texts = address_of(texts)
    mask = uint64(slots.shape[0] - _WAYS - 1)
    found = int64(0)
    last = numbers.size
    for line in range(last):
        prefetch(begin_of_texts + int64(offsets[min(line + _LINES_AHEAD, last)]))
        begin = int64(offsets[line])
        length = int64(offsets[line + 1]) - begin
        if length == 0:
            numbers[line] = 0
            continue
        hashed = uint64(hash_text(begin_of_texts + begin, length)) | uint64(1)
        slot = (hashed >> uint64(8)) & mask
        end = slot + uint64(_WAYS)
        while slot < end and slots[slot, 0] != hashed and slots[slot, 0] != uint64(0):
            slot += uint64(1)
        if slot == end:
            slot -= uint64(1) + (hashed >> uint64(1)) % uint64(_WAYS)
        if slots[slot, 0] != hashed:
            slots[slot, 0] = hashed
            slots[slot, 1] = uint64(-1 - found)
            unknown[found, 0] = line
            unknown[found, 1] = int64(slot)
            found += 1
        numbers[line] = int64(slots[slot, 1])
    return found


@compiled
def _settle(
    slots: npt.NDArray[np.uint64],
    numbers: npt.NDArray[np.int32],
    unknown: npt.NDArray[np.int64],
    looked_up: npt.NDArray[np.int32],
) -> None:
    """Put the numbers of the places that were looked up where `_find` has left their index."""
    for line in range(numbers.size):
        if numbers[line] < 0:
            numbers[line] = looked_up[-1 - numbers[line]]
    for index in range(looked_up.size):
        slot = unknown[index, 1]
        if int64(slots[slot, 1]) == -1 - index:
            slots[slot, 1] = uint64(looked_up[index])
