r"""Parse Pub/Sub messages into Arrow batches, with the identity of each line.

The bytes of a message are one line, with or without its end (`\n` or `\r\n`). A message that holds more line ends is
several lines. An empty message is one blank line.

A line's `event_id` is the message's attribute `event_id`, or its Pub/Sub message id if that is missing or empty. In a
message of several lines the n-th line, counted from 1 with blank ones, has `<id>:<n>`, so that a redelivered message
gives the same ids.

Heartbeats are set apart before anything is parsed or counted: see `heartbeats.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from beam_jobs.access_log import PARSER_VERSION, BlockParser
from beam_jobs.access_log.privacy.anonymiser import Anonymiser
from beam_jobs.output.identity import EVENT_ID_ATTRIBUTE, REJECTED_SCHEMA, ROWS_SCHEMA, STREAM, identified
from beam_jobs.sequences import bisect, chunks_of
from beam_jobs.stream.heartbeats import heartbeat_of

# The Storage Write API's list of Arrow types has `binary`, but none of a fixed size.
STREAMED_SCHEMA = pa.schema(
    [pa.field(f.name, pa.binary()) if pa.types.is_fixed_size_binary(f.type) else f for f in ROWS_SCHEMA]
)
"""The columns of `streamed_requests`, in their order."""

CHUNK_MESSAGES = 10_000
CHUNK_BYTES = 4 << 20
"""Rows take about twice the bytes of their lines: what would not be one request is serialised again for each half."""
PARSER_FAILED = "parser_failed"
"""`error_type` of a line at which the parser itself failed; beside the reasons of `access_log.RejectReason`."""
WRITE_REFUSED = "write_refused"
"""`error_type` of a line that was parsed, but whose row BigQuery refused."""
DATE_NOT_STREAMABLE = "date_not_streamable"
"""`error_type` of a line of a day whose partition takes no appends."""
DAYS_BACK, DAYS_AHEAD = 3650, 366
"""BigQuery takes appends for partitions from 10 years back to 1 year ahead of today, and load jobs for any:
https://docs.cloud.google.com/bigquery/docs/write-api-streaming#time_partitioning."""

Offsets = npt.NDArray[np.int64]
_UNIX_EPOCH = date(1970, 1, 1).toordinal()


class Message(NamedTuple):
    """One Pub/Sub message; `event_id` is its attribute of that name, `publish_time` 0 where unknown."""

    data: bytes
    message_id: str
    event_id: str = ""
    publish_time: float = 0.0
    heartbeat: datetime | None = None


def message_of(published: Any) -> Message:
    """Make one of a PubsubMessage of protobuf's own, without proto-plus, which takes ten times as long."""
    # Each look at a field makes an object, which costs as much as a line costs the parser.
    data, attributes, time = published.data, published.attributes, published.publish_time
    return Message(
        data,
        published.message_id,
        attributes.get(EVENT_ID_ATTRIBUTE, ""),
        time.seconds + time.nanos / 1e9,
        heartbeat_of(data, attributes),
    )


