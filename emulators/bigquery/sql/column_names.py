"""Names of the columns of results that a query gives no name.

BigQuery calls them `f0_`, `f1_` and so on, and counts those alone; DuckDB calls them by their text.
"""

from __future__ import annotations

from collections.abc import Iterator

from bqemulator.domain.errors import InvalidQueryError
from sqlglot import expressions as exp

from emulators.bigquery.parsing import own_statements, statements


def name_columns(sql: str) -> str:
    """Return a script whose queries name each column of their results.

    Raises:
        InvalidQueryError: A column of a table or view to be created has no name.
    """
    if not any(_is_unnamed(column) for statement in statements(sql) for column in _results(statement)):
        return sql
    script = own_statements(sql)
    changed = [_name_columns(statement) for statement in script]
    return ";\n".join(statement.sql(dialect="bigquery") for statement in script) if any(changed) else sql


def _results(statement: exp.Expr) -> list[exp.Expr]:
    """Return the columns of what a statement returns or creates."""
    query = statement.expression if isinstance(statement, exp.Create) else statement
    if not isinstance(query, exp.Query) or isinstance(statement.this, exp.Schema):
        return []
    ctes = {cte.alias.lower(): cte.this for cte in statement.find_all(exp.CTE)}
    return list(_columns(query, ctes, set()))


def _is_unnamed(column: exp.Expr) -> bool:
    return not (isinstance(column, exp.Alias | exp.Column) or column.is_star)


def _name_columns(statement: exp.Expr) -> bool:
    number, changed = 0, False
    for position, column in enumerate(_results(statement), 1):
        if not _is_unnamed(column):
            continue
        name = _field(column)
        if name is None:
            if isinstance(statement, exp.Create):
                raise InvalidQueryError(
                    f"CREATE {statement.kind} columns must be named, but column {position} has no name",
                    location="query",
                )
            name = exp.to_identifier(f"f{number}_")
            number += 1
        column.replace(exp.alias_(column.copy(), name.copy()))
        changed = True
    return changed


def _columns(query: exp.Expr, ctes: dict[str, exp.Expr], seen: set[int]) -> Iterator[exp.Expr]:
    """Yield the columns of a result in their order; those of `*` once, as the subqueries that it names have them."""
    while isinstance(query, exp.Subquery | exp.SetOperation):
        query = query.this
    if not isinstance(query, exp.Select) or query.args.get("kind") or id(query) in seen:
        return
    seen.add(id(query))
    for column in query.expressions:
        if not column.is_star:
            yield column
            continue
        table = column.table.lower() if isinstance(column, exp.Column) else ""
        for source in _sources(query):
            if table in ("", source.alias_or_name.lower()):
                yield from _columns(ctes.get(source.name.lower(), source), ctes, seen)


def _sources(select: exp.Select) -> Iterator[exp.Expr]:
    first = select.args.get("from_")
    for clause in ([first] if first else []) + (select.args.get("joins") or []):
        yield clause.this


def _field(column: exp.Expr) -> exp.Identifier | None:
    """Return the name of a field of a struct or JSON, or of a column in brackets."""
    column = column.unnest()
    if isinstance(column, exp.ParseJSON):
        column = column.this  # of `JSON '..'.a`, SQLGlot 30.11 takes the field for a part of the literal
    name = column.expression if isinstance(column, exp.Dot) else column.this if isinstance(column, exp.Column) else None
    return name if isinstance(name, exp.Identifier) else None
