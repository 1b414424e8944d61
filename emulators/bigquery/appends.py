"""Appends of the Storage Write API that do not disturb queries, for the BigQuery emulator.

bqemulator 1.4.0 has one DuckDB connection. REST requests use it from the event loop, appends from other threads: a
query then fails with "closed pending query result" when an append comes between its execution and its result, and an
append becomes part of whatever transaction a script has open, to be undone by its ROLLBACK. Here appends have a
connection of their own. They do not update the catalog's `numRows`, which leaves out fresh rows on the service too.
The streaming buffer is told of every table that takes rows, also by `tabledata.insertAll`.

As on the service, an append takes rows of partitions from 10 years back to 1 year ahead of today, and no others:
https://docs.cloud.google.com/bigquery/docs/write-api-streaming#time_partitioning. One with a column that the table
lacks is refused; bqemulator drops the column. More connections than a project's quota are refused.
"""

from collections.abc import Iterator
from datetime import timedelta
from threading import Lock
from typing import cast

import grpc
from bqemulator.api.dependencies import AppContext
from bqemulator.grpc_api import write_servicer
from bqemulator.grpc_api.write_servicer import BigQueryWriteHandler, _align_to_target, _error_response
from bqemulator.storage.sql_identifiers import quoted_table_ref
from bqemulator.streaming.write_stream import WriteStream, WriteStreamManager
from pyarrow import Schema, Table, compute, date32

from emulators.bigquery.billing.column_sizes import KEPT
from emulators.bigquery.engine import LockedEngine
from emulators.bigquery.storage_permissions import permitted, refusal_of_append
from emulators.bigquery.streaming_buffer import StreamingApi
from emulators.guard.iam import Access

_ROWS = "appended_rows"
_DAYS_BACK, _DAYS_AHEAD = 3650, 366
#: Of a project in a single region: https://cloud.google.com/bigquery/quotas#write-api-limits
MOST_CONNECTIONS = 5000


class ConcurrentAppends(BigQueryWriteHandler):
    """The Storage Write API; replaces bqemulator's own handler.

    Attributes:
        most_connections: How many calls of AppendRows may be open at once.
        access: Tells who calls.
    """

    most_connections = MOST_CONNECTIONS
    access = Access()

    def __init__(self, context: AppContext, manager: WriteStreamManager | None = None) -> None:
        super().__init__(context, manager)
        self._connection = context.engine.connection.cursor()
        self._open_calls = 0
        self._counting = Lock()

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """Return the handler of a call."""
        return permitted(super().service(handler_call_details), handler_call_details, self.access)

    def _ensure_stream_bound(
        self, stream_name: str, bound_ctx: tuple[WriteStream, Schema] | None, context: grpc.ServicerContext
    ) -> tuple[WriteStream, Schema] | None:
        if bound_ctx is None or stream_name not in ("", bound_ctx[0].name):
            refused = refusal_of_append(self.access.caller_of_metadata(context.invocation_metadata()), stream_name)
            if refused:
                context.abort(grpc.StatusCode.PERMISSION_DENIED, refused)
        return super()._ensure_stream_bound(stream_name, bound_ctx, context)

    def _handle_append_rows(self, request_iterator: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        with self._counting:
            refused = self._open_calls >= self.most_connections
            self._open_calls += not refused
        if refused:
            words = f"Quota exceeded: Exceeds 'Concurrent connections' quota of {self.most_connections} per project"
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, words)
        try:
            yield from super()._handle_append_rows(request_iterator, context)
        finally:
            with self._counting:
                self._open_calls -= 1

    def _perform_append(
        self, bound_stream: WriteStream, rows_table: Table, offset: int | None, max_buffered_rows: int
    ) -> bytes:
        if refusal := self._refusal_of_dates(bound_stream, rows_table):
            return _error_response(bound_stream.name, refusal)
        return super()._perform_append(bound_stream, rows_table, offset, max_buffered_rows)

    def _refusal_of_dates(self, stream: WriteStream, rows: Table) -> str:
        table = self._ctx.catalog.get_table(stream.project_id, stream.dataset_id, stream.table_id)
        by = table.time_partitioning if table else None
        if by is None or by.field is None or by.field not in rows.column_names:
            return ""
        days = rows.column(by.field).cast(date32())
        if days.null_count == len(days):
            return ""
        earliest, latest = compute.min(days).as_py(), compute.max(days).as_py()
        today = self._ctx.clock.now().date()
        first, last = today - timedelta(_DAYS_BACK), today + timedelta(_DAYS_AHEAD)
        far = next((day for day in (earliest, latest) if not first <= day <= last), None)
        return f"You can only stream to date range from {first} to {last}: {by.field} is {far}" if far else ""

    def _flush_to_target(self, stream: WriteStream, rows: Table) -> None:
        note_streamed(self._ctx, stream.project_id, stream.dataset_id, stream.table_id, StreamingApi.STORAGE_WRITE)
        target = quoted_table_ref(stream.project_id, stream.dataset_id, stream.table_id)
        with self._write_lock:
            self._connection.register(_ROWS, rows)
            try:
                self._connection.execute(f"INSERT INTO {target} SELECT * FROM {_ROWS}")
            finally:
                self._connection.unregister(_ROWS)
                KEPT.forget(target)


def note_streamed(ctx: AppContext, project_id: str, dataset_id: str, table_id: str, api: StreamingApi) -> None:
    """Tell the streaming buffer of rows for a table, where there is one."""
    table = ctx.catalog.get_table(project_id, dataset_id, table_id)
    if table is not None:
        cast("LockedEngine", ctx.engine).streaming_buffer.note(table, api, ctx.clock.now())


def align_to_target(rows: Table, target: Schema) -> Table:
    """Return rows in the columns of the table.

    Raises:
        ValueError: They have a column more.
    """
    known = {name.lower(): name for name in target.names}
    if extra := [name for name in rows.column_names if name.lower() not in known]:
        raise ValueError(f"Input schema has more fields than BigQuery schema, extra fields: '{', '.join(extra)}'")
    return _align_to_target(rows.rename_columns([known[name.lower()] for name in rows.column_names]), target)


def patch() -> None:
    """Put the alignment in the place of bqemulator's."""
    vars(write_servicer)["_align_to_target"] = align_to_target
