"""Comparisons, and functions that look at errors.

DuckDB takes NaN for the largest number, equal to itself, and compares structs without regard to the NULLs in them. Of
columns the types are not known here: their comparisons stay DuckDB's.
"""

from __future__ import annotations

from functools import partial, reduce

from bqemulator.domain.errors import UnsupportedFeatureError
from sqlglot import expressions as exp

from emulators.bigquery.functions.macros import Call, Calls, Functions, macro
from emulators.bigquery.functions.numbers.kinds import is_large, kind_of

_COMPARED: dict[type[exp.Expr], str] = {
    exp.EQ: "bq_equal",
    exp.GT: "bq_greater",
    exp.GTE: "bq_greater_or_equal",
    exp.LT: "bq_less",
    exp.LTE: "bq_less_or_equal",
    exp.NEQ: "bq_not_equal",
}
_STRUCTS = (exp.Struct, exp.Tuple)


def _compared(node: exp.Expr, _: bool) -> exp.Expr | None:
    left, right = node.this, node.expression
    if isinstance(left, _STRUCTS) and isinstance(right, _STRUCTS):
        return _of_structs(node, _fields(left), _fields(right))
    if "FLOAT64" not in (kind_of(left), kind_of(right)) or is_large(node):
        return None
    return macro(_COMPARED[type(node)], left, right)


def _of_structs(node: exp.Expr, left: list[exp.Expr], right: list[exp.Expr]) -> exp.Expr | None:
    if not isinstance(node, exp.EQ | exp.NEQ):
        raise UnsupportedFeatureError(f"{node.key} is not defined for arguments of type STRUCT", location="query")
    if len(left) != len(right) or not left:
        return None
    equal = exp.paren(exp.and_(*(one.eq(other) for one, other in zip(left, right, strict=True))), copy=False)
    return exp.paren(equal.not_()) if isinstance(node, exp.NEQ) else equal


def _fields(struct: exp.Expr) -> list[exp.Expr]:
    return [field.expression if isinstance(field, exp.PropertyEQ) else field for field in struct.expressions]


def _among(node: exp.Expr, _: bool) -> exp.Expr | None:
    if not isinstance(node.this, _STRUCTS) or not node.expressions:
        return None
    if not all(isinstance(one, _STRUCTS) for one in node.expressions):
        return None
    each = [_of_structs(exp.EQ(), _fields(node.this), _fields(one)) for one in node.expressions]
    return exp.paren(exp.or_(*(one for one in each if one)), copy=False)


def _least(node: exp.Expr, _: bool) -> exp.Expr | None:
    arguments = [node.this, *node.expressions]
    if is_large(node) or not any(kind_of(one) == "FLOAT64" for one in arguments):
        return None
    least: exp.Expr = reduce(partial(macro, "bq_float_least"), arguments)
    return least


def _not_offered(name: str) -> Call:
    def call(_: exp.Expr, __: bool) -> exp.Expr | None:
        raise UnsupportedFeatureError(f"{name} is not offered by the local BigQuery", location="query")

    return call


FUNCTIONS: Functions = ()
CALLS: Calls = {
    **dict.fromkeys(_COMPARED, _compared),
    exp.In: _among,
    exp.Least: _least,
    **{name: _not_offered(name) for name in ("IFERROR", "ISERROR", "NULLIFERROR")},
}
