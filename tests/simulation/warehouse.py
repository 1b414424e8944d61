"""BigQuery in the simulated world: the default streams of the stream's tables, at least once."""

from __future__ import annotations

from collections import Counter
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
    """

    def __init__(self) -> None:
        self.rows: Counter[str] = Counter()
        self.rejected: Counter[str] = Counter()
        self.batches: list[dict[str, Any]] = []

    def append(self, table: str, batch: pa.RecordBatch) -> types.AppendRowsResponse:
        """Append all rows, or none if one of them is refused."""
        if table == "streamed_requests":
            paths = batch.column("path").to_pylist()
            refused = [index for index, path in enumerate(paths) if path == REFUSED_PATH]
            if refused:
                errors = [types.RowError(index=index, message="refused by the test") for index in refused]
                return types.AppendRowsResponse(row_errors=errors)
            self.rows.update(batch.column("event_id").to_pylist())
        elif table == "rejected_streamed":
            self.rejected.update(batch.column("event_id").to_pylist())
        elif table == "stream_batches":
            self.batches += batch.to_pylist()
        return types.AppendRowsResponse()


class SimulatedConnection:
    """What the stream's process has of it; in place of `beam_jobs.gcp.append_connection.AppendConnection`."""

    def __init__(self, process: Process, tables: SimulatedTables, calls: Calls) -> None:
        self._process, self._tables, self._calls = process, tables, calls

    def send(self, stream: str, schema: bytes, data: bytes) -> types.AppendRowsResponse:
        """See `AppendConnection.send`."""
        table = stream.split("/")[5]
        batch = pa.ipc.read_record_batch(pa.py_buffer(data), pa.ipc.read_schema(pa.py_buffer(schema)))
        return self._calls.make(self._process, f"append to {table}", lambda: self._tables.append(table, batch))
