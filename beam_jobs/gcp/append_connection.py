"""The connection of a process to the Storage Write API, over which it appends to the default streams of all its tables.

A project may have open some thousand connections, so the threads of a process share one. See
https://cloud.google.com/bigquery/docs/write-api-best-practices#connection_pool_management
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import grpc
from google.api_core import exceptions
from google.cloud.bigquery_storage_v1 import BigQueryWriteClient, types

_APPEND_SECONDS = 60.0
_Answer = Future[types.AppendRowsResponse]


class AppendConnection:
    """One AppendRows call, opened by the first request and again after an error; thread-safe."""

    def __init__(self, client: BigQueryWriteClient) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._call: _Call | None = None

    def send(self, stream: str, schema: bytes, data: bytes) -> types.AppendRowsResponse:
        """Send one request and wait for its answer, while other threads send theirs.

        Args:
            stream: a default stream.
            schema: the serialised Arrow schema of the rows.
            data: the serialised record batch.

        Returns:
            The answer. Where it has `row_errors`, these rows are refused and nothing is written.

        Raises:
            GoogleAPICallError: nothing was written, or the outcome is unknown.
        """
        request = types.AppendRowsRequest(write_stream=stream)
        # By protobuf itself: proto-plus copies the rows once for each message they lie in.
        rows: Any = types.AppendRowsRequest.pb(request).arrow_rows
        rows.rows.serialized_record_batch = data
        # Each time: the request before may have been for another table.
        rows.writer_schema.serialized_schema = schema
        with self._lock:
            if self._call is None or self._call.ended_by:
                self._call = _Call(self._client, stream)
            call = self._call
            answer = call.put(request)
        try:
            response = answer.result(_APPEND_SECONDS)
        except TimeoutError:
            call.cancel()
            raise exceptions.DeadlineExceeded(f"BigQuery has not answered within {_APPEND_SECONDS:.0f} s") from None
        if response.error.code and not response.row_errors:
            raise _error_of(response)
        return response

    def close(self) -> None:
        """End the call, if one is open."""
        with self._lock:
            if self._call is not None:
                self._call.cancel()
                self._call = None


class _Call:
    """An AppendRows call, which answers requests in their order.

    Attributes:
        ended_by: why it takes no more requests; None as long as it does.
    """

    def __init__(self, client: BigQueryWriteClient, stream: str) -> None:
        self.ended_by: exceptions.GoogleAPICallError | None = None
        self._lock = threading.Lock()
        self._waiting: deque[_Answer] = deque()
        self._requests: queue.SimpleQueue[types.AppendRowsRequest | None] = queue.SimpleQueue()
        # Not by `client.append_rows`, which returns only when the first answer is there.
        append_rows: Any = client.transport.append_rows
        self._responses: Any = append_rows(
            _until_none(self._requests), metadata=(("x-goog-request-params", f"write_stream={stream}"),)
        )
        threading.Thread(target=self._read, name="append-answers", daemon=True).start()

    def put(self, request: types.AppendRowsRequest) -> _Answer:
        answer: _Answer = Future()
        with self._lock:
            if self.ended_by:
                raise self.ended_by
            self._waiting.append(answer)
            self._requests.put(request)
        return answer

    def cancel(self) -> None:
        self._responses.cancel()

    def _read(self) -> None:
        error: exceptions.GoogleAPICallError = exceptions.ServiceUnavailable("BigQuery closed the connection")
        try:
            for response in self._responses:
                self._waiting.popleft().set_result(response)
        except grpc.RpcError as raised:
            error = exceptions.from_grpc_error(raised)
        finally:
            # What ended the call may be the fault of the first request's rows, but not of those behind it. A call that
            # ends while none waits was refused or closed, which is so for whoever comes next.
            behind = exceptions.Aborted(f"the connection ended: {error.message}")
            with self._lock:
                self.ended_by = behind if self._waiting else error
            self._requests.put(None)
            for number, answer in enumerate(self._waiting):
                answer.set_exception(behind if number else error)


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
