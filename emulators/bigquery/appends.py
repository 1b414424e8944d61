"""Appends of the Storage Write API that do not disturb queries, for the BigQuery emulator.

bqemulator 1.4.0 has one DuckDB connection. REST requests use it from the event loop, appends from other threads: a
query then fails with "closed pending query result" when an append comes between its execution and its result, and an
append becomes part of whatever transaction a script has open, to be undone by its ROLLBACK. Here appends have a
connection of their own. They do not update the catalog's `numRows`, which leaves out fresh rows on the service too.
"""

from bqemulator.api.dependencies import AppContext
from bqemulator.grpc_api.write_servicer import BigQueryWriteHandler
from bqemulator.storage.sql_identifiers import quoted_table_ref
from bqemulator.streaming.write_stream import WriteStream, WriteStreamManager
from pyarrow import Table

_ROWS = "appended_rows"


class ConcurrentAppends(BigQueryWriteHandler):
    """The Storage Write API; replaces bqemulator's own handler."""

    def __init__(self, context: AppContext, manager: WriteStreamManager | None = None) -> None:
        super().__init__(context, manager)
        self._connection = context.engine.connection.cursor()

    def _flush_to_target(self, stream: WriteStream, rows: Table) -> None:
        target = quoted_table_ref(stream.project_id, stream.dataset_id, stream.table_id)
        with self._write_lock:
            self._connection.register(_ROWS, rows)
            try:
                self._connection.execute(f"INSERT INTO {target} SELECT * FROM {_ROWS}")
            finally:
                self._connection.unregister(_ROWS)
