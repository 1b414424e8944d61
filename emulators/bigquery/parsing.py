"""Texts parsed once and statements translated once, for the BigQuery emulator.

bqemulator 1.4.0 asks SQLGlot for the tree of a statement at some thirty of its steps, which took more than half of the
time of a query. Most steps only look at the tree and share one here; those that change it get a copy, for a third of
what parsing costs. A statement that was translated before, for the same columns and caller, is not translated again.
"""

import copy
import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from inspect import iscoroutinefunction
from threading import Lock
from typing import Any

import sqlglot
from bqemulator.catalog import ddl_sync
from bqemulator.catalog.duckdb_repository import DuckDBCatalogRepository
from bqemulator.domain.result import Err, Ok, Result
from bqemulator.jobs import ddl_result, executor
from bqemulator.row_access.identity import CallerIdentity
from bqemulator.scripting import interpreter
from bqemulator.scripting.parser import parse_script
from bqemulator.sql import inner_query
from bqemulator.sql.table_rewriter import rewrite_table_refs
from bqemulator.sql.translator import SQLTranslator
from cachetools import LRUCache
from sqlglot import expressions as exp
from sqlglot.dialects.bigquery import BigQuery
from sqlglot.dialects.dialect import Dialect
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.expressions import core

#: Characters of the longest text of which something is kept.
LONGEST_KEPT = 150_000
# Characters of all such texts, which bound its memory: of a tree each takes some 40 bytes, 500 at most.
_OF_TREES = 1_500_000  # the forms that the statements of a long script have on their way
_OF_TRANSLATIONS = 2_000_000
#: The steps that only look at trees, by the modules that call them.
_READERS = {
    ddl_result: ("_parse_statement",),
    ddl_sync: (
        *("_detect_catalog_drop", "_detect_create_schema", "_detect_plain_create_table", "_detect_plain_create_view"),
        "_extract_ddl_metadata",
    ),
    executor: (
        "_capture_dml_snapshots",
        "_parse_for_classification",
        "_reject_dml_on_immutable",
        "detect_drop_routine",
    ),
    inner_query: ("build_catalog_schema",),
    interpreter: ("_is_row_producing",),
}

_PLAIN = frozenset((str, int, bool, type(None)))

_reading: ContextVar[bool] = ContextVar("reading", default=False)
_parsing: ContextVar[bool] = ContextVar("parsing", default=False)
_parse = Dialect.parse
_translate = SQLTranslator.translate
_Columns = tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


class _RefusedError(Exception):
    """A statement that cannot be translated: of exceptions nothing is kept."""

    def __init__(self, result: Err[Any]) -> None:
        self.result = result


class _Newest:
    """A function of a text that keeps its newest results, of so many characters of text, unless the text is long."""

    def __init__(self, characters: int, function: Callable[..., Any]) -> None:
        self._function = function
        self._lock = Lock()
        self.kept: LRUCache[tuple[Any, ...], tuple[int, Any]] = LRUCache(characters, getsizeof=operator.itemgetter(0))

    def __call__(self, sql: str, *others: Any) -> Any:
        key = (sql, *others)
        with self._lock:
            found = self.kept.get(key)
        if found is None:
            found = len(sql), self._function(sql, *others)
            if len(sql) <= LONGEST_KEPT:
                with self._lock:
                    self.kept[key] = found
        return found[1]


def statements(sql: str) -> list[exp.Expr]:
    """Return the statements of a script, not to be changed; none where it cannot be parsed."""
    try:
        return [statement for statement in _trees(sql, BigQuery) if statement]
    except sqlglot.errors.SqlglotError:
        return []  # whoever translates it says why


def own_statements(sql: str) -> list[exp.Expr]:
    """Return the statements of a script, to be changed; none where it cannot be parsed."""
    return [statement.copy() for statement in statements(sql)]


def table_path(table: exp.Table, project: str) -> tuple[str, str, str] | None:
    """Return project, dataset and name of a table; None where it names no dataset.

    Args:
        table: As a statement names it, with or without backquotes around the whole.
        project: The project of tables that name none.
    """
    parts = [name for part in table.parts for name in part.name.split(".")]
    return (".".join(parts[:-2]) or project, parts[-2], parts[-1]) if len(parts) > 1 else None