@dataclass(frozen=True, slots=True)
class StreamCounts:
    """Counts of some messages and their lines, which add up over messages; `lines == rows + rejected + blank`.

    The `refused` lines, whose rows BigQuery refused, are among the rejected ones; `bytes` are of the messages' data.
    """

    messages: int = 0
    lines: int = 0
    rows: int = 0
    rejected: int = 0
    refused: int = 0
    blank: int = 0
    bytes: int = 0

    def __add__(self, other: StreamCounts) -> StreamCounts:
        return StreamCounts(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


@dataclass(frozen=True)
class ParsedMessages:
    """Parsed messages, ready to be appended.

    Attributes:
        rows: in `STREAMED_SCHEMA`.
        rejected: in `identity.REJECTED_SCHEMA`.
        counts: of the messages, nothing refused yet.
        oldest_publish_time: seconds since the epoch; 0 where unknown.
        source_uri: of all rows and rejected lines.
        ingested_at: of all rows and rejected lines, UTC.
        block: the lines, each with its end.
        row_offsets: where in the block each row's line begins.
        heartbeats: when each of those among the messages was published; nothing else here is of them.
    """

    rows: pa.RecordBatch
    rejected: pa.RecordBatch
    counts: StreamCounts
    oldest_publish_time: float
    source_uri: str
    ingested_at: datetime
    block: bytes
    row_offsets: Offsets
    heartbeats: Sequence[datetime] = ()

    @property
    def oldest_event_time(self) -> float | None:
        """Return the earliest time in the rows, seconds since the epoch; None without rows."""
        oldest = pc.min(self.rows.column("timestamp")).as_py()
        return None if oldest is None else float(oldest.timestamp())

    def refuse(self, refusals: Sequence[tuple[int, str]], anonymiser: Anonymiser | None = None) -> pa.RecordBatch:
        """Turn rows that BigQuery refused, each by its index and why, into rejected lines."""
        lines = []
        for index, why in refusals:
            line = _line_at(self.block, int(self.row_offsets[index]))
            lines.append((line if anonymiser is None else anonymiser.line(line), WRITE_REFUSED, why))
        taken = pa.array([index for index, _ in refusals], pa.int64())
        ids = self.rows.column("event_id").take(taken)
        return _rejected_batch(lines, _identity(self.source_uri, self.ingested_at) | {"event_id": ids})


def chunks_of_messages(messages: Iterable[Message]) -> Iterator[list[Message]]:
    """Cut messages into chunks that are parsed and appended at once."""
    return chunks_of(messages, lambda message: len(message.data), most_bytes=CHUNK_BYTES, most_items=CHUNK_MESSAGES)


def parse_messages(
    messages: Sequence[Message], parser: BlockParser, source_uri: str, ingested_at: datetime
) -> ParsedMessages:
    """Parse messages, at most `access_log.MAX_BLOCK_BYTES` of data together, and identify each line by its message."""
    heartbeats = [m.heartbeat for m in messages if m.heartbeat]
    if heartbeats:
        messages = [m for m in messages if not m.heartbeat]
    block = b"".join([m.data if m.data.endswith(b"\n") else m.data + b"\n" for m in messages])
    parsed = parser.parse(block)
    row_offsets = _offsets(parsed.rows)
    identity = _identity(source_uri, ingested_at)
    row_ids, rejected_ids = _event_ids(messages, block, row_offsets, _offsets(parsed.rejected))
    rows = identified(parsed.rows, STREAMED_SCHEMA, identity | {"event_id": row_ids})
    rejected = identified(parsed.rejected, REJECTED_SCHEMA, identity | {"event_id": rejected_ids})
    streamable = _streamable(rows, ingested_at.date())
    if not streamable.all():
        beyond = pa.array(~streamable)
        lines = [
            (parser.kept_line(_line_at(block, int(row_offsets[index]))), DATE_NOT_STREAMABLE, _why_not(day))
            for index, day in zip(np.flatnonzero(~streamable), rows.column("log_date").filter(beyond), strict=True)
        ]
        too_far = _rejected_batch(lines, identity | {"event_id": row_ids.filter(beyond)})
        rejected = pa.concat_batches([rejected, too_far])  # type: ignore[attr-defined]
        rows, row_offsets = rows.filter(pa.array(streamable)), row_offsets[streamable]
    counts = StreamCounts(
        messages=len(messages),
        lines=parsed.lines,
        rows=rows.num_rows,
        rejected=rejected.num_rows,
        blank=parsed.blank,
        bytes=sum(len(m.data) for m in messages),
    )
    return ParsedMessages(
        rows=rows,
        rejected=rejected,
        counts=counts,
        oldest_publish_time=min((m.publish_time for m in messages if m.publish_time), default=0.0),
        source_uri=source_uri,
        ingested_at=ingested_at,
        block=block,
        row_offsets=row_offsets,
        heartbeats=heartbeats,
    )


def parse_each(
    messages: Sequence[Message], parser: BlockParser, source_uri: str, ingested_at: datetime
) -> Iterator[ParsedMessages]:
    """Parse messages; one at which the parser itself fails is rejected alone, in a batch of its own."""
    return bisect(
        messages,
        lambda some: parse_messages(some, parser, source_uri, ingested_at),
        Exception,  # an unforeseen failure must not block the stream
        lambda message, error: _failed(message, parser, error, source_uri, ingested_at),
    )


def _event_ids(messages: Sequence[Message], block: bytes, *offsets: Offsets) -> list[Any]:
    """Return the event ids of lines, by where in the block they begin."""
    lengths = np.array([len(m.data) + (not m.data.endswith(b"\n")) for m in messages], np.int64)
    starts = np.cumsum(lengths) - lengths
    ids = pa.array([m.event_id or m.message_id for m in messages], pa.string())
    owners = [np.searchsorted(starts, some, "right") - 1 for some in offsets]
    of_messages = [ids.take(pa.array(some, pa.int64())) for some in owners]
    if block.count(b"\n") == len(messages):
        return of_messages
    line_starts = np.concatenate(([0], np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n")) + 1))
    first_lines = np.searchsorted(line_starts, starts)
    has_several = np.diff(first_lines, append=len(line_starts) - 1) > 1
    return [
        _numbered(of_message, np.searchsorted(line_starts, some) - first_lines[owner] + 1, has_several[owner])
        for of_message, some, owner in zip(of_messages, offsets, owners, strict=True)
    ]


def _numbered(ids: Any, numbers: Offsets, is_numbered: npt.NDArray[np.bool_]) -> Any:
    join: Any = pc.binary_join_element_wise
    return pc.if_else(pa.array(is_numbered), join(ids, pa.array(numbers).cast(pa.string()), ":"), ids)


def _line_at(block: bytes, start: int) -> bytes:
    return block[start : block.index(b"\n", start)].removesuffix(b"\r")


def _streamable(rows: pa.RecordBatch, today: date) -> npt.NDArray[np.bool_]:
    """Tell which rows are of days whose partitions take appends."""
    days = rows.column("log_date").cast(pa.int32()).to_numpy(zero_copy_only=False)
    first, last = ((today + timedelta(days)).toordinal() - _UNIX_EPOCH for days in (-DAYS_BACK, DAYS_AHEAD))
    within: npt.NDArray[np.bool_] = (days >= first) & (days <= last)
    return within


def _why_not(day: Any) -> str:
    return (
        f"{day} is more than 10 years back or 1 year ahead, for which BigQuery takes no streamed rows: "
        "dead_letter_replay lands it"
    )


def _offsets(batch: pa.RecordBatch) -> Offsets:
    offsets: Offsets = batch.column("source_offset").to_numpy(zero_copy_only=False).astype(np.int64)
    return offsets


def _identity(source_uri: str, ingested_at: datetime) -> dict[str, Any]:
    return {
        "source": STREAM,
        "source_uri": source_uri,
        "source_offset": None,
        "parser_version": PARSER_VERSION,
        "ingested_at": ingested_at,
    }


def _rejected_batch(lines: Sequence[tuple[bytes, str, str]], identity: dict[str, Any]) -> pa.RecordBatch:
    columns = [list(column) for column in zip(*lines, strict=True)]
    batch = pa.RecordBatch.from_arrays(
        [pa.array(columns[0], pa.binary()), pa.array(columns[1], pa.string()), pa.array(columns[2], pa.string())],
        names=["raw_line", "error_type", "error_message"],
    )
    return identified(batch, REJECTED_SCHEMA, identity)


def _failed(
    message: Message, parser: BlockParser, error: Exception, source_uri: str, ingested_at: datetime
) -> ParsedMessages:
    """Reject all lines of a message at which the parser failed."""
    why = f"the parser failed: {type(error).__name__}: {error}".partition("\n")[0]
    lines = [
        (parser.kept_line(line.removesuffix(b"\r")[: parser.max_line_bytes]), PARSER_FAILED, why)
        for line in message.data.removesuffix(b"\n").split(b"\n")
    ]
    count = len(lines)
    event_id = message.event_id or message.message_id
    ids = [event_id] if count == 1 else [f"{event_id}:{number}" for number in range(1, count + 1)]
    return ParsedMessages(
        rows=pa.RecordBatch.from_pylist([], STREAMED_SCHEMA),
        rejected=_rejected_batch(lines, _identity(source_uri, ingested_at) | {"event_id": pa.array(ids, pa.string())}),
        counts=StreamCounts(messages=1, lines=count, rejected=count, bytes=len(message.data)),
        oldest_publish_time=message.publish_time,
        source_uri=source_uri,
        ingested_at=ingested_at,
        block=b"",
        row_offsets=np.array([], np.int64),
    )
