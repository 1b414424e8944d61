"""Google's reference implementation, of what needs no table."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

from tests.sql.reference.evaluator import Database
from tests.sql.reference.values import name_of

_DATABASE = Database({})


class Value(NamedTuple):
    """A value: the name of its type, and what it is in Python."""

    type: str
    value: Any


class Rows(NamedTuple):
    """What a query gives: names and types of its columns, and values of its rows."""

    columns: list[tuple[str, str]]
    rows: list[tuple[Any, ...]]


def evaluate(expression: str) -> Value:
    """Return what an expression is.

    Raises:
        NotEvaluatedError: It has no value.
    """
    ((_, kind),), ((value,),) = query(f"SELECT {expression}")
    return Value(kind, value)


def query(sql: str) -> Rows:
    """Return what a query gives.

    Raises:
        NotEvaluatedError: It is refused, or fails.
    """
    table = _DATABASE.query(sql)
    unnamed = itertools.count()
    columns = [(column.name or f"f{next(unnamed)}_", name_of(column.type)) for column in table.columns]
    return Rows(columns, list(table.rows))
