"""Entries of a batch in `stream_batches`, of which the stream's ledger is made.

They are appended after the lines of the batch and before its messages are acknowledged. So a line whose entry is
missing is delivered again, and every entry has its lines.
"""

from __future__ import annotations

import uuid

import pyarrow as pa
import pyarrow.compute as pc

from beam_jobs.access_log import PARSER_VERSION
from beam_jobs.stream.messages import ParsedMessages, StreamCounts

_COLUMNS: dict[str, pa.DataType] = {
    "batch_id": pa.string(),
    "job_id": pa.string(),
    "source_uri": pa.string(),
    "log_date": pa.date32(),
    **dict.fromkeys(("messages", "lines", "rows", "rejected", "blank", "bytes"), pa.int64()),
    "parser_version": pa.string(),
    "ingested_at": pa.timestamp("us", tz="UTC"),
}
BATCHES_SCHEMA = pa.schema(_COLUMNS)
"""The columns of `stream_batches`, in their order."""


def entries_of(parsed: ParsedMessages, counts: StreamCounts, refused: list[int], job_id: str) -> pa.RecordBatch:
    """Make the entries of one batch: one for each day of its rows, and one without a day for everything else."""
    days = parsed.rows.column("log_date")
    if refused:
        written = [index for index in range(len(days)) if index not in set(refused)]
        days = days.take(pa.array(written, pa.int64()))
    of_day = pc.value_counts(days)
    batch = {
        "batch_id": uuid.uuid4().hex,
        "job_id": job_id,
        "source_uri": parsed.source_uri,
        "parser_version": PARSER_VERSION,
        "ingested_at": parsed.ingested_at,
    }
    nothing = dict.fromkeys(("messages", "lines", "rows", "rejected", "blank", "bytes"), 0)
    rest = {
        "log_date": None,
        "messages": counts.messages,
        "lines": counts.lines - counts.rows,
        "rejected": counts.rejected,
        "blank": counts.blank,
        "bytes": counts.bytes,
    }
    entries = [batch | nothing | rest]
    for day in of_day:
        count = day["counts"].as_py()
        entries.append(batch | nothing | {"log_date": day["values"].as_py(), "lines": count, "rows": count})
    return pa.RecordBatch.from_pylist(entries, BATCHES_SCHEMA)
