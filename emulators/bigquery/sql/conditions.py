"""Conditions that must be BOOL and comparisons of like with like, for the BigQuery emulator.

DuckDB takes numbers for conditions and reads numbers from strings: `WHERE n` and `n = '1'` give rows where the service
gives an error. What SQLGlot knows the types of is checked here; the rest is left to DuckDB.
"""

from collections.abc import Iterator
from typing import Any

from bqemulator.domain.errors import InvalidQueryError
from bqemulator.sql.translator import SQLTranslator
from sqlglot import expressions as exp

_NUMBERS, _TEXTS, _TIMES = exp.DataType.NUMERIC_TYPES, exp.DataType.TEXT_TYPES, exp.DataType.TEMPORAL_TYPES
_BYTES = frozenset({exp.DataType.Type.BINARY, exp.DataType.Type.VARBINARY, exp.DataType.Type.BLOB})
_BOOL = frozenset({exp.DataType.Type.BOOLEAN})
_KINDS = (_BOOL, _NUMBERS, _TEXTS, _TIMES, _BYTES)
_COMPARISONS = {exp.EQ: "=", exp.NEQ: "!=", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}
_CLAUSES = {exp.Where: "WHERE", exp.Having: "HAVING", exp.Qualify: "QUALIFY"}

_annotate = SQLTranslator._annotate_tree


def check_types(tree: exp.Expr, schema: dict[str, Any]) -> None:
    """Refuse conditions of another type than BOOL, and comparisons of values that cannot be compared.

    Args:
        tree: A statement, whose types are annotated.
        schema: The types of columns, by the names of tables.

    Raises:
        InvalidQueryError: There is one.
    """
    changed = tree.this if isinstance(tree, exp.Delete | exp.Update) else None
    columns = schema.get(changed.name, {}) if isinstance(changed, exp.Table) else {}
    for place, condition in _conditions(tree):
        kind = _type(condition, columns)
        if kind and kind.this not in _BOOL:
            name = kind.sql(dialect="bigquery")
            raise InvalidQueryError(f"{place} should be of type BOOL, but is of type {name}", location="query")
    for comparison in tree.find_all(*_COMPARISONS):
        left, right = (_type(side, columns) for side in (comparison.left, comparison.right))
        if left and right and not _are_alike(left, right):
            operator = _COMPARISONS[type(comparison)]
            names = f"{left.sql(dialect='bigquery')}, {right.sql(dialect='bigquery')}"
            message = f"No matching signature for operator {operator} for argument types: {names}"
            raise InvalidQueryError(message, location="query")


def _conditions(tree: exp.Expr) -> Iterator[tuple[str, exp.Expr]]:
    for node in tree.walk():
        if isinstance(node, exp.Where | exp.Having | exp.Qualify):
            yield f"The condition of {_CLAUSES[type(node)]}", node.this
        elif isinstance(node, exp.Join) and node.args.get("on"):
            yield "The condition of JOIN", node.args["on"]
        elif isinstance(node, exp.And | exp.Or):
            yield f"An operand of {node.key.upper()}", node.left
            yield f"An operand of {node.key.upper()}", node.right
        elif isinstance(node, exp.Not):
            yield "The operand of NOT", node.this
        elif isinstance(node, exp.If) and not (isinstance(node.parent, exp.Case) and node.parent.this):
            yield "The condition of IF or CASE", node.this


def _type(value: exp.Expr, columns: dict[str, Any]) -> exp.DataType | None:
    """Return the type of a value where it is known and one of those that cannot be taken for each other."""
    while isinstance(value, exp.Paren):
        value = value.this
    kind = value.type
    if isinstance(value, exp.Column) and not value.table and value.name in columns:
        kind = exp.DataType.build(columns[value.name], dialect="duckdb")
    return kind if kind and any(kind.this in kinds for kinds in _KINDS) else None


def _are_alike(left: exp.DataType, right: exp.DataType) -> bool:
    if any(left.this in kinds and right.this in kinds for kinds in _KINDS):
        return True
    # A literal of text is one of a time where a time is expected; bqemulator makes BYTES of some functions TEXT.
    return not ({left.this, right.this} & (_NUMBERS | _BOOL))


def annotate(tree: exp.Expression, schema: dict[str, Any]) -> exp.Expression:
    """Annotate the types of a statement and check them; replaces bqemulator's own step."""
    annotated = _annotate(tree, schema)
    check_types(annotated, schema)
    return annotated


def patch() -> None:
    """Put the check behind bqemulator's annotation of types."""
    setattr(SQLTranslator, "_annotate_tree", staticmethod(annotate))  # noqa: B010 - no assignment, for mypy
