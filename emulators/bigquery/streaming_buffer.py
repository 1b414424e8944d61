"""Which tables took streamed rows lately, for the BigQuery emulator.

BigQuery keeps such rows in a store of their own before they become part of the table. bqemulator 1.4.0 has none: it
writes them into the table at once. What the service refuses meanwhile is in `sql/changes.py`.
"""

import threading
from datetime import datetime, timedelta
from enum import StrEnum

import duckdb
from bqemulator.catalog.models import TableMeta
from bqemulator.storage.engine import CATALOG_SCHEMA

#: The documentation says 30 minutes for statements and up to 90 for copies; users have met both.
RECENTLY = timedelta(hours=1)
_TABLE = f'"{CATALOG_SCHEMA}".streamed_tables'
_GRAIN = timedelta(seconds=1)


class StreamingApi(StrEnum):
    """How rows were streamed."""

    STORAGE_WRITE = "Storage Write API"
    INSERT_ALL = "tabledata.insertAll"


class StreamingBuffer:
    """When each table last took streamed rows; a restart does not forget it.

    Args:
        connection: One of its own, to DuckDB.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        columns = "project_id VARCHAR, dataset_id VARCHAR, table_id VARCHAR, api VARCHAR, streamed_at TIMESTAMPTZ"
        connection.execute(f"CREATE TABLE IF NOT EXISTS {_TABLE} ({columns})")
        self._last: dict[tuple[str, ...], datetime] = {
            tuple(key): at for *key, at in connection.execute(f"FROM {_TABLE}").fetchall()
        }

    def note(self, table: TableMeta, api: StreamingApi, now: datetime) -> None:
        """Keep that a table takes rows, before it does: a kill in between errs to the safe side."""
        key = _key(table, api)
        with self._lock:
            last = self._last.get(key)
            if last is not None and last >= table.creation_time and timedelta() <= now - last < _GRAIN:
                return
            self._connection.execute("BEGIN TRANSACTION")
            where = "(project_id, dataset_id, table_id, api) = (?, ?, ?, ?)"
            self._connection.execute(f"DELETE FROM {_TABLE} WHERE {where}", [*key])
            self._connection.execute(f"INSERT INTO {_TABLE} VALUES (?, ?, ?, ?, ?)", [*key, now])
            self._connection.execute("COMMIT")
            self._last[key] = now

    def holds(self, table: TableMeta, api: StreamingApi, now: datetime) -> bool:
        """Tell whether a table has rows that were streamed recently, not to one of its name before it."""
        last = self._last.get(_key(table, api))
        return last is not None and now - last < RECENTLY and last >= table.creation_time


def _key(table: TableMeta, api: StreamingApi) -> tuple[str, ...]:
    return table.project_id, table.dataset_id, table.table_id, api.value