def before_each_statement(check: Callable[[str, str, DuckDBCatalogRepository], None]) -> None:
    """Let a function look at each statement before bqemulator runs it: its text, the project and the catalog."""
    begin = vars(inner_query)["expand_information_schema"]

    def checked(sql: str, project_id: str, catalog: DuckDBCatalogRepository) -> str:
        check(sql, project_id, catalog)
        return str(begin(sql, project_id, catalog))

    vars(inner_query)["expand_information_schema"] = checked


def has_not_null(column: exp.ColumnDef) -> bool:
    """Tell whether a column is declared NOT NULL; replaces bqemulator's own function.

    That asks for `kind`, which SQLGlot 30.11.0 declares too narrowly: compiled, it fails where a column has OPTIONS.
    """
    constraints: list[exp.Expr] = column.args.get("constraints") or []
    return any(isinstance(constraint.args.get("kind"), exp.NotNullColumnConstraint) for constraint in constraints)


def copied(value: Any, memo: dict[int, Any] | None = None) -> Any:
    """Copy a tree, or what a node has beside its parts; replaces `copy.deepcopy` for SQLGlot.

    Nodes have comments and positions, lists and dictionaries of plain values, for which that took a quarter of the time
    of a query. The parser copies each subquery of a FROM, with all that it is made of, for nothing but its name.
    """
    if type(value) is exp.Subquery and _parsing.get():
        alias = value.args.get("alias")
        return exp.Subquery(alias=alias and alias.copy())
    if isinstance(value, exp.Expr):
        return value.__deepcopy__(memo)
    values = value.values() if type(value) is dict else value if type(value) is list else None
    if values is None or not _PLAIN.issuperset(map(type, values)):
        return copy.deepcopy(value, memo)
    return value.copy()


def parse(dialect: Dialect, sql: str, **options: Any) -> list[exp.Expr | None]:
    """Return the statements of a text, to be changed unless a reader asks; replaces SQLGlot's own method.

    Of DuckDB's SQL no tree is kept: two steps parse one each, and what they make of it is kept.
    """
    if type(dialect) is DuckDB or dialect.settings or any(value is not None for value in options.values()):
        return _parsed(sql, dialect, **options)
    trees: list[exp.Expr | None] = _trees(sql, type(dialect))
    return trees if _reading.get() else [statement and statement.copy() for statement in trees]


@contextmanager
def _known(fact: ContextVar[bool]) -> Iterator[None]:
    """Let `copied` and `parse` know meanwhile what is done."""
    before = fact.set(True)
    try:
        yield
    finally:
        fact.reset(before)


def _parsed(sql: str, dialect: Dialect, **options: Any) -> list[exp.Expr | None]:
    with _known(_parsing):
        return list(_parse(dialect, sql, **options))


_trees = _Newest(_OF_TREES, lambda sql, dialect: _parsed(sql, dialect()))


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
        return Ok(_translations(sql, columns, caller))
    except _RefusedError as refused:
        return refused.result


def _translated(sql: str, columns: _Columns, caller: CallerIdentity | None) -> str:
    schema = {table: dict(types) for table, types in columns}
    result = _translate(executor._translator, sql, schema=schema or None, caller=caller)
    if isinstance(result, Err):
        raise _RefusedError(result)
    return str(result.value)


_translations = _Newest(_OF_TRANSLATIONS, _translated)


def _reader(step: Callable[..., Any]) -> Callable[..., Any]:
    """Return a step that shares the trees it asks for."""

    async def run(*arguments: Any, **options: Any) -> Any:
        with _known(_reading):
            return await step(*arguments, **options)

    return run if iscoroutinefunction(step) else _known(_reading)(step)


def patch() -> None:
    """Put these in the place of SQLGlot's and bqemulator's."""
    setattr(Dialect, "parse", parse)  # noqa: B010 - no assignment, for mypy
    # Compiled, SQLGlot 30.11.0 parses 21 templates, which it only looks at, for each generator of DuckDB's SQL.
    setattr(Dialect, "generator", _reader(Dialect.generator))  # noqa: B010
    vars(core)["deepcopy"] = copied
    setattr(SQLTranslator, "translate", translate)  # noqa: B010
    vars(ddl_result)["_has_not_null_constraint"] = has_not_null
    for module, names in _READERS.items():
        for name in names:
            vars(module)[name] = _reader(vars(module)[name])
    # Scripts have parts that nobody can change.
    kept = {function.__name__: _Newest(_OF_TRANSLATIONS, function) for function in (rewrite_table_refs, parse_script)}
    for module in (executor, interpreter):
        vars(module).update(kept)
