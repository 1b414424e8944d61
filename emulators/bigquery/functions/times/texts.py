"""FORMAT_DATE, PARSE_DATE and their like."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import wraps
from typing import Any

from sqlglot import expressions as exp
from sqlglot.dialects.bigquery import BigQuery
from sqlglot.time import format_time

from emulators.bigquery.functions.macros import Calls, Functions, macro
from emulators.bigquery.functions.times.arguments import DATE, DATETIME, TIME, TIMESTAMP, typed, zone
from emulators.bigquery.functions.times.formats import duckdb_format, formatted
from emulators.bigquery.functions.times.parsing import parse_time
from emulators.bigquery.functions.times.zones import is_zone, zone_offset

_LAST = date(9999, 12, 31)


def _format(node: exp.Expr, is_safe: bool) -> exp.Expr | None:
    text, value, where = _text(node), node.this.this, zone(node.args.get("zone"), is_safe)
    kind, of = _FORMATTED.get(type(node.this), ("", DATE))
    if not kind:
        return None
    value = typed(value, of)
    if kind == "TIMESTAMP":
        value = macro("bq_timestamp", value, is_safe)
    if not (where.is_number and where.to_py() == 0):
        return macro("bq_format_in", value, text, where)
    native = duckdb_format(text.name, kind) if text.is_string and kind != "TIME" else None
    return (
        macro("bq_format_civil", value, text, kind)
        if native is None
        else macro("bq_strftime", value, native, text, kind)
    )


def _parse(node: exp.Expr, is_safe: bool) -> exp.Expr | None:
    kind = _PARSED[type(node)]
    arguments = [_text(node), typed(node.this, exp.DataType.build("VARCHAR"))]
    if kind == "timestamp":
        where = node.args.get("zone")
        arguments.append(where if where is not None else exp.Literal.string("UTC"))
    return macro(f"bq_parse_{kind}", *arguments, is_safe)


def _text(node: exp.Expr) -> exp.Expr:
    """Return the format as BigQuery has it: SQLGlot keeps it as Python's."""
    text: exp.Expr = node.args["format"]
    if isinstance(text, exp.Null):
        return exp.cast(text.copy(), "VARCHAR")
    if not text.is_string:
        return text
    return exp.Literal.string(format_time(text.name, BigQuery.INVERSE_TIME_MAPPING, BigQuery.INVERSE_TIME_TRIE) or "")


def _null_of_null(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that may return None, as DuckDB lets only those that take None."""

    @wraps(function)
    def call(*arguments: Any) -> Any:
        return None if None in arguments else function(*arguments)

    return call


def _formatted(text: str, micros: int, offset: int, kind: str) -> str | None:
    try:
        return formatted(text, micros, offset, kind)
    except ValueError:
        return None


def _parsed(text: str, value: str, where: str, kind: str) -> int | None:
    try:
        return parse_time(text, value, where, kind)
    except ValueError:
        return None


def _zone_offset(name: str) -> int | None:
    try:
        return zone_offset(name)
    except ValueError:
        return None


def _month_steps(start: date, stop: date, months: int) -> list[date]:
    found = []
    while start <= stop if months > 0 else start >= stop:
        found.append(start)
        year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
        if not 1 <= year <= 9999:
            break
        following = date(year + (month == 11), (month + 1) % 12 + 1, 1) if (year, month) != (9999, 11) else _LAST
        last = following if following == _LAST else following - timedelta(1)
        start = date(year, month + 1, min(start.day, last.day))
    return found


_FORMATTED: dict[type[exp.Expr], tuple[str, exp.DataType]] = {
    exp.TsOrDsToDate: ("DATE", DATE),
    exp.TsOrDsToDatetime: ("DATETIME", DATETIME),
    exp.TsOrDsToTimestamp: ("TIMESTAMP", TIMESTAMP),
    exp.TsOrDsToTime: ("TIME", TIME),
}
_PARSED: dict[type[exp.Expr], str] = {
    exp.StrToDate: "date",
    exp.StrToTime: "timestamp",
    exp.ParseDatetime: "datetime",
    exp.ParseTime: "time",
}
CALLS: Calls = {exp.TimeToStr: _format, **dict.fromkeys(_PARSED, _parse)}
_TEXT, _INTEGER = "VARCHAR", "BIGINT"
FUNCTIONS: Functions = tuple(
    (name, function, {"parameters": parameters, "return_type": returned, "null_handling": "special"})
    for name, function, parameters, returned in (
        ("bq_written_time", _null_of_null(_formatted), [_TEXT, _INTEGER, _INTEGER, _TEXT], _TEXT),
        ("bq_is_zone", _null_of_null(is_zone), [_TEXT], "BOOLEAN"),
        ("bq_month_steps", _null_of_null(_month_steps), ["DATE", "DATE", _INTEGER], "DATE[]"),
        ("bq_moment_of_text", _null_of_null(_parsed), [_TEXT, _TEXT, _TEXT, _TEXT], _INTEGER),
        ("bq_zone_offset", _null_of_null(_zone_offset), [_TEXT], _INTEGER),
    )
)
