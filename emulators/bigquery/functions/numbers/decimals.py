"""NUMERIC: DuckDB divides it as a float, and multiplies it without rounding to 9 digits after the point."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal, DecimalException

from sqlglot import expressions as exp

from emulators.bigquery.functions.macros import Functions

_EXACT = Context(prec=400, Emax=2000, Emin=-2000)
_ENOUGH = Context(prec=90, Emax=2000, Emin=-2000)
_LIMIT = Decimal(10) ** 29
_NUMERIC = "DECIMAL(38, 9)"
_BIGNUMERIC_DIGITS = 10
_BIGNUMERIC_LIMIT = Decimal(10) ** 28
_OVERFLOW = "numeric overflow"
_MODES = {"ROUND_HALF_EVEN": ROUND_HALF_EVEN, "ROUND_HALF_AWAY_FROM_ZERO": ROUND_HALF_UP, "TRUNC": ROUND_DOWN}
_SPECIAL = {"null_handling": "special"}


def literal(value: exp.Expr) -> str | None:
    """Return the text of a literal number, of which a NUMERIC is made without a float; None if it is none."""
    number = value.this if isinstance(value, exp.Neg) else value
    if not isinstance(number, exp.Literal) or number.is_string:
        return None
    return f"-{number.name}" if number is not value else number.name


def rounded(value: Decimal, digits: int = 9, rounding: str = ROUND_HALF_UP) -> Decimal:
    """Return a NUMERIC, rounded half away from zero.

    Raises:
        ValueError: It is too large for one.
    """
    found = value.quantize(Decimal(1).scaleb(-digits), rounding, _EXACT)
    if abs(found) >= _LIMIT:
        raise ValueError(_OVERFLOW)
    return found


def numeric_of_float(value: float | None, safe: bool) -> Decimal | None:
    """Return the NUMERIC next to a float."""
    try:
        return None if value is None else rounded(Decimal(value))
    except (ValueError, DecimalException):
        if safe:
            return None
        raise ValueError(f"no NUMERIC is {value}") from None


def bignumeric_of_text(text: str | None, safe: bool) -> Decimal | None:
    """Return a BIGNUMERIC, if it has no more digits than DuckDB can keep."""
    if text is None:
        return None
    try:
        value = Decimal(text.strip())
        if not value.is_finite() or "_" in text:
            raise ValueError(text)
    except (ValueError, DecimalException):
        if safe:
            return None
        raise ValueError(f"Invalid BIGNUMERIC value: {text}") from None
    short = value.quantize(Decimal(1).scaleb(-_BIGNUMERIC_DIGITS), ROUND_HALF_UP, _EXACT)
    exact = value.quantize(Decimal(1).scaleb(-38), ROUND_HALF_UP, _EXACT)
    if short != exact or abs(exact) >= _BIGNUMERIC_LIMIT:
        raise ValueError("a BIGNUMERIC of more than 10 digits after the point is not offered by the local BigQuery")
    return short


def float_of_hexadecimal(text: str) -> float | None:
    """Return a float from a text such as 0x1p3; None if it is none."""
    try:
        return float.fromhex(text)
    except ValueError:
        return None


def text_of_bytes(value: bytes | None, safe: bool) -> str | None:
    """Return a text in UTF-8."""
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        if safe:
            return None
        raise ValueError("Invalid cast of bytes to UTF8 string") from None


OF_CASTS: Functions = (
    (
        "bq_numeric_of_float",
        numeric_of_float,
        {"parameters": ["DOUBLE", "BOOLEAN"], "return_type": _NUMERIC, **_SPECIAL},
    ),
    (
        "bq_bignumeric_of_text",
        bignumeric_of_text,
        {"parameters": ["VARCHAR", "BOOLEAN"], "return_type": "DECIMAL(38, 10)", **_SPECIAL},
    ),
    ("bq_float_of_hexadecimal", float_of_hexadecimal, {"parameters": ["VARCHAR"], "return_type": "DOUBLE", **_SPECIAL}),
    ("bq_text_of_bytes", text_of_bytes, {"parameters": ["BLOB", "BOOLEAN"], "return_type": "VARCHAR", **_SPECIAL}),
)


def _divided(dividend: Decimal, divisor: Decimal) -> Decimal:
    if divisor == 0:
        raise ValueError("division by zero")
    return rounded(_ENOUGH.divide(dividend, divisor))


def _integer_divided(dividend: Decimal, divisor: Decimal) -> Decimal:
    if divisor == 0:
        raise ValueError("division by zero")
    return rounded(_ENOUGH.divide_int(dividend, divisor))


def _power(base: Decimal | None, exponent: Decimal | None, safe: bool) -> Decimal | None:
    if base is None or exponent is None:
        return None
    try:
        return _raised(base, exponent)
    except ValueError:
        if safe:
            return None
        raise


def _raised(base: Decimal, exponent: Decimal) -> Decimal:
    if base == 0 and exponent < 0:
        raise ValueError("division by zero")
    if exponent == 0:
        return Decimal(1)
    if base < 0 and exponent != exponent.to_integral_value():
        raise ValueError("a negative NUMERIC has no such power")
    try:
        return rounded(_ENOUGH.power(base, exponent))
    except DecimalException:
        raise ValueError(_OVERFLOW) from None


def _logarithm(value: Decimal, base: Decimal) -> Decimal:
    if value <= 0 or base <= 0 or base == 1:
        raise ValueError("a logarithm of no positive number, or to no base")
    return rounded(_ENOUGH.divide(_ENOUGH.ln(value), _ENOUGH.ln(base)))


def _cube_root(value: Decimal) -> Decimal:
    root = _ENOUGH.power(abs(value), _ENOUGH.divide(Decimal(1), Decimal(3))) if value else value
    return rounded(root.copy_sign(value))


def _of_one(function: Callable[[Decimal], Decimal], value: Decimal) -> Decimal:
    try:
        return rounded(function(value))
    except DecimalException:
        raise ValueError(_OVERFLOW if value > 0 else "a NUMERIC out of the domain of the function") from None


def _rounded_to(value: Decimal, digits: int, mode: str) -> Decimal:
    rounding = {"ROUND_HALF_EVEN": ROUND_HALF_EVEN, "ROUND_HALF_AWAY_FROM_ZERO": ROUND_HALF_UP, "TRUNC": ROUND_DOWN}[
        mode
    ]
    if digits >= 9:
        return value
    return rounded(value, digits, rounding) if digits > -30 else Decimal(0)


def _rounded_float(value: float, digits: int, truncates: bool) -> float:
    if digits > 330 or digits < -310:
        return value if digits > 0 else value * 0
    rounding = ROUND_DOWN if truncates else ROUND_HALF_UP
    return float(Decimal(value).quantize(Decimal(1).scaleb(-digits), rounding, Context(prec=1200)))


def _of(
    name: str, function: Callable[..., Decimal], *others: str
) -> tuple[str, Callable[..., Decimal], dict[str, object]]:
    return name, function, {"parameters": [_NUMERIC, *others], "return_type": _NUMERIC}


OF_NUMBERS: Functions = (
    _of("bq_numeric_multiply", lambda one, other: rounded(_EXACT.multiply(one, other)), _NUMERIC),
    _of("bq_numeric_divide", _divided, _NUMERIC),
    _of("bq_numeric_div", _integer_divided, _NUMERIC),
    ("bq_numeric_power", _power, {"parameters": [_NUMERIC, _NUMERIC, "BOOLEAN"], "return_type": _NUMERIC, **_SPECIAL}),
    _of("bq_numeric_logarithm", _logarithm, _NUMERIC),
    _of("bq_numeric_round", _rounded_to, "BIGINT", "VARCHAR"),
    _of("bq_numeric_cube_root", _cube_root),
    _of("bq_numeric_sqrt", lambda value: _of_one(_ENOUGH.sqrt, value)),
    _of("bq_numeric_exp", lambda value: _of_one(_ENOUGH.exp, value)),
    _of("bq_numeric_ln", lambda value: _of_one(_ENOUGH.ln, value)),
    _of("bq_numeric_log10", lambda value: _of_one(_ENOUGH.log10, value)),
    ("bq_float_round", _rounded_float, {"parameters": ["DOUBLE", "BIGINT", "BOOLEAN"], "return_type": "DOUBLE"}),
)
