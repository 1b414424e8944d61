"""Arithmetic, and functions of numbers.

The types of columns are known to DuckDB alone: a macro for any of them must have the type of its arguments. What is a
NUMERIC by how it is written (a literal, a cast, what is computed of these) is computed to all its digits.
"""

from __future__ import annotations

from sqlglot import expressions as exp

from emulators.bigquery.functions.macros import Calls, Functions, macro
from emulators.bigquery.functions.numbers import decimals
from emulators.bigquery.functions.numbers.kinds import FAILING, is_large, kind_of, together

_OF_NUMERIC: dict[type[exp.Expr], str] = {
    exp.Cbrt: "bq_numeric_cube_root",
    exp.Exp: "bq_numeric_exp",
    exp.Ln: "bq_numeric_ln",
    exp.Sqrt: "bq_numeric_sqrt",
}
_SAFE: dict[type[exp.Expr], str] = {
    exp.SafeAdd: "add",
    exp.SafeMultiply: "multiply",
    exp.SafeSubtract: "subtract",
    exp.SafeNegate: "negate",
}
_QUOTIENTS: dict[type[exp.Expr], str] = {
    exp.Div: "divide",
    exp.IntDiv: "div",
    exp.Mod: "mod",
    exp.SafeDivide: "safe_divide",
}
_SHIFTS: dict[type[exp.Expr], str] = {
    exp.BitwiseLeftShift: "bq_shift_left",
    exp.BitwiseRightShift: "bq_shift_right",
}
_WHOLE: dict[type[exp.Expr], str] = {exp.Ceil: "ceil", exp.Floor: "floor", exp.Trunc: "trunc", exp.Round: "round"}
_WINDOWED = (exp.Window, exp.Filter, exp.IgnoreNulls, exp.RespectNulls)


def _exact(node: exp.Expr) -> exp.Expr:
    """Return an operand as a NUMERIC."""
    text = decimals.literal(node)
    return macro("bq_numeric", exp.Literal.string(text) if text else node)


def _failing(node: exp.Expr, is_safe: bool) -> exp.Expr | None:
    if kind_of(node.this) == "NUMERIC" and type(node) in _OF_NUMERIC and not is_safe:
        return macro("bq_numeric", macro(_OF_NUMERIC[type(node)], _exact(node.this)))
    return None if is_large(node) else macro(FAILING[type(node)], node.this, is_safe)


def _power(node: exp.Expr, is_safe: bool) -> exp.Expr | None:
    if together(node) == "NUMERIC":
        return macro("bq_numeric", macro("bq_numeric_power", _exact(node.this), _exact(node.expression), is_safe))
    return None if is_large(node) else macro("bq_pow", node.this, node.expression, is_safe)


def _logarithm(node: exp.Expr, is_safe: bool) -> exp.Expr | None:
    base, value = node.this, node.expression
    is_numeric = together(node) == "NUMERIC" and not is_safe
    if base.is_number and base.name == "10":  # SQLGlot has LOG10(x) so
        return (
            macro("bq_numeric", macro("bq_numeric_log10", _exact(value)))
            if is_numeric
            else macro("bq_log10", value, is_safe)
        )
    if is_numeric:
        return macro("bq_numeric", macro("bq_numeric_logarithm", _exact(value), _exact(base)))
    return macro("bq_log", value, base, is_safe)


def _rounded(node: exp.Expr, is_safe: bool) -> exp.Expr | None:
    kind, digits, name = kind_of(node.this), node.args.get("decimals"), _WHOLE[type(node)]
    if is_safe or is_large(node):
        return None
    if digits is None:
        if kind == "NUMERIC":
            return macro("bq_numeric", macro(name, _exact(node.this)))
        return macro(name, macro("bq_float", node.this)) if kind == "INT64" else None
    if kind == "NUMERIC":
        mode = "TRUNC" if name == "trunc" else node.args.get("truncate") or "ROUND_HALF_AWAY_FROM_ZERO"
        return macro("bq_numeric", macro("bq_numeric_round", _exact(node.this), digits, mode))
    if node.args.get("truncate"):
        return None
    if kind:
        return macro("bq_float_trunc" if name == "trunc" else "bq_float_round_digits", node.this, digits)
    return macro("bq_round", node.this, digits) if name == "round" and digits.is_int else None


def _signed(node: exp.Expr, _: bool) -> exp.Expr | None:
    kind = kind_of(node.this)
    if kind == "NUMERIC":
        return macro("bq_numeric", macro("sign", _exact(node.this)))
    return macro("bq_float_sign" if kind in ("FLOAT64", "LITERAL") else "bq_sign", node.this)


def _absolute(node: exp.Expr, _: bool) -> exp.Expr | None:
    return macro("bq_numeric", macro("abs", _exact(node.this))) if kind_of(node.this) == "NUMERIC" else None


def _negated(node: exp.Expr, _: bool) -> exp.Expr | None:
    if isinstance(node.this, exp.Literal) and not node.this.is_string and float(node.this.name) == 0:
        return node.this.copy()  # a literal has no negative zero
    if isinstance(node.this, exp.Literal | exp.Interval) or is_large(node):
        return None
    return macro("bq_negate", node.this)


