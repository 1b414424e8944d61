"""Append Arrow batches to BigQuery by the Storage Write API's default stream: at least once.

An append is all or nothing. When BigQuery refuses one because of its rows, the rows that it names are left out, or the
batch is halved, until the refused rows stand alone and all others are written. Any other failure is retried, and so is
an append of which BigQuery takes not one row after it has refused others: that is the table's fault, not the rows'.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import grpc
import pyarrow as pa
from google.api_core import exceptions
from google.cloud.bigquery_storage_v1 import BigQueryWriteClient, types

from beam_jobs.gcp.retry import CALLERS_FAULT, RetryPolicy, first_line
from beam_jobs.sequences import bisect

MAX_REQUEST_BYTES = 9_000_000
"""Most Arrow data in one request; the service takes 10 MB, everything included."""

MOST_REFUSED_IN_A_ROW = 10
"""Rows that may be refused one after another as their own fault, without one that is written."""

_APPEND_SECONDS = 60.0


class _RowTooLargeError(exceptions.InvalidArgument):
    """A row that fits into no request."""


class TableAppender:
    """Appends to `project.dataset.table` over one connection, which it opens on demand; not thread-safe."""

    def __init__(self, client: BigQueryWriteClient, table: str, policy: RetryPolicy) -> None:
        self.table = table
        self.appends = 0
        self.retries = 0
        self._policy = policy
        self._refused_in_a_row = 0
        self._connection = _Connection(client, default_stream(table))

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

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

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
            f"appending to {self.table}", lambda: self._connection.send(schema, data), self._retried
        )
        self.appends += 1
        bad = {rows[int(error.index)]: error.message for error in response.row_errors}
        self._refused_in_a_row += len(bad)
        good = [row for row in rows if row not in bad]
        return sorted(bad.items()) + (self._append(batch, good) if bad and good else [])

    def _retried(self) -> None:
        self.retries += 1


class _Connection:
    """One AppendRows stream, opened by the first request and again after an error."""

    def __init__(self, client: BigQueryWriteClient, stream: str) -> None:
        self._client = client
        self._stream = stream
        self._requests: queue.SimpleQueue[types.AppendRowsRequest | None] | None = None
        self._responses: Any = None
        self._schema: bytes | None = None

    def send(self, schema: bytes, data: bytes) -> types.AppendRowsResponse:
        """Send one request and wait for its answer.

        Returns:
            The answer. Where it has `row_errors`, these rows are refused and nothing is written.

        Raises:
            GoogleAPICallError: nothing was written, or the outcome is unknown.
        """
        request = types.AppendRowsRequest(
            write_stream=self._stream,
            arrow_rows=types.AppendRowsRequest.ArrowData(
                rows=types.ArrowRecordBatch(serialized_record_batch=data),
                writer_schema=types.ArrowSchema(serialized_schema=schema) if schema != self._schema else None,
            ),
        )
        try:
            if self._requests is None:
                self._open()
            self._requests.put(request)  # type: ignore[union-attr]
            response = self._next_response()
        except BaseException:
            self.close()
            raise
        # A connection keeps the schema of a request that was written; of a refused one, that is not said.
        self._schema = None if response.error.code else schema
        if response.error.code and not response.row_errors:
            raise _error_of(response)
        return response

    def close(self) -> None:
        """End the stream, if one is open."""
        if self._requests is not None:
            self._requests.put(None)
        if self._responses is not None:
            self._responses.cancel()
        self._requests = self._responses = self._schema = None

    def _open(self) -> None:
        requests: queue.SimpleQueue[types.AppendRowsRequest | None] = queue.SimpleQueue()
        self._requests = requests
        # Not by `client.append_rows`, which returns only when the first answer is there.
        append_rows: Any = self._client.transport.append_rows
        self._responses = append_rows(
            _until_none(requests), metadata=(("x-goog-request-params", f"write_stream={self._stream}"),)
        )

    def _next_response(self) -> types.AppendRowsResponse:
        # The stream as a whole has no deadline, each answer has.
        timer = threading.Timer(_APPEND_SECONDS, self._responses.cancel)
        timer.daemon = True
        timer.start()
        try:
            response: types.AppendRowsResponse = next(self._responses)
        except StopIteration:
            raise exceptions.ServiceUnavailable("BigQuery closed the connection") from None
        except grpc.RpcError as error:
            raise exceptions.from_grpc_error(error) from error
        finally:
            timer.cancel()
        return response


def default_stream(table: str) -> str:
    """Name the default stream of `project.dataset.table`."""
    project, dataset, name = table.rsplit(".", 2)
    return f"projects/{project}/datasets/{dataset}/tables/{name}/streams/_default"


def _until_none(requests: queue.SimpleQueue[types.AppendRowsRequest | None]) -> Iterator[types.AppendRowsRequest]:
    while (request := requests.get()) is not None:
        yield request


def _error_of(response: types.AppendRowsResponse) -> exceptions.GoogleAPICallError:
    """Turn the error in a response into an exception.

    A batch with columns that the table lacks is refused with the rows' code, but a table can be repaired and
    its rows cannot: the error becomes a FAILED_PRECONDITION.
    """
    status = types.AppendRowsResponse.pb(response).error
    for detail in status.details:
        storage_error = types.StorageError.pb(types.StorageError())
        if (
            detail.Unpack(storage_error)
            and storage_error.code == types.StorageError.StorageErrorCode.SCHEMA_MISMATCH_EXTRA_FIELDS
        ):
            return exceptions.FailedPrecondition(status.message)
    error: exceptions.GoogleAPICallError = exceptions.from_grpc_status(status.code, status.message)
    return error
