"""Heartbeats: messages without data whose attribute says when `stream_supervisor` published them.

Each becomes a row of `stream_heartbeats`, never a line, after the lines that were pulled with it: how long it took to
land is how far the stream is behind, whether or not there are lines. A redelivered one has a second row.

A message with data is lines whatever its attributes say, so that no publisher can lose lines by mistake.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pyarrow as pa

HEARTBEAT_ATTRIBUTE = "logline_heartbeat"
"""Attribute of a heartbeat: when it was published, an ISO 8601 time with its zone."""

_COLUMNS: dict[str, pa.DataType] = {
    **dict.fromkeys(("published_at", "landed_at"), pa.timestamp("us", tz="UTC")),
    "job_id": pa.string(),
}
HEARTBEATS_SCHEMA = pa.schema(_COLUMNS)
"""The columns of `stream_heartbeats`, in their order."""


def heartbeat_of(data: bytes, attributes: Mapping[str, str] | None) -> datetime | None:
    """Return when a message was published as a heartbeat; None for any other message, which is lines."""
    if data or not attributes:
        return None
    try:
        return datetime.fromisoformat(attributes[HEARTBEAT_ATTRIBUTE]).astimezone(UTC)
    except (KeyError, ValueError, OverflowError):
        return None


def rows_of(heartbeats: Sequence[datetime], job_id: str) -> pa.RecordBatch:
    """Make the rows of heartbeats that land now."""
    landed = {"landed_at": datetime.now(UTC), "job_id": job_id}
    return pa.RecordBatch.from_pylist([{"published_at": at, **landed} for at in heartbeats], HEARTBEATS_SCHEMA)
