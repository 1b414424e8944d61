"""What users give a DAG: checks of its Params that need no service, each fault one line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from airflow.sdk.exceptions import AirflowFailException

from logline.log_formats import is_log_format, log_formats

DAY_FORMAT = "%Y-%m-%d"
# How many days a run may be asked for.
MAX_DAYS = 366


class ParamError(AirflowFailException, ValueError):
    """A run cannot do what it was asked for; the message is one line that says what to change."""


def parse_day(name: str, value: object) -> date:
    """Read a calendar day written as `YYYY-MM-DD`.

    Raises:
        ParamError: naming the Param `name` when `value` is anything else.
    """
    text = str(value)
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        try:
            return date.fromisoformat(text)
        except ValueError:
            pass
    raise ParamError(f"{name} must be a calendar day written as YYYY-MM-DD, it is {text!r}")


def parse_range(start: object, end: object) -> tuple[date | None, date | None]:
    """Read the Params `start_date` and `end_date`; either may be None, which leaves that end open.

    Raises:
        ParamError: not a date, or end before start.
    """
    first = None if start is None else parse_day("start_date", start)
    last = None if end is None else parse_day("end_date", end)
    if first is not None and last is not None and last < first:
        raise ParamError(f"end_date {last} is before start_date {first}: swap them")
    return first, last


def days_in_range(start: object, end: object) -> list[date]:
    """Return all days from `start_date` to `end_date`, both included; one that is None is the other, both are no day.

    Raises:
        ParamError: not a date, end before start, or more than MAX_DAYS days.
    """
    first, last = parse_range(start, end)
    first, last = first or last, last or first
    if first is None or last is None:
        return []
    count = (last - first).days + 1
    if count > MAX_DAYS:
        raise ParamError(f"{first} to {last} are {count} days, one run takes at most {MAX_DAYS}: split the range")
    return [first + timedelta(days=offset) for offset in range(count)]


def check_log_format(log_format: str) -> str:
    """Return `log_format`, or raise ParamError naming the known ones."""
    if not is_log_format(log_format, "backfill"):
        raise ParamError(
            f"log_format {log_format!r} is unknown: choose one of {', '.join(log_formats('backfill'))}, or give the "
            "server's own format string"
        )
    return log_format


def check_known_params(conf: Mapping[str, object] | None, known: Iterable[str]) -> None:
    """Refuse a run configuration with a key that is not a Param, which Airflow would silently ignore.

    Raises:
        ParamError: naming the unknown keys and the known ones.
    """
    names = sorted(known)
    unknown = sorted(set(conf or {}) - set(names))
    if unknown:
        keys = ", ".join(repr(key) for key in unknown)
        raise ParamError(f"unknown parameter {keys}: the parameters of this DAG are {', '.join(names)}")
