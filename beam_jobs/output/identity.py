"""Identity columns: which line of which source a row or rejected line is, who parsed it, and when."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from beam_jobs.access_log import PLAIN_ROWS_SCHEMA
from beam_jobs.access_log import REJECTED_SCHEMA as PARSED_REJECTED_SCHEMA
from beam_jobs.access_log.arrow.arrays import buffer, int64_array, number_values
from beam_jobs.access_log.compiled.jit import compiled
from beam_jobs.access_log.memory import room
from beam_jobs.output.manifest import RunInfo
from beam_jobs.storage.objects import StoredObject

BACKFILL, STREAM = "backfill", "stream"
"""Values of the column `source`."""
EVENT_ID_ATTRIBUTE = "event_id"
"""Attribute of a Pub/Sub message with the event id that its publisher gave it."""
OFFSET_DIGITS = 15

_TIMESTAMP = pa.timestamp("us", tz="UTC")

# New columns come last, where existing tables get them.
_ADDED = (
    "forwarded_for",
    *("agent_kind", "agent_name", "agent_operator", "agent_verified"),
    *("country", "asn", "network"),
    *("sequence", "sequence_source", "connection"),
)

ROWS_SCHEMA = pa.schema(
    [field for field in PLAIN_ROWS_SCHEMA if field.name not in ("source_offset", *_ADDED)]
    + [
        pa.field("event_id", pa.string()),
        pa.field("source", pa.string()),
        pa.field("source_uri", pa.string()),
        pa.field("source_offset", pa.int64()),
        pa.field("parser_version", pa.string()),
        pa.field("ingested_at", _TIMESTAMP),
    ]
    + [PLAIN_ROWS_SCHEMA.field(name) for name in _ADDED]
)
"""The columns of `requests`, in their order."""

_ALWAYS_THERE = ("log_date", "timestamp", "event_id", "source")
BACKFILLED_SCHEMA = pa.schema(
    [field.with_nullable(field.name not in _ALWAYS_THERE) for field in ROWS_SCHEMA] + [pa.field("reading", pa.int64())]
)
"""The columns of `backfilled_requests`, in their order.

BigQuery loads no column of a file that may hold NULL into one that is NOT NULL.
"""

REJECTED_SCHEMA = pa.schema(
    [field for field in PARSED_REJECTED_SCHEMA if field.name != "source_offset"]
    + [
        pa.field("source", pa.string()),
        pa.field("source_uri", pa.string()),
        pa.field("source_offset", pa.int64()),
        pa.field("event_id", pa.string()),
        pa.field("parser_version", pa.string()),
        pa.field("ingested_at", _TIMESTAMP),
    ]
)
"""The columns of `rejected_backfilled` and `rejected_streamed`, in their order."""


def identified(batch: pa.RecordBatch, schema: pa.Schema, identity: Mapping[str, Any]) -> pa.RecordBatch:
    """Add identity columns to a batch, all plain and of the schema's types.

    Args:
        batch: parsed rows or rejected lines.
        schema: the columns to return, in their order.
        identity: an array, or the value of all rows, by column; those that the schema lacks are left out.
    """
    columns = {name: batch.column(name) for name in batch.schema.names} | dict(identity)
    arrays = []
    for field in schema:
        column = columns[field.name]
        if isinstance(column, pa.Array):
            # Casting to its own type takes ten microseconds, and a small batch has as many columns as a large one.
            arrays.append(column if column.type == field.type else column.cast(field.type))
        else:
            arrays.append(pa.repeat(pa.scalar(column, field.type), batch.num_rows))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


@dataclass(frozen=True)
class LineOrigins:
    """The objects that the lines of a parsed block are from.

    Attributes:
        objects: the objects.
        starts: where in the block, as its offsets count, the first line of each of them begins.
    """

    objects: Sequence[StoredObject]
    starts: npt.NDArray[np.int64]

    def owners(self, batch: pa.RecordBatch) -> npt.NDArray[np.int32]:
        """Return for each row of a batch the number of its object."""
        if len(self.objects) == 1:
            return np.zeros(batch.num_rows, np.int32)
        offsets = number_values(batch.column("source_offset"), np.int64)
        return (np.searchsorted(self.starts, offsets, "right") - 1).astype(np.int32)


def identified_in_objects(batch: pa.RecordBatch, schema: pa.Schema, origins: LineOrigins, run: RunInfo) -> pa.Table:
    """Add the identity columns of lines of stored objects to a batch, for Parquet.

    Columns of few values are dictionary encoded, which Parquet then writes once; the batch's own columns stay as they
    are.
    """
    columns: dict[str, Any] = {name: batch.column(name) for name in batch.schema.names}
    owners = origins.owners(batch)
    offsets = number_values(columns["source_offset"], np.int64) - origins.starts[owners]
    columns["source_offset"] = int64_array(offsets)
    uris = [stored.uri for stored in origins.objects]
    columns["source_uri"] = _encoded(owners, pa.array(uris))
    readings = [reading_id(stored.uri, stored.generation, run) for stored in origins.objects]
    columns["reading"] = _encoded(owners, pa.array(readings))
    columns["event_id"] = _event_ids([object_hash(stored) for stored in origins.objects], owners, offsets)
    constants = {"source": BACKFILL, "parser_version": run.parser_version, "ingested_at": run.started}
    first = np.zeros(batch.num_rows, np.int32)
    for name, value in constants.items():
        columns[name] = _encoded(first, pa.array([value], schema.field(name).type))
    fields = [field.with_type(columns[field.name].type) for field in schema]
    return pa.table([columns[field.name] for field in fields], schema=pa.schema(fields))


def reading_id(uri: str, generation: int, run: RunInfo) -> int:
    """Return the number of a run's reading of an object, above 0: no two readings have the same one."""
    text = f"{uri}#{generation}\n{run.output}\n{run.started.isoformat(timespec='microseconds')}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1 or 1


