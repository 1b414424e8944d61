"""Intervals in results, and dates out of range there.

bqemulator 1.4.0 puts one sign before all parts of an interval, and fails within where a date is not one of Python's.
"""

from typing import Any

from bqemulator.api.routes import jobs
from bqemulator.domain.errors import InvalidQueryError
from bqemulator.storage import arrow_bridge


def interval_text(months: int, days: int, nanoseconds: int) -> str:
    """Return an interval as GoogleSQL writes it: year and month, days and time, each with its own sign."""
    year, month = divmod(abs(months), 12)
    seconds, micros = divmod(abs(nanoseconds) // 1000, 10**6)
    fraction = f".{micros:06}".removesuffix("000") if micros else ""
    time = f"{seconds // 3600}:{seconds // 60 % 60}:{seconds % 60}{fraction}"
    return f"{_sign(months)}{year}-{month} {days} {_sign(nanoseconds)}{time}"


def _sign(number: int) -> str:
    return "-" if number < 0 else ""


def _rows(*arguments: Any, **options: Any) -> Any:
    try:
        return arrow_bridge.arrow_table_to_bq_rows(*arguments, **options)
    except (OverflowError, ValueError) as error:
        raise InvalidQueryError(f"A value of the result is out of range: {error}", location="query") from error


def patch() -> None:
    """Put these in the place of bqemulator's."""
    vars(arrow_bridge)["format_bq_interval"] = interval_text
    vars(jobs)["arrow_table_to_bq_rows"] = _rows
