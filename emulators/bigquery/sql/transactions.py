"""Multi-statement transactions that are transactions, for the BigQuery emulator.

bqemulator 1.4.0 runs the statements between `BEGIN TRANSACTION` and `COMMIT TRANSACTION` one by one on its only DuckDB
connection, each durable at once. To roll back it keeps a copy of every table the script changes, and puts it back: over
whatever others have written meanwhile, and not at all when the process was killed. Here a transaction has a connection
of its own and is one of DuckDB's, which are isolated from each other and either there as a whole after a kill or not at
all. Statements of other jobs run in between. Two that change the same table conflict: see `changes.py`.

An error within a transaction ends it. On the service a handler (`EXCEPTION WHEN ERROR`) could still commit what came
before the error; here it can only roll back.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import duckdb
from bqemulator.api.dependencies import AppContext
from bqemulator.catalog.models import TableMeta
from bqemulator.domain.errors import InvalidQueryError
from bqemulator.row_access.identity import CallerIdentity
from bqemulator.scripting.ast import Statement
from bqemulator.scripting.interpreter import ScriptInterpreter, ScriptResult
from bqemulator.storage.engine import DuckDBEngine
from bqemulator.storage.sql_identifiers import quoted_table_ref

from emulators.bigquery.billing.column_sizes import KEPT, changed_table
from emulators.bigquery.engine import LockedEngine
from emulators.bigquery.table_changes import OpenTransaction


class TransactionalScripts(ScriptInterpreter):
    """Runs a script; replaces bqemulator's own interpreter."""

    def __init__(self, ctx: AppContext, project_id: str, *, caller: CallerIdentity | None = None) -> None:
        self._transaction = ScriptTransaction(ctx.engine)
        super().__init__(dataclasses.replace(ctx, engine=self._transaction), project_id, caller=caller)

    async def run(self, source: str) -> ScriptResult:
        """Run the script; a transaction that is open at its end is rolled back, as on the service."""
        try:
            return await super().run(source)
        finally:
            self._transaction.end("ROLLBACK")

    async def _exec_statement(self, stmt: Statement) -> None:
        if self._transaction.open is not None:
            await asyncio.sleep(0)  # bqemulator runs a script in one go otherwise
        await super()._exec_statement(stmt)

    async def _handle_txn_statement(self, op: str) -> None:
        if op == "BEGIN":
            self._transaction.begin()
        else:
            self._transaction.end(op)


class ScriptTransaction(DuckDBEngine):
    """The engine of one script: DuckDB's main connection, or that of the script's transaction while it has one.

    Attributes:
        open: The transaction while the script has one.
    """

    def __init__(self, engine: DuckDBEngine) -> None:
        self.locked_engine = locked_engine(engine)
        self.open: OpenTransaction | None = None
        self._own: duckdb.DuckDBPyConnection | None = None
        self._changed: set[str] = set()

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """The transaction's connection, else the main one."""
        return self._own or self.locked_engine.connection

    @asynccontextmanager
    async def write_lock(self) -> AsyncIterator[None]:
        """Return the main connection's lock."""
        async with self.locked_engine.write_lock():
            yield

    def execute(self, sql: str, parameters: list[Any] | None = None) -> duckdb.DuckDBPyConnection:
        """Run a statement.

        Raises:
            InvalidQueryError: Another transaction has changed the same rows.
        """
        try:
            return super().execute(sql, parameters)
        except duckdb.TransactionException as error:
            raise _aborted(error) from error
        finally:
            if (table := changed_table(sql)) is not None:
                self._changed.add(table)
                if self._own is None:
                    self._publish()

    def has_changed(self, table: TableMeta) -> bool:
        """Tell whether the transaction has changed a table, which nobody else sees yet."""
        reference = quoted_table_ref(table.project_id, table.dataset_id, table.table_id)
        return not self._changed.isdisjoint({reference, ""})

    def begin(self) -> None:
        """Begin a transaction where none is open."""
        if self._own is None:
            self._own = self.locked_engine.connection.cursor()
            self._own.execute("BEGIN TRANSACTION")
            self.open = self.locked_engine.changes.begin()

    def end(self, how: str) -> None:
        """COMMIT or ROLLBACK the transaction where one is open.

        Raises:
            InvalidQueryError: It cannot be committed; nothing of it is there.
        """
        if self._own is None or self.open is None:
            return
        connection, self._own = self._own, None
        transaction, self.open = self.open, None
        committed = False
        try:
            connection.execute(how)
            committed = how == "COMMIT"
        except duckdb.TransactionException as error:
            raise _aborted(error) from error
        finally:
            self.locked_engine.changes.end(transaction, committed=committed)
            connection.close()
            self._publish()

    def _publish(self) -> None:
        """Let the changed tables be counted again."""
        for table in self._changed:
            KEPT.forget(table)
        self._changed.clear()


def locked_engine(engine: DuckDBEngine) -> LockedEngine:
    """Return the emulator's own engine, also of a script's."""
    return cast("LockedEngine", getattr(engine, "locked_engine", engine))


def _aborted(error: duckdb.TransactionException) -> InvalidQueryError:
    # The words of https://cloud.google.com/bigquery/docs/transactions, "Transaction concurrency".
    return InvalidQueryError(f"Transaction is aborted due to concurrent update: {error}", location="query")
