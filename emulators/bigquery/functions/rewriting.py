"""Statements whose functions and operators mean what they mean in GoogleSQL."""

from __future__ import annotations

from collections import defaultdict

from bqemulator.storage.engine import DuckDBEngine
from sqlglot import expressions as exp

from emulators.bigquery.functions import arrays, casts, logic, pivots
from emulators.bigquery.functions.json import calls as json
from emulators.bigquery.functions.macros import Call, shows_bytes
from emulators.bigquery.functions.nested import compute_once, macros, once
from emulators.bigquery.functions.numbers import calls as numbers
from emulators.bigquery.functions.texts import byte_strings, formats, network, patterns, strings
from emulators.bigquery.functions.times import calls as times
from emulators.bigquery.parsing import own_statements, statements

_AREAS = (*(pivots, arrays, byte_strings, casts, formats, json, logic, network, times, numbers, patterns, strings),)


def _by_kind() -> dict[type[exp.Expr] | str, list[Call]]:
    """Return the calls for a kind of node: of several areas that look at one, the first that changes it does."""
    calls = defaultdict(list)
    for area in _AREAS:
        for kind, call in area.CALLS.items():
            calls[kind].append(call)
    return dict(calls)


_CALLS = _by_kind()


def rewrite(sql: str) -> str:
    """Return a statement of BigQuery with calls of the macros in place of what DuckDB would compute otherwise."""
    nodes = [node for statement in statements(sql) for node in statement.walk()]
    if not any(_kind(node) in _CALLS for node in nodes) or any(map(_is_system_table, nodes)):
        return sql
    script = own_statements(sql)
    for statement in script:
        shows_bytes(statement)  # before casts and functions of bytes are replaced
    changed = [_change(node) for statement in script for node in reversed(list(statement.walk()))]
    if not any(changed):
        return sql
    for statement in script:
        for call in statement.find_all(exp.Anonymous):
            compute_once(call)
    return ";\n".join(statement.sql(dialect="bigquery") for statement in script)


def create_macros(engine: DuckDBEngine) -> None:
    """Create the macros, and the functions in Python that they call."""
    for area in _AREAS:
        for name, function, options in area.FUNCTIONS:
            engine.connection.create_function(name, function, **options)
    for text in (*macros(), once()):
        engine.execute(text)


def _is_system_table(node: exp.Expr) -> bool:
    """Tell whether these are rows that bqemulator writes: SQLGlot would write them again without their names."""
    return isinstance(node, exp.Values) and node.find_ancestor(exp.From, exp.Join) is not None


def _kind(node: exp.Expr) -> type[exp.Expr] | str:
    return node.name.upper() if isinstance(node, exp.Anonymous) else type(node)


def _change(node: exp.Expr) -> bool:
    whole = node.parent if isinstance(node.parent, exp.SafeFunc) or isinstance(node, exp.Pivot) else None
    for call in _CALLS.get(_kind(node), ()):
        made = call(node, isinstance(whole, exp.SafeFunc))
        if made is not None:
            (whole or node).replace(made)
            return True
    return False
