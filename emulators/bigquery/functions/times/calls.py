"""Dates and times."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import expressions as exp

from emulators.bigquery.functions.macros import Call, Calls, Functions, macro, refuse
from emulators.bigquery.functions.times import texts
from emulators.bigquery.functions.times.arguments import (
    DATE,
    DATETIME,
    DAYS,
    MICROS,
    MONTHS,
    TIME,
    TIMESTAMP,
    number,
    part,
    step,
    typed,
    units,
    zone,
)

FUNCTIONS: Functions = texts.FUNCTIONS

_FRACTIONS = {"MICROSECOND": 10**6, "MILLISECOND": 10**3}
_WHOLES = {"DATE": "bq_extract_date", "TIME": "bq_extract_time", "DATETIME": "bq_extract_datetime"}
_CLOCK = ("HOUR", "MINUTE", "SECOND")
#: Parts of DuckDB's `date_part` and `date_trunc` by BigQuery's names.
_CALENDAR = {name: name.lower() for name in ("YEAR", "QUARTER", "MONTH", "DAY", "ISOYEAR")} | {
    "ISOWEEK": "week",
    "DAYOFYEAR": "doy",
}
_Types = Mapping[type[exp.Expr], exp.DataType]
_OF_ADD: _Types = {exp.DateAdd: DATE, exp.DatetimeAdd: DATETIME, exp.TimestampAdd: TIMESTAMP, exp.TimeAdd: TIME}
_OF_SUB: _Types = {exp.DateSub: DATE, exp.DatetimeSub: DATETIME, exp.TimestampSub: TIMESTAMP, exp.TimeSub: TIME}
_OF_DIFF: _Types = {exp.DateDiff: DATE, exp.DatetimeDiff: DATETIME, exp.TimestampDiff: TIMESTAMP, exp.TimeDiff: TIME}
_OF_TRUNC: _Types = {
    exp.DateTrunc: DATE,
    exp.DatetimeTrunc: DATETIME,
    exp.TimestampTrunc: TIMESTAMP,
    exp.TimeTrunc: TIME,
}
_TIMES = (DATE.this, DATETIME.this, TIMESTAMP.this, TIME.this)
#: Where buckets begin unless told otherwise.
_ORIGIN = "1950-01-01 00:00:00"
_OF_UNIX: Mapping[type[exp.Expr], int] = {exp.UnixSeconds: 10**6, exp.UnixMillis: 10**3, exp.UnixMicros: 1}


def _extract(node: exp.Expr, is_safe: bool) -> exp.Expr | None:
    name, first = part(node.this)
    value = node.expression
    if isinstance(value, exp.AtTimeZone):
        value = macro("bq_local", typed(value.this, TIMESTAMP), zone(value.args["zone"], is_safe))
    if first is not None:
        return macro("bq_extract_week", value, first)
    if name in _WHOLES:
        return macro(_WHOLES[name], value)
    if name in _FRACTIONS:
        return macro("bq_extract_fraction", name.lower(), _FRACTIONS[name], value)
    if name in _CLOCK:
        return macro("bq_extract_clock", name.lower(), value)
    if name == "DAYOFWEEK":
        return macro("bq_extract_weekday", value)
    if name not in _CALENDAR:
        raise refuse(f"A valid date part name is required but found {name}")
    return macro("bq_extract", _CALENDAR[name], value)


def _add(node: exp.Expr, is_safe: bool) -> exp.Expr | None:
    of = _OF_ADD.get(type(node)) or _OF_SUB[type(node)]
    name, _ = part(node.args["unit"])
    count = units(node)
    if count is None:
        raise refuse("An interval of several units is not offered there by the local BigQuery")
    if type(node) in _OF_SUB:
        count = number(-count.to_py()) if count.is_number else exp.Neg(this=exp.paren(count))
    value = typed(node.this, of)
    _check_clock(value, name)
    if name in MONTHS and of in (DATE, DATETIME):
        return macro("bq_add_months", value, _times(count, MONTHS[name]), is_safe)
    if name in ("DAY", "WEEK") and of is DATE:
        return macro("bq_add_days", value, _times(count, DAYS[name]), is_safe)
    if (name not in MICROS and (name != "WEEK" or of is not DATETIME)) or (of is TIME and name == "DAY"):
        raise refuse(f"{name} is no unit that can be added there")
    count, unit = _times(count, DAYS.get(name, 1)), MICROS["DAY" if name == "WEEK" else name]
    if of is TIME:
        return macro("bq_add_time", value, count, unit)
    return macro("bq_add_timestamp" if of is TIMESTAMP else "bq_add", value, count, unit, is_safe)


def _check_clock(value: exp.Expr, unit: str) -> None:
    if unit in MICROS and unit not in DAYS and _evident(value) == DATE.this:
        raise refuse(f"A DATE does not support the {unit} date part")


def _times(count: exp.Expr, factor: int) -> exp.Expr:
    if factor == 1:
        return count
    return (
        number(count.to_py() * factor) if count.is_number else exp.Mul(this=exp.paren(count), expression=number(factor))
    )


def _diff(node: exp.Expr, _: bool) -> exp.Expr | None:
    of = _OF_DIFF[type(node)]
    name, first = part(node.args.get("unit"))
    pair = typed(node.this, of), typed(node.expression, of)
    if name in MICROS and (of is not TIME or name != "DAY"):
        return macro("bq_diff", *pair, MICROS[name])
    if of is TIME or (name not in MONTHS and name not in ("WEEK", "ISOWEEK", "ISOYEAR")):
        raise refuse(f"{name} is no part of a difference there")
    if name in ("WEEK", "ISOWEEK"):
        return macro("bq_diff_weeks", *pair, 1 if first is None else first)
    return macro("bq_diff_isoyears", *pair) if name == "ISOYEAR" else macro("bq_diff_calendar", *pair, name.lower())


def _trunc(node: exp.Expr, is_safe: bool) -> exp.Expr | None:
    of = _OF_TRUNC[type(node)]
    name, first = part(node.args.get("unit"))
    where = node.args.get("zone")
    value, zones = typed(node.this, of), [] if where is None else [zone(where, is_safe)]
    _check_clock(value, name)
    kind = "_in" if zones else "_timestamp" if of is TIMESTAMP else ""
    if name in MICROS and (name != "DAY" or not (zones or of is DATE)) and (of is not TIME or name != "DAY"):
        return macro("bq_trunc_time" if of is TIME else f"bq_trunc_micros{kind}", value, MICROS[name], *zones)
    if of is TIME or name == "DAYOFYEAR" or name not in (*_CALENDAR, "WEEK"):
        raise refuse(f"{name} is no part to truncate to")
    if first is not None:
        return macro(f"bq_trunc_week{kind}", value, first, *zones, is_safe)
    return macro(f"bq_trunc{kind}", value, _CALENDAR[name], *zones, is_safe)


def _last_day(node: exp.Expr, is_safe: bool) -> exp.Expr | None:
    name, first = part(node.args.get("unit") or exp.var("MONTH"))
    value = typed(node.this, DATE)
    if name in ("WEEK", "ISOWEEK"):
        return macro("bq_last_day_of_week", value, 1 if first is None else first, is_safe)
    if name == "ISOYEAR":
        return macro("bq_last_day_of_isoyear", value, is_safe)
    if name not in MONTHS:
        raise refuse(f"A valid date part name is required but found {name}")
    return macro("bq_last_day", value, name.lower(), MONTHS[name], is_safe)


def _unix(node: exp.Expr, _: bool) -> exp.Expr | None:
    return macro("bq_unix", typed(node.this, TIMESTAMP), _OF_UNIX[type(node)])


def _of_unix(node: exp.Expr, is_safe: bool) -> exp.Expr | None:
    scale = node.args.get("scale")
    return macro("bq_timestamp_of_unix", node.this, 10 ** (6 - (int(scale.name) if scale else 0)), is_safe)


def _unix_date(node: exp.Expr, _: bool) -> exp.Expr | None:
    return macro("bq_unix_date", typed(node.this, DATE))


def _date_of_unix(node: exp.Expr, is_safe: bool) -> exp.Expr | None:
    return macro("bq_date_of_unix", node.this, is_safe)


def _made(name: str, of: exp.DataType, argument: str = "zone") -> Call:
    """Return what becomes of DATE(), DATETIME() or TIME() of one value, and maybe a zone."""

    def call(node: exp.Expr, is_safe: bool) -> exp.Expr | None:
        value, where = node.this, node.args.get(argument)
        if node.expressions or isinstance(node.parent, exp.TimeToStr):
            return None
        if isinstance(value, exp.Literal) and where is None:
            return exp.cast(exp.cast(value, DATETIME), of)
        value = typed(value, of if where is None else TIMESTAMP)
        if where is None:
            return macro(name, value)
        if argument != "zone" and not where.is_string:
            return macro("bq_datetime_with", value, where, is_safe)
        return macro(f"{name}_in", value, zone(where, is_safe), *([] if of is TIME else [is_safe]))

    return call


def _of_parts(name: str, *names: str) -> Call:
    return lambda node, is_safe: macro(name, *(node.args[each] for each in names), is_safe)


def _timestamp(node: exp.Expr, is_safe: bool) -> exp.Expr | None:
    value, where = node.this, node.args.get("zone")
    if isinstance(value, exp.Null):
        value = typed(value, TIMESTAMP if where is None else DATETIME)
    if where is not None:
        return macro("bq_timestamp_in", value, zone(where, is_safe), is_safe)
    return None if isinstance(value, exp.Literal) else macro("bq_timestamp", value, is_safe)


def _bucket(node: exp.Expr, _: bool) -> exp.Expr | None:
    name = node.name.upper()
    of = {"DATE_BUCKET": DATE, "DATETIME_BUCKET": DATETIME, "TIMESTAMP_BUCKET": TIMESTAMP}[name]
    width = step(node.expressions[1]) if len(node.expressions) in (2, 3) else None
    if width is None or (width[1] in MONTHS and (len(node.expressions) == 3 or of is TIMESTAMP)):
        raise refuse(f"{name} of that width is not offered by the local BigQuery")
    value, (count, unit) = typed(node.expressions[0], of), width
    if count <= 0 or (of is DATE and unit not in (*DAYS, *MONTHS)):
        raise refuse(f"{name} does not support that bucket width")
    if unit in MONTHS:
        return macro("bq_month_bucket", value, count * MONTHS[unit])
    origin = typed(node.expressions[2] if len(node.expressions) == 3 else exp.Literal.string(_ORIGIN), of)
    micros = count * DAYS[unit] * MICROS["DAY"] if unit in DAYS else count * MICROS[unit]
    return macro("bq_bucket_timestamp" if of is TIMESTAMP else "bq_bucket", value, micros, origin)


def _sequence(node: exp.Expr, is_safe: bool) -> exp.Expr | None:
    of, name = (DATE, "bq_dates") if isinstance(node, exp.GenerateDateArray) else (TIMESTAMP, "bq_timestamps")
    ends = typed(node.args["start"], of), typed(node.args["end"], of)
    unit, _ = part(node.args["step"].args["unit"])
    count = units(node.args["step"])
    if count is not None and of is DATE and unit in MONTHS:
        return macro("bq_dates_by_months", *ends, _times(count, MONTHS[unit]), is_safe)
    if count is None or unit not in (DAYS if of is DATE else MICROS):
        raise refuse(f"{unit} is no unit of the steps of such an array")
    micros = DAYS[unit] * MICROS["DAY"] if unit in DAYS else MICROS[unit]
    return macro(name, *ends, count, micros, is_safe)


def _minus(node: exp.Expr, is_safe: bool) -> exp.Expr | None:
    left, right = node.this, node.expression
    kind, other = _evident(left), _evident(right)
    if kind is not None and other is None:
        return _moved(
            left,
            exp.Neg(this=right if isinstance(right, exp.Interval) else exp.paren(right)),
            is_safe,
        )
    if kind is None or kind != other:
        return None
    names = {DATE.this: "bq_days_between", DATETIME.this: "bq_days_and_micros_between"}
    return macro(names.get(kind, "bq_micros_between"), left, right)


def _plus(node: exp.Expr, is_safe: bool) -> exp.Expr | None:
    for one, other in ((node.this, node.expression), (node.expression, node.this)):
        if _evident(one) is not None and _evident(other) is None:
            return _moved(one, other, is_safe)
    return None


def _moved(moment: exp.Expr, by: exp.Expr, is_safe: bool) -> exp.Expr | None:
    """Return a date or time that is written as such and moved by days, or by an interval of one unit."""
    kind, width = _evident(moment), step(by.this if isinstance(by, exp.Neg) else by)
    if kind == DATE.this and not by.find(exp.Interval):
        return macro("bq_add_days", moment, by, is_safe)
    if width is None or kind == TIME.this:
        return None
    (count, unit), of = width, TIMESTAMP if kind == TIMESTAMP.this else DATETIME
    added = -count if isinstance(by, exp.Neg) else count
    value = macro("bq_datetime", moment) if kind == DATE.this else moment
    if unit in MONTHS:
        return macro("bq_add_months", value, added * MONTHS[unit], is_safe)
    micros = DAYS[unit] * MICROS["DAY"] if unit in DAYS else MICROS[unit]
    return macro("bq_add_timestamp" if of is TIMESTAMP else "bq_add", value, added, micros, is_safe)


def _evident(node: exp.Expr) -> exp.DType | None:
    """Return the type of a date or time that is written as such."""
    kind = node.to.this if isinstance(node, exp.Cast) else None
    return kind if kind in _TIMES else None


CALLS: Calls = {
    exp.Add: _plus,
    exp.Extract: _extract,
    **dict.fromkeys([*_OF_ADD, *_OF_SUB], _add),
    **dict.fromkeys(_OF_DIFF, _diff),
    **dict.fromkeys(_OF_TRUNC, _trunc),
    **dict.fromkeys(_OF_UNIX, _unix),
    **dict.fromkeys(("DATE_BUCKET", "DATETIME_BUCKET", "TIMESTAMP_BUCKET"), _bucket),
    **dict.fromkeys((exp.GenerateDateArray, exp.GenerateTimestampArray), _sequence),
    **dict.fromkeys((exp.Datetime, exp.TsOrDsToDatetime), _made("bq_datetime", DATETIME, "expression")),
    **dict.fromkeys((exp.Time, exp.TsOrDsToTime), _made("bq_time", TIME)),
    exp.Date: _made("bq_date", DATE),
    exp.DateFromParts: _of_parts("bq_date_of_parts", "year", "month", "day"),
    exp.DateFromUnixDate: _date_of_unix,
    exp.LastDay: _last_day,
    exp.Sub: _minus,
    exp.TimeFromParts: _of_parts("bq_time_of_parts", "hour", "min", "sec"),
    exp.Timestamp: _timestamp,
    exp.TimestampFromParts: _of_parts("bq_datetime_of_parts", "year", "month", "day", "hour", "min", "sec"),
    exp.UnixDate: _unix_date,
    exp.UnixToTime: _of_unix,
    **texts.CALLS,
}
