"""PIVOT and UNPIVOT: names and order of their columns."""

from __future__ import annotations

import itertools

from sqlglot import expressions as exp

from emulators.bigquery.functions.macros import Calls, Functions

FUNCTIONS: Functions = ()


def _pivot(node: exp.Expr, _is_safe: bool) -> exp.Expr | None:
    """Return the table with its pivot as a query whose columns have BigQuery's names, in its order."""
    table = node.parent
    if table is None or len(table.args.get("pivots") or []) != 1 or isinstance(node.args.get("this"), exp.Expr):
        return None
    star = _unpivoted(node) if node.args.get("unpivot") else _pivoted(node)
    if star is None:
        return None
    inner = table.copy()
    alias = inner.args["pivots"][0].args.pop("alias", None)
    return exp.Subquery(this=exp.Select(expressions=star).from_(inner), alias=alias)


def _pivoted(node: exp.Expr) -> list[exp.Expr] | None:
    """Rename the columns: DuckDB has the value before the name of the aggregate, BigQuery behind it."""
    if len(node.args["fields"]) != 1:
        return None
    values, aggregates = node.args["fields"][0].expressions, node.expressions
    renamed = []
    for value, aggregate in itertools.product(values, aggregates):
        name = value.alias_or_name
        if aggregate.alias:
            before, after = f"{name}_{aggregate.alias}", f"{aggregate.alias}_{name}"
        else:
            before, after = name, f"_{name}" if value.is_int else name
        if before != after:
            renamed.append(exp.alias_(exp.column(before, quoted=True), after, quoted=True))
    return [exp.Star(rename=renamed)] if renamed else None


def _unpivoted(node: exp.Expr) -> list[exp.Expr] | None:
    """Put the values before the names of their columns."""
    if not all(isinstance(value, exp.Identifier) for value in node.expressions):
        return None
    added = [*node.expressions, node.args["fields"][0].this]
    return [exp.Star(except_=[column.copy() for column in added]), *(exp.column(column.copy()) for column in added)]


CALLS: Calls = {exp.Pivot: _pivot}