def object_hash(*objects: StoredObject) -> str:
    """Hash one generation of each object to 16 hex characters, those of event ids and of file names."""
    return hashlib.sha256("\n".join(f"{stored.uri}#{stored.generation}" for stored in objects).encode()).hexdigest()[
        :16
    ]


def _event_ids(prefixes: Sequence[str], owners: npt.NDArray[np.int32], offsets: npt.NDArray[np.int64]) -> Any:
    """Write `{prefix}:{offset of 15 digits}` for each line."""
    beginnings = np.array([f"{prefix}:".encode() for prefix in prefixes])
    width = beginnings.itemsize + OFFSET_DIGITS
    written, ends = room(np.uint8, len(offsets), width), room(np.int32, len(offsets) + 1)
    _write_event_ids(beginnings.view(np.uint8).reshape(len(prefixes), -1), owners, offsets, written, ends)
    return pa.Array.from_buffers(pa.string(), len(offsets), [None, buffer(ends), buffer(written)])


@compiled
def _write_event_ids(
    beginnings: npt.NDArray[np.uint8],
    owners: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    written: npt.NDArray[np.uint8],
    ends: npt.NDArray[np.int32],
) -> None:
    beginning = beginnings.shape[1]
    ends[0] = 0
    for line in range(offsets.size):
        owner = owners[line]
        for place in range(beginning):
            written[line, place] = beginnings[owner, place]
        offset = np.uint64(offsets[line])
        # Three digits a division: each has to wait for the one before.
        for place in range(written.shape[1] - 3, beginning - 1, -3):
            above = offset // np.uint64(1000)
            digits = np.uint32(offset - above * np.uint64(1000))
            written[line, place] = 48 + digits // np.uint32(100)
            written[line, place + 1] = 48 + digits // np.uint32(10) % np.uint32(10)
            written[line, place + 2] = 48 + digits % np.uint32(10)
            offset = above
        ends[line + 1] = (line + 1) * written.shape[1]


def _encoded(numbers: npt.NDArray[np.int32], values: Any) -> Any:
    """Make a dictionary-encoded column of values, given the number of each row's."""
    indices: Any = pa.Array.from_buffers(pa.int32(), len(numbers), [None, buffer(numbers)])
    return pa.DictionaryArray.from_arrays(indices, values, safe=False)
