"""Casts.

A literal that reads the same in DuckDB stays as it is, so that DATE '2026-01-31' is the constant that it looks like.
"""

from __future__ import annotations

import re

from bqemulator.domain.errors import UnsupportedFeatureError
from sqlglot import expressions as exp

from emulators.bigquery.functions.macros import Calls, Functions, macro
from emulators.bigquery.functions.numbers import decimals
from emulators.bigquery.functions.numbers.calls import ARITHMETIC, ARITHMETIC_MACROS
from emulators.bigquery.functions.numbers.kinds import kind_of

_MACROS = {
    exp.DType.BIGINT: "bq_cast_int64",
    exp.DType.DOUBLE: "bq_cast_float64",
    exp.DType.BOOLEAN: "bq_cast_bool",
    exp.DType.DECIMAL: "bq_cast_numeric",
    exp.DType.BIGDECIMAL: "bq_cast_bignumeric",
    exp.DType.TEXT: "bq_cast_string",
    exp.DType.BINARY: "bq_cast_bytes",
    exp.DType.DATE: "bq_cast_date",
    exp.DType.TIME: "bq_cast_time",
    exp.DType.TIMESTAMP: "bq_cast_datetime",
    exp.DType.TIMESTAMPTZ: "bq_cast_timestamp",
}
_DAY = r"(?!0000)\d{4}-\d\d-\d\d"
_TIME = r"(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?"
_PLAIN = {
    exp.DType.DATE: re.compile(_DAY),
    exp.DType.TIME: re.compile(_TIME),
    exp.DType.TIMESTAMP: re.compile(rf"{_DAY}(?:[ T]{_TIME})?"),
    exp.DType.TIMESTAMPTZ: re.compile(rf"{_DAY}(?:[ T]{_TIME}(?:Z|\+00|\+00:00)?)?"),
}
_DECIMALS = (exp.DType.DECIMAL, exp.DType.BIGDECIMAL)


def _cast(node: exp.Expr, is_safe: bool) -> exp.Expr | None:
    to, value = node.args["to"], node.this
    is_safe = is_safe or isinstance(node, exp.TryCast)
    if node.args.get("format"):
        raise UnsupportedFeatureError("CAST with FORMAT is not offered by the local BigQuery", location="query")
    if to.this is exp.DType.INTERVAL:
        raise UnsupportedFeatureError("CAST to INTERVAL is not offered by the local BigQuery", location="query")
    if to.this not in _MACROS or _is_plain(value, to.this):
        return None
    if to.this is exp.DType.BIGDECIMAL:
        _check_bignumeric(node)
    if to.this in _DECIMALS and (text := decimals.literal(value)):
        value = exp.Literal.string(text)
    made = macro(_MACROS[to.this], value, is_safe)
    return _limited(made, to) if to.expressions else made


def _check_bignumeric(node: exp.Expr) -> None:
    """Refuse a BIGNUMERIC in a statement that computes: DuckDB would round it to a NUMERIC."""
    for other in node.root().walk():
        name = other.name if isinstance(other, exp.Anonymous) else ""
        if decimals.literal(other):
            continue
        if isinstance(other, ARITHMETIC) or name in ARITHMETIC_MACROS:
            raise UnsupportedFeatureError(
                "BIGNUMERIC in arithmetic is not offered by the local BigQuery", location="query"
            )


def _is_plain(value: exp.Expr, kind: exp.DType) -> bool:
    if kind is exp.DType.TEXT and kind_of(value) == "INT64":
        return True
    if isinstance(value, exp.Null):
        return kind not in _DECIMALS
    return value.is_string and kind in _PLAIN and bool(_PLAIN[kind].fullmatch(value.name))


def _limited(made: exp.Expr, to: exp.DataType) -> exp.Expr | None:
    """Return a value of STRING(n), BYTES(n) or NUMERIC(p, s); what is too long fails, also with SAFE_CAST."""
    limits = [int(limit.name) for limit in to.expressions]
    if to.this in (exp.DType.TEXT, exp.DType.BINARY):
        length = macro("length" if to.this is exp.DType.TEXT else "octet_length", made)
        return macro("bq_at_most", made, length, limits[0])
    if to.this is exp.DType.DECIMAL:
        return macro("bq_numeric_within", made, limits[0], limits[1] if len(limits) > 1 else 0)
    raise UnsupportedFeatureError(f"{to.sql('bigquery')} is not offered by the local BigQuery", location="query")


def _parse(node: exp.Expr, is_safe: bool) -> exp.Expr | None:
    if isinstance(node, exp.ParseBignumeric):
        _check_bignumeric(node)
    kind = exp.DType.DECIMAL if isinstance(node, exp.ParseNumeric) else exp.DType.BIGDECIMAL
    return macro(_MACROS[kind], node.this, is_safe)


FUNCTIONS: Functions = decimals.OF_CASTS
CALLS: Calls = {exp.Cast: _cast, exp.TryCast: _cast, exp.ParseNumeric: _parse, exp.ParseBignumeric: _parse}
