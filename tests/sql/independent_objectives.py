"""The rows of `daily_objectives`, apart from dags/sql: plain Python, with what the settings of the tests want."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Any

# Shares of requests that are to be answered, and to be fast, and how many milliseconds that is.
OBJECTIVES = {"shop.example": (0.99, 0.9, 300.0)}
USUAL = (0.999, 0.95, 500.0)


def objectives(
    requests: Iterable[tuple[date, str | None, int | None, float | None]],
) -> dict[date, list[tuple[Any, ...]]]:
    """The rows by day, in the order of the table's columns, of the day, host, status and duration of requests."""
    of_row: dict[tuple[date, str | None], list[tuple[int | None, float | None]]] = defaultdict(list)
    for day, host, status, duration in requests:
        of_row[day, host].append((status, duration))
    rows: dict[date, list[tuple[Any, ...]]] = defaultdict(list)
    for (day, host), found in of_row.items():
        available, speed, threshold = OBJECTIVES.get(str(host), USUAL)
        durations = [duration for _, duration in found if duration is not None]
        failed = sum(500 <= (status or 0) <= 599 for status, _ in found)
        fast = sum(duration <= threshold for duration in durations)
        rows[day].append((day, host, len(found), failed, len(durations), fast, threshold, speed, available))
    return rows
