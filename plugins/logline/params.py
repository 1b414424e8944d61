"""What users give a DAG: checks of its Params that need no service, each fault one line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date

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
