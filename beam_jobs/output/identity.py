"""Identity columns: which line of which source a row or rejected line is, who parsed it, and when."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from beam_jobs.access_log import PLAIN_ROWS_SCHEMA
from beam_jobs.access_log import REJECTED_SCHEMA as PARSED_REJECTED_SCHEMA
from beam_jobs.access_log.arrow.arrays import int64_array, number_values
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

    def owners(self, batch: pa.RecordBatch) -> npt.NDArray[np.int64]:
        """Return for each row of a batch the number of its object."""
        return np.searchsorted(self.starts, number_values(batch.column("source_offset"), np.int64), "right") - 1


def identified_in_objects(batch: pa.RecordBatch, schema: pa.Schema, origins: LineOrigins, run: RunInfo) -> pa.Table:
    """Add the identity columns of lines of stored objects to a batch, for Parquet.

    Columns of few values are dictionary encoded, which Parquet then writes once; the batch's own columns stay as they
    are.
    """
    columns: dict[str, Any] = {name: batch.column(name) for name in batch.schema.names}
    owners = origins.owners(batch)
    offsets = number_values(columns["source_offset"], np.int64) - origins.starts[owners]
    columns["source_offset"] = int64_array(offsets)
    columns["source_uri"] = _encoded(owners, [stored.uri for stored in origins.objects])
    columns["reading"] = _encoded(
        owners, [reading_id(stored.uri, stored.generation, run) for stored in origins.objects]
    )
    hashes = _encoded(owners, [object_hash(stored) for stored in origins.objects])
    columns["event_id"] = _event_ids(hashes.cast(pa.string()), columns["source_offset"])
    constants = {"source": BACKFILL, "parser_version": run.parser_version, "ingested_at": run.started}
    for name, value in constants.items():
        columns[name] = _repeated(value, schema.field(name).type, batch.num_rows)
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


def _event_ids(prefixes: Any, offsets: Any) -> Any:
    """Write `{prefix}:{offset of 15 digits}` for each offset."""
    compute: Any = pc
    padded = compute.ascii_lpad(offsets.cast(pa.string()), OFFSET_DIGITS, "0")
    return compute.binary_join_element_wise(prefixes, padded, ":")


def _encoded(owners: npt.NDArray[np.int64], values: Sequence[str] | Sequence[int]) -> Any:
    """Make a dictionary-encoded column of the value of each row's object."""
    return pa.DictionaryArray.from_arrays(owners.astype(np.int32), pa.array(values))


def _repeated(value: Any, data_type: Any, count: int) -> Any:
    """Make a dictionary-encoded column of one value."""
    return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), count), pa.array([value], data_type))
