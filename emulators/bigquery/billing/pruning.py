"""Conditions on a partitioning column as conditions on the first and the last value of a partition.

As on the service only constants prune: what a subquery answers, or a function of the column that does not keep its
order, leaves all partitions.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sqlglot import expressions as exp

from emulators.bigquery.billing.reads import PARTITION

FIRST, LAST = "_first", "_last"
#: Functions that keep the order of what they are given.
_MONOTONE = (exp.Date, exp.TsOrDsToDate, exp.DateTrunc, exp.TimestampTrunc, exp.DatetimeTrunc, exp.Cast)
_Comparison = Callable[[exp.Expr, exp.Expr, exp.Expr], exp.Expr]
#: Whether a partition, whose values are between the first and the second, may have a row; the third is the constant.
_COMPARISONS: dict[type[exp.Expr], _Comparison] = {
    exp.EQ: lambda first, last, value: exp.and_(exp.LTE(this=first, expression=value), last >= value.copy()),
    exp.LT: lambda first, _, value: exp.LT(this=first, expression=value),
    exp.LTE: lambda first, _, value: exp.LTE(this=first, expression=value),
    exp.GT: lambda _, last, value: exp.GT(this=last, expression=value),
    exp.GTE: lambda _, last, value: exp.GTE(this=last, expression=value),
}
_MIRRORED: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.EQ: exp.EQ,
    exp.LT: exp.GT,
    exp.LTE: exp.GTE,
    exp.GT: exp.LT,
    exp.GTE: exp.LTE,
}


def of_bounds(limit: exp.Expr) -> exp.Expr | None:
    """Return the condition on `FIRST` and `LAST` that all partitions with rows within a limit meet; None for any."""
    if isinstance(limit, exp.Paren):
        return of_bounds(limit.this)
    if isinstance(limit, exp.And | exp.Or):
        left, right = of_bounds(limit.left), of_bounds(limit.right)
        if isinstance(limit, exp.Or):
            return exp.or_(left, right) if left and right else None
        return exp.and_(left, right) if left and right else left or right
    if isinstance(limit, exp.Between):
        low = exp.GTE(this=limit.this, expression=limit.args["low"])
        return of_bounds(exp.and_(low, exp.LTE(this=limit.this.copy(), expression=limit.args["high"]), copy=False))
    if isinstance(limit, exp.In):
        return _of_values(limit)
    if not isinstance(limit, exp.Binary) or type(limit) not in _COMPARISONS:
        return None
    kind: type[exp.Expr] = type(limit)
    column, value = limit.left, limit.right
    if not _is_monotone(column):
        column, value, kind = value, column, _MIRRORED[kind]
    if not _is_monotone(column) or not _is_constant(value):
        return None
    return _COMPARISONS[kind](_at(FIRST, column), _at(LAST, column), value.copy())


def is_exact(limit: exp.Expr) -> bool:
    """Tell whether a limit holds for all rows of the partitions that it leaves, where each has one value."""
    return of_bounds(limit) is not None and limit.find(exp.Or) is None


def _of_values(limit: exp.In) -> exp.Expr | None:
    column, array = limit.this, limit.args.get("unnest")
    if not _is_monotone(column) or limit.args.get("query") is not None:
        return None
    if array is None:
        values = limit.expressions
        if not all(map(_is_constant, values)):
            return None
        return exp.or_(*(_COMPARISONS[exp.EQ](_at(FIRST, column), _at(LAST, column), value.copy()) for value in values))
    (of_values,) = array.expressions
    if not _is_constant(of_values):
        return None
    one = exp.column("one")
    within = _COMPARISONS[exp.EQ](_at(FIRST, column), _at(LAST, column), one)
    found = exp.select("1").from_(exp.Subquery(this=exp.select(exp.alias_(exp.Explode(this=of_values.copy()), "one"))))
    return exp.Exists(this=found.where(within))


def _is_monotone(node: exp.Expr) -> bool:
    while isinstance(node, exp.Paren) or (isinstance(node, _MONOTONE) and _is_plain(node)):
        node = node.this
    return isinstance(node, exp.Column) and node.name == PARTITION


def _is_plain(function: exp.Expr) -> bool:
    """Tell whether a function has no further argument that is more than a unit or a type."""
    return not any(function.args.get(name) for name in ("zone", "expressions", "format", "action"))


def _is_constant(node: exp.Expr) -> bool:
    return not any(
        isinstance(found, exp.Query | exp.Placeholder) or (isinstance(found, exp.Column) and found.name == PARTITION)
        for found in node.walk()
    )


def _at(bound: str, column: exp.Expr) -> exp.Expr:
    return column.transform(
        lambda node: exp.column(bound) if isinstance(node, exp.Column) and node.name == PARTITION else node
    )


def bound_sql(condition: exp.Expr, values: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """Return DuckDB's SQL of a condition on bounds with its parameters; None where it names what has no value.

    Args:
        condition: The condition.
        values: Those of parameters and of a script's variables, by their names in lower case.
    """
    used: dict[str, Any] = {}
    for node in list(condition.find_all(exp.Column, exp.Parameter)):
        names = [part.name.lower() for part in node.parts] if isinstance(node, exp.Column) else [node.name.lower()]
        if names[0] in (FIRST, LAST, "one"):
            continue
        if names[0] not in values:
            return None
        value = values[names[0]]
        for name in names[1:]:
            value = value.get(name) if isinstance(value, Mapping) else None
        key = "_".join(names)
        used[key] = value
        node.replace(exp.Parameter(this=exp.Var(this=key)))
    return condition.sql(dialect="duckdb"), used
