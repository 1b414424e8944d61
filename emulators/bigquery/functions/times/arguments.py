"""Arguments of functions of dates and times: parts, units, zones, and literals of no type."""

from __future__ import annotations

from sqlglot import expressions as exp

from emulators.bigquery.functions.macros import macro, refuse
from emulators.bigquery.functions.times.zones import zone_offset

DATE, TIME, DATETIME, TIMESTAMP = (
    exp.DataType.build(name, dialect="bigquery") for name in ("DATE", "TIME", "DATETIME", "TIMESTAMP")
)
MONTHS = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}
DAYS = {"DAY": 1, "WEEK": 7}
MICROS = {"MICROSECOND": 1, "MILLISECOND": 10**3, "SECOND": 10**6, "MINUTE": 60 * 10**6, "HOUR": 3600 * 10**6} | {
    "DAY": 86_400 * 10**6
}
_WEEKDAYS = ("SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY")


def number(value: int) -> exp.Expr:
    """Return a literal, which may be negative."""
    return exp.convert(value)


def part(node: exp.Expr | None) -> tuple[str, int | None]:
    """Return the name of a part of dates, and of a week the weekday that it begins with: 0 is Sunday."""
    if isinstance(node, exp.WeekStart):
        return "WEEK", _WEEKDAYS.index(node.name.upper())
    if isinstance(node, exp.Anonymous | exp.Week):
        raise refuse(f"A valid date part name is required but found {node.sql('bigquery')}")
    name = node.name.upper() if node is not None else "DAY"
    return name, 0 if name == "WEEK" else None


def units(node: exp.Expr) -> exp.Expr | None:
    """Return how many units are added; None where that is written as in `INTERVAL '1-2' YEAR TO MONTH`.

    Args:
        node: A sum, or an interval.

    Raises:
        InvalidQueryError: It is no whole number.
    """
    if isinstance(node.args.get("unit"), exp.IntervalSpan):
        return None
    count: exp.Expr = node.this if isinstance(node, exp.Interval) else node.expression
    if not isinstance(count, exp.Literal):
        return count.copy()
    try:
        return number(int(count.name))
    except ValueError:
        raise refuse(f"Interval value must be coercible to INT64 type: {count.name}") from None


def step(node: exp.Expr) -> tuple[int, str] | None:
    """Return number and unit of an interval, unless it is computed or has several units."""
    count = units(node) if isinstance(node, exp.Interval) else None
    return (count.to_py(), part(node.args["unit"])[0]) if count is not None and count.is_number else None


def typed(node: exp.Expr, of: exp.DataType) -> exp.Expr:
    """Return an argument whose type DuckDB knows: literals have that of the function."""
    if isinstance(node, exp.Null) or (isinstance(node, exp.Literal) and node.is_string):
        return exp.cast(node.copy(), of.copy())
    return node


def zone(node: exp.Expr | None, is_safe: bool) -> exp.Expr:
    """Return what a zone is for the macros: micros east of UTC, or a name."""
    if node is None:
        return number(0)
    if isinstance(node, exp.Null):
        return exp.cast(node.copy(), "VARCHAR")
    if isinstance(node, exp.Literal):
        try:
            offset = zone_offset(node.name)
        except ValueError:
            offset = None
        if offset is not None:
            return number(offset)
    return macro("bq_known_zone", node) if is_safe else node
