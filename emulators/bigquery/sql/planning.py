"""Statements that are planned and not run, for dry runs of the BigQuery emulator."""

from typing import Any

import duckdb
import pyarrow as pa
from bqemulator.storage.engine import DuckDBEngine

from emulators.bigquery.sql.transactions import locked_engine


class PlanningEngine(DuckDBEngine):
    """An engine that plans statements, and runs none.

    Args:
        engine: The engine that would run them.
        is_query: Whether they have a result.
    """

    def __init__(self, engine: DuckDBEngine, *, is_query: bool) -> None:
        self.locked_engine = locked_engine(engine)
        self._is_query = is_query

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The engine's connection."""
        return self.locked_engine.connection

    def fetch_arrow(self, sql: str, parameters: list[Any] | None = None) -> pa.Table:
        """Return the columns of a statement's result."""
        if self._is_query:
            return super().fetch_arrow(f"SELECT * FROM ({sql}) LIMIT 0", parameters)
        self.connection.execute(f"EXPLAIN {sql}", parameters)
        return pa.table({})
