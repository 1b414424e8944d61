"""The balance of each day, from what the gates of `daily_summary` have noted down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from logline.settings import Settings

# A figure of a day, by the check and the column that hold it.
FIGURES = {
    "lines": ("lines = rows + rejected + blank", "expected"),
    "rejected": ("share of rejected lines", "actual"),
    "landed": ("landed = requests + duplicates", "expected"),
}


def days_checked(rows: Sequence[Mapping[str, Any]], settings: Settings) -> list[dict[str, Any]]:
    """Return each day with its figures, how many checks there were, and those that did not pass."""
    return [_day(list(checks)) for _, checks in groupby(rows, key=lambda row: row["log_date"])]


def _day(checks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    by_name = {check["check_name"]: check for check in checks}
    latest = max(checks, key=lambda check: check["checked_at"])
    shown = ("level", "check_name", "expected", "actual", "message")
    return {
        **{name: latest[name] for name in ("log_date", "checked_at", "run_id", "checks")},
        **{
            figure: int(by_name[check][column]) if check in by_name else None
            for figure, (check, column) in FIGURES.items()
        },
        "not_passed": [{name: check[name] for name in shown} for check in checks if not check["passed"]],
    }
