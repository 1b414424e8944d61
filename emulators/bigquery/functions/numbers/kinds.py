"""Types of numbers, as far as a statement shows them."""

from __future__ import annotations

from sqlglot import expressions as exp

from emulators.bigquery.functions.numbers import decimals

#: Functions that may fail: with SAFE they are told to answer NULL. Those of NUMERIC have a name of their own.
FAILING: dict[type[exp.Expr], str] = {
    exp.Acos: "bq_acos",
    exp.Acosh: "bq_acosh",
    exp.Asin: "bq_asin",
    exp.Atanh: "bq_atanh",
    exp.Cbrt: "bq_cbrt",
    exp.Cos: "bq_cos",
    exp.Cosh: "bq_cosh",
    exp.Cot: "bq_cot",
    exp.Coth: "bq_coth",
    exp.Csc: "bq_csc",
    exp.Csch: "bq_csch",
    exp.Exp: "bq_exp",
    exp.Ln: "bq_ln",
    exp.Sec: "bq_sec",
    exp.Sech: "bq_sech",
    exp.Sin: "bq_sin",
    exp.Sinh: "bq_sinh",
    exp.Sqrt: "bq_sqrt",
    exp.Tan: "bq_tan",
}
_KINDS = {
    exp.DType.BIGINT: "INT64",
    exp.DType.DOUBLE: "FLOAT64",
    exp.DType.DECIMAL: "NUMERIC",
    exp.DType.BIGDECIMAL: "BIGNUMERIC",
}
_KINDS_OF_MACROS = {
    "bq_cast_int64": "INT64",
    "bq_int64": "INT64",
    "bq_unix": "INT64",
    "bq_cast_bignumeric": "BIGNUMERIC",
}
_ORDER = ("INT64", "LITERAL", "NUMERIC", "BIGNUMERIC", "FLOAT64")


def kind_of(node: exp.Expr) -> str | None:
    """Return the type of a number, LITERAL for one with a point, or None where it does not show."""
    if text := decimals.literal(node):
        return "INT64" if text.lstrip("-").isdigit() else "LITERAL"
    if isinstance(node, exp.Paren | exp.Neg):
        return kind_of(node.this)
    if isinstance(node, exp.Cast | exp.TryCast):
        return _KINDS.get(node.args["to"].this)
    if isinstance(node, exp.Anonymous):
        return _kind_of_macro(node.name)
    if isinstance(node, exp.Add | exp.Sub | exp.Mul):
        return together(node)
    return None


def _kind_of_macro(name: str) -> str | None:
    if name.startswith(("bq_numeric", "bq_cast_numeric")):
        return "NUMERIC"
    if name.startswith(("bq_float_", "bq_cast_float64")) or name in FAILING.values():
        return "FLOAT64"
    return _KINDS_OF_MACROS.get(name)


def together(*nodes: exp.Expr) -> str | None:
    """Return the type of what is computed of numbers or of the operands of one node, or None where it does not show."""
    operands = [nodes[0].this, nodes[0].expression] if len(nodes) == 1 else list(nodes)
    kinds = [kind_of(operand) for operand in operands]
    known = [kind for kind in kinds if kind]
    return max(known, key=_ORDER.index) if len(known) == len(kinds) or "NUMERIC" in known else None


def is_large(node: exp.Expr) -> bool:
    """Tell whether a macro would copy a subquery."""
    return node.find(exp.Query) is not None
