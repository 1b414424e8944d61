"""Texts parsed once and statements translated once, for the BigQuery emulator.

bqemulator 1.4.0 asks SQLGlot for the tree of a statement at some thirty of its steps, which took more than half of the
time of a query. Most steps only look at the tree and share one here; those that change it get a copy, for a third of
what parsing costs. A statement that was translated before, for the same columns and caller, is not translated again.
"""

from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import sqlglot
from bqemulator.catalog import ddl_sync
from bqemulator.domain.result import Err, Ok, Result
from bqemulator.jobs import ddl_result, executor, routine_ddl
from bqemulator.row_access.identity import CallerIdentity
from bqemulator.scripting import interpreter
from bqemulator.sql import catalog_schema
from bqemulator.sql.table_rewriter import rewrite_table_refs
from bqemulator.sql.translator import SQLTranslator
from sqlglot import expressions as exp
from sqlglot.dialects.bigquery import BigQuery
from sqlglot.dialects.dialect import Dialect

_TREES = 32  # the few forms that each of the newest statements has on its way
_LONGEST = 10_000  # of the texts whose trees are kept, which take up to 500 bytes for each character
_TRANSLATIONS = 1_000
_READERS = (catalog_schema, ddl_result, ddl_sync, routine_ddl)  # of these modules no step changes a tree

_parse = Dialect.parse
_translate = SQLTranslator.translate
_Columns = tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


class _RefusedError(Exception):
    """A statement that is not translated, which is said anew each time."""

    def __init__(self, result: Err[Any]) -> None:
        self.result = result


def statements(sql: str) -> list[exp.Expr]:
    """Return the statements of a script, not to be changed; none where it cannot be parsed."""
    try:
        return [statement for statement in _shared(BigQuery(), sql) if statement]
    except sqlglot.errors.SqlglotError:
        return []  # whoever translates it says why


def own_statements(sql: str) -> list[exp.Expr]:
    """Return the statements of a script, to be changed; none where it cannot be parsed."""
    return [statement.copy() for statement in statements(sql)]


def parse_one(sql: str, read: str) -> exp.Expr:
    """Return the first statement of a text, not to be changed.

    Raises:
        ParseError: It has none, or cannot be parsed.
    """
    first = next(iter(_shared(Dialect.get_or_raise(read), sql)), None)
    if first is None:
        raise sqlglot.ParseError(f"No expression was parsed from '{sql}'")
    return first


def parse(dialect: Dialect, sql: str, **options: Any) -> list[exp.Expr | None]:
    """Return the statements of a text, to be changed; replaces SQLGlot's own method."""
    if dialect.settings or any(value is not None for value in options.values()):
        return list(_parse(dialect, sql, **options))
    return [statement and statement.copy() for statement in _shared(dialect, sql)]


def _shared(dialect: Dialect, sql: str) -> list[exp.Expr | None]:
    return _kept(type(dialect), sql) if len(sql) <= _LONGEST else list(_parse(dialect, sql))


@lru_cache(_TREES)
def _kept(dialect: type[Dialect], sql: str) -> list[exp.Expr | None]:
    return list(_parse(dialect(), sql))


def translate(
    translator: SQLTranslator,
    sql: str,
    *,
    schema: dict[str, dict[str, str]] | None = None,
    caller: CallerIdentity | None = None,
) -> Result[str, Any]:
    """Return DuckDB's SQL of a statement; replaces bqemulator's own method."""
    columns = tuple((table, tuple(types.items())) for table, types in (schema or {}).items())
    try:
        return Ok(_translation(sql, columns, caller))
    except _RefusedError as refused:
        return refused.result


@lru_cache(_TRANSLATIONS)
def _translation(sql: str, columns: _Columns, caller: CallerIdentity | None) -> str:
    schema = {table: dict(types) for table, types in columns}
    result = _translate(_TRANSLATOR, sql, schema=schema or None, caller=caller)
    if isinstance(result, Err):
        raise _RefusedError(result)
    return str(result.value)


_TRANSLATOR = SQLTranslator()


def patch() -> None:
    """Put these in the place of SQLGlot's and bqemulator's."""
    setattr(Dialect, "parse", parse)  # noqa: B010 - no assignment, for mypy
    setattr(SQLTranslator, "translate", translate)  # noqa: B010
    for module in _READERS:
        vars(module)["sqlglot"] = SimpleNamespace(**{**vars(sqlglot), "parse_one": parse_one})
    vars(executor)["_parse_for_classification"] = lambda sql: next(iter(statements(sql)), None)
    for module in (executor, interpreter):
        vars(module)["rewrite_table_refs"] = lru_cache(_TRANSLATIONS)(rewrite_table_refs)
