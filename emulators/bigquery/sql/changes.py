"""Statements that change rows beside others who do, or beside a stream, for the BigQuery emulator.

bqemulator 1.4.0 lets everything pass, and DuckDB sees a conflict only where two transactions change the same rows. On
the service

* a transaction of several statements changes no table with recently streamed rows, and nothing changes rows of
  `tabledata.insertAll`; statements of their own change rows of the Storage Write API, but for `TRUNCATE`, and no such
  table gets a new name:
  https://cloud.google.com/bigquery/docs/write-api ("Use ... (DML) with recently streamed data"),
  https://cloud.google.com/bigquery/docs/data-manipulation-language#limitations,
  https://cloud.google.com/bigquery/docs/managing-tables#renaming-table
* a transaction that changes a table is cancelled where another one has changed it since it began, and a statement of
  its own waits for the end of the transaction that has changed its table:
  https://cloud.google.com/bigquery/docs/transactions#transaction_concurrency

`INSERT` changes no rows: it is let through.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from bqemulator.api.dependencies import AppContext
from bqemulator.catalog.models import TableMeta
from bqemulator.domain.errors import InvalidQueryError
from bqemulator.jobs import executor
from bqemulator.scripting import interpreter
from bqemulator.sql.inner_query import rewrite_and_translate_statement
from sqlglot import expressions as exp

from emulators.bigquery.parsing import statements, table_path
from emulators.bigquery.sql.planning import PlanningEngine
from emulators.bigquery.sql.transactions import ScriptTransaction, locked_engine
from emulators.bigquery.streaming_buffer import StreamingApi, StreamingBuffer
from emulators.bigquery.table_changes import TableId

_CHANGES: dict[type[exp.Expr], str] = {
    exp.Update: "UPDATE",
    exp.Delete: "DELETE",
    exp.Merge: "MERGE",
    exp.TruncateTable: "TRUNCATE TABLE",
}
_RENAME = "ALTER TABLE RENAME TO"


def changed_table(sql: str, project: str) -> tuple[str, TableId] | None:
    """Return what a statement does to a table's rows or name, as the service calls it, and the table.

    None where it does neither, or cannot be parsed.
    """
    statement = next(iter(statements(sql)), None)
    if isinstance(statement, exp.Alter) and statement.find(exp.AlterRename):
        kind, target = _RENAME, statement.this
    elif statement is not None and type(statement) in _CHANGES:
        kind = _CHANGES[type(statement)]
        # SQLGlot has the table elsewhere in TRUNCATE, and in DELETE without FROM.
        targets = [statement.this, *(statement.args.get("tables") or ()), *statement.expressions]
        target = next((one for one in targets if isinstance(one, exp.Table)), None)
    else:
        return None
    path = table_path(target, project) if isinstance(target, exp.Table) else None
    return (kind, path) if path else None


def refusal(kind: str, table: TableMeta, buffer: StreamingBuffer, now: datetime, *, in_transaction: bool) -> str | None:
    """Return why a statement may not change a table because of rows that were streamed recently; None where it may."""
    apis = [api for api in StreamingApi if buffer.holds(table, api, now)]
    alone_on_written = not in_transaction and kind in ("UPDATE", "DELETE", "MERGE")
    if not apis or (alone_on_written and apis == [StreamingApi.STORAGE_WRITE]):
        return None
    name = f"{table.project_id}.{table.dataset_id}.{table.table_id}"
    if kind == _RENAME:
        return f"{kind} statement over table {name} is not supported while data is streamed into it"
    # Users report these words of statements; of transactions the documentation only says that they are not supported.
    what = "UPDATE or DELETE" if kind in ("UPDATE", "DELETE") else kind
    return f"{what} statement over table {name} would affect rows in the streaming buffer, which is not supported"


async def admit(sql: str, project: str, ctx: AppContext) -> None:
    """Let a statement change its table, at once or after others.

    Raises:
        InvalidQueryError: It may not.
    """
    found = changed_table(sql, project)
    table = ctx.catalog.get_table(*found[1]) if found else None
    if found is None or table is None:
        return
    kind, name = found
    transaction = ctx.engine.open if isinstance(ctx.engine, ScriptTransaction) else None
    engine = locked_engine(ctx.engine)
    reason = refusal(kind, table, engine.streaming_buffer, ctx.clock.now(), in_transaction=transaction is not None)
    if reason:
        raise InvalidQueryError(reason, location="query")
    if isinstance(ctx.engine, PlanningEngine):
        return  # nothing changes
    if transaction is not None:
        engine.changes.change(name, transaction)
    else:
        await engine.changes.change_alone(name)


async def rewrite_and_translate(bq_sql: str, *, project_id: str, ctx: AppContext, **options: Any) -> str:
    """Return DuckDB's SQL of a statement once it may run; replaces bqemulator's own function."""
    locked_engine(ctx.engine).follow_clock()
    await admit(bq_sql, project_id, ctx)
    return await rewrite_and_translate_statement(bq_sql, project_id=project_id, ctx=ctx, **options)


def patch() -> None:
    """Put the check before each statement that bqemulator runs."""
    for module in (executor, interpreter):
        vars(module)["rewrite_and_translate_statement"] = rewrite_and_translate