def _shifted(node: exp.Expr, _: bool) -> exp.Expr | None:
    return None if is_large(node) else macro(_SHIFTS[type(node)], node.this, node.expression)


def _counted_bits(node: exp.Expr, _: bool) -> exp.Expr | None:
    return macro("bq_bit_count", node.this)


def _safe(node: exp.Expr, _: bool) -> exp.Expr | None:
    operands = [node.this] + ([node.expression] if node.args.get("expression") else [])
    kinds = {kind_of(operand) for operand in operands}
    name = _SAFE[type(node)]
    if kinds == {"INT64"}:
        return macro(f"bq_int64_{name}", *operands)
    is_float = kinds <= {"INT64", "LITERAL", "FLOAT64"} and name != "negate"
    return macro(f"bq_float_{name}", *operands) if is_float else None


def _quotient(node: exp.Expr, is_safe: bool) -> exp.Expr | None:
    """Return what `/`, SAFE_DIVIDE, MOD or DIV is of a NUMERIC."""
    left, right = node.this, node.expression
    if together(node) != "NUMERIC":
        return None
    name = _QUOTIENTS[type(node)]
    divisor = macro("nullif", _exact(right), 0) if is_safe else _exact(right)
    return macro("bq_numeric", macro(f"bq_numeric_{name}", _exact(left), divisor))


def _calculated(node: exp.Expr, _: bool) -> exp.Expr | None:
    """Return what an operator computes of two numbers, or None where DuckDB computes the same."""
    left, right = node.this, node.expression
    kinds = kind_of(left), kind_of(right)
    if kinds == ("INT64", "INT64") and decimals.literal(left) and decimals.literal(right):
        return type(node)(this=_int64(left), expression=right.copy())  # DuckDB has 32 bits for them
    if "NUMERIC" in kinds and "FLOAT64" not in kinds:
        if isinstance(node, exp.Mul):
            return macro("bq_numeric", macro("bq_numeric_multiply", _exact(left), _exact(right)))
        return macro("bq_numeric", type(node)(this=_exact(left), expression=_exact(right)))
    return None


def _summed(node: exp.Expr, _: bool) -> exp.Expr | None:
    return None if isinstance(node.parent, _WINDOWED) else macro("bq_sum", node)


def _sum_of_window(node: exp.Expr, _: bool) -> exp.Expr | None:
    return macro("bq_sum", node) if isinstance(node.this, exp.Sum) else None


def _int64(literal: exp.Expr) -> exp.Expr:
    return exp.Cast(this=literal.copy(), to=exp.DataType.build("BIGINT"))


def _elements(node: exp.Expr, _: bool) -> exp.Expr | None:
    """Return an array whose numbers have 64 bits."""
    if not node.expressions or not _is_whole(node.expressions[0]):
        return None
    array = node.copy()
    array.expressions[0].replace(_int64(array.expressions[0]))
    return array


def _named(node: exp.Expr, _: bool) -> exp.Expr | None:
    """Return a column or a field whose number has 64 bits."""
    name = "expression" if isinstance(node, exp.PropertyEQ) else "this"
    if not _is_whole(node.args[name]):
        return None
    named = node.copy()
    named.set(name, _int64(named.args[name]))
    return named


def _is_whole(node: exp.Expr) -> bool:
    return decimals.literal(node) is not None and kind_of(node) == "INT64"


def _bucket(node: exp.Expr, _: bool) -> exp.Expr | None:
    """Return RANGE_BUCKET, which is NULL of NaN."""
    if kind_of(node.this) != "FLOAT64" or node.this.name == "bq_float_unless_nan":
        return None
    return exp.RangeBucket(this=macro("bq_float_unless_nan", node.this), expression=node.expression.copy())


#: What computes with NUMERIC, before and after it is replaced.
ARITHMETIC: tuple[type[exp.Expr], ...] = (
    *(exp.Abs, exp.Avg, exp.Div, exp.IntDiv, exp.Log, exp.Mod, exp.Mul, exp.Neg, exp.Pow, exp.Sign, exp.SafeDivide),
    *_WHOLE,
    *_SAFE,
    *FAILING,
)
ARITHMETIC_MACROS = frozenset({"bq_negate", "bq_round", "bq_sign", "bq_log", "bq_log10", "bq_pow", *FAILING.values()})

FUNCTIONS: Functions = decimals.OF_NUMBERS
CALLS: Calls = {
    **dict.fromkeys(FAILING, _failing),
    **dict.fromkeys(_SAFE, _safe),
    **dict.fromkeys(_SHIFTS, _shifted),
    **dict.fromkeys(_WHOLE, _rounded),
    **dict.fromkeys((exp.Div, exp.SafeDivide, exp.Mod, exp.IntDiv), _quotient),
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul), _calculated),
    **dict.fromkeys((exp.Alias, exp.PropertyEQ), _named),
    exp.Abs: _absolute,
    exp.Array: _elements,
    exp.BitwiseCount: _counted_bits,
    exp.Log: _logarithm,
    exp.Neg: _negated,
    exp.Pow: _power,
    exp.RangeBucket: _bucket,
    exp.Sign: _signed,
    exp.Sum: _summed,
    exp.Window: _sum_of_window,
}
