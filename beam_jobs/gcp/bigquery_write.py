"""Append Arrow batches to BigQuery by the Storage Write API's default stream: at least once.

An append is all or nothing. When BigQuery refuses one because of its rows, the rows that it names are left out, or the
batch is halved, until the refused rows stand alone and all others are written. Any other failure is retried, and so is
an append of which BigQuery takes not one row after it has refused others: that is the table's fault, not the rows'.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
from google.api_core import exceptions

from beam_jobs.gcp.append_connection import AppendConnection
from beam_jobs.gcp.retry import CALLERS_FAULT, RetryPolicy, first_line
from beam_jobs.sequences import bisect

MAX_REQUEST_BYTES = 9_000_000
"""Most Arrow data in one request; the service takes 10 MB, everything included."""

MOST_REFUSED_IN_A_ROW = 10
"""Rows that may be refused one after another as their own fault, without one that is written."""


class _RowTooLargeError(exceptions.InvalidArgument):
    """A row that fits into no request."""


class TableAppender:
    """Appends to `project.dataset.table`; not thread-safe, but several may share a connection."""

    def __init__(self, connection: AppendConnection, table: str, policy: RetryPolicy) -> None:
        self.table = table
        self.appends = 0
        self.retries = 0
        self._policy = policy
        self._refused_in_a_row = 0
        self._connection = connection
        self._stream = default_stream(table)

    def append(self, batch: pa.RecordBatch) -> list[tuple[int, str]]:
        """Write a batch durably.

        An append whose answer was lost is repeated: its rows may then be in the table twice.

        Returns:
            The rows that BigQuery refused, by index, and why; all others are written.

        Raises:
            RetriesExhaustedError: the retry policy gives up; some of the rows may be written.
        """
        if not batch.num_rows:
            return []
        return self._policy.call(f"appending to {self.table}", lambda: self._append_all(batch), self._retried)

    def _append_all(self, batch: pa.RecordBatch) -> list[tuple[int, str]]:
        refusals = self._append(batch, range(batch.num_rows))
        if len(refusals) < batch.num_rows:
            self._refused_in_a_row = 0
        elif self._refused_in_a_row > MOST_REFUSED_IN_A_ROW:
            raise exceptions.FailedPrecondition(f"BigQuery takes not one row any more: {refusals[0][1]}")
        return refusals

    def _append(self, batch: pa.RecordBatch, rows: Sequence[int]) -> list[tuple[int, str]]:
        def alone(row: int, error: Exception) -> list[tuple[int, str]]:
            self._refused_in_a_row += not isinstance(error, _RowTooLargeError)
            return [(row, first_line(error))]

        parts = bisect(rows, lambda some: self._append_once(batch, some), CALLERS_FAULT, alone)
        return [refusal for part in parts for refusal in part]

    def _append_once(self, batch: pa.RecordBatch, rows: Sequence[int]) -> list[tuple[int, str]]:
        part = batch.slice(rows.start, len(rows)) if isinstance(rows, range) else batch.take(pa.array(rows))
        data = part.serialize().to_pybytes()
        if len(data) > MAX_REQUEST_BYTES:
            raise _RowTooLargeError(f"the row has {len(data)} bytes, BigQuery takes {MAX_REQUEST_BYTES}")
        schema = batch.schema.serialize().to_pybytes()
        response = self._policy.call(
            f"appending to {self.table}", lambda: self._connection.send(self._stream, schema, data), self._retried
        )
        self.appends += 1
        bad = {rows[int(error.index)]: error.message for error in response.row_errors}
        self._refused_in_a_row += len(bad)
        good = [row for row in rows if row not in bad]
        return sorted(bad.items()) + (self._append(batch, good) if bad and good else [])

    def _retried(self) -> None:
        self.retries += 1


def default_stream(table: str) -> str:
    """Name the default stream of `project.dataset.table`."""
    project, dataset, name = table.rsplit(".", 2)
    return f"projects/{project}/datasets/{dataset}/tables/{name}/streams/_default"
