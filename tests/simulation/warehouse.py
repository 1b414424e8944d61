"""BigQuery in the simulated world: the default streams of the stream's tables, at least once."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime
from typing import Any

import pyarrow as pa
from google.cloud.bigquery_storage_v1 import types

from tests.simulation.calls import Calls
from tests.simulation.scheduler import Process

REFUSED_PATH = "/refused"
"""BigQuery refuses the rows of this path."""


class SimulatedTables:
    """What has been appended, by table.

    Attributes:
        rows: How often each event is in `streamed_requests`.
        rejected: How often each event is in `rejected_streamed`.
        batches: The rows of `stream_batches`.
        heartbeats: How often each of them, by the time that it says, is in `stream_heartbeats`.
        copies: Day, time of the batch and event of each row and, without a day, of each rejected line.
    """

    def __init__(self) -> None:
        self.rows: Counter[str] = Counter()
        self.rejected: Counter[str] = Counter()
        self.batches: list[dict[str, Any]] = []
        self.heartbeats: Counter[datetime] = Counter()
        self.copies: list[tuple[date | None, datetime, str]] = []

    def append(self, table: str, batch: pa.RecordBatch) -> types.AppendRowsResponse:
        """Append all rows, or none if one of them is refused."""
        if table == "streamed_requests":
            paths = batch.column("path").to_pylist()
            refused = [index for index, path in enumerate(paths) if path == REFUSED_PATH]
            if refused:
                errors = [types.RowError(index=index, message="refused by the test") for index in refused]
                return types.AppendRowsResponse(row_errors=errors)
            self._land(self.rows, batch, batch.column("log_date").to_pylist())
        elif table == "rejected_streamed":
            self._land(self.rejected, batch, [None] * batch.num_rows)
        elif table == "stream_batches":
            self.batches += batch.to_pylist()
        elif table == "stream_heartbeats":
            self.heartbeats.update(batch.column("published_at").to_pylist())
        return types.AppendRowsResponse()

    def _land(self, landed: Counter[str], batch: pa.RecordBatch, days: list[date | None]) -> None:
        events = batch.column("event_id").to_pylist()
        landed.update(events)
        self.copies += zip(days, batch.column("ingested_at").to_pylist(), events, strict=True)


class SimulatedConnection:
    """What the stream's process has of it; in place of `beam_jobs.gcp.append_connection.AppendConnection`."""

    def __init__(self, process: Process, tables: SimulatedTables, calls: Calls) -> None:
        self._process, self._tables, self._calls = process, tables, calls

    def send(self, stream: str, schema: bytes, data: bytes) -> types.AppendRowsResponse:
        """See `AppendConnection.send`."""
        table = stream.split("/")[5]
        batch = pa.ipc.read_record_batch(pa.py_buffer(data), pa.ipc.read_schema(pa.py_buffer(schema)))
        return self._calls.make(self._process, f"append to {table}", lambda: self._tables.append(table, batch))
