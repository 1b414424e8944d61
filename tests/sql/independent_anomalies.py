"""The rows of `anomalies`, apart from dags/sql: plain Python over the rows of `hourly_traffic`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from math import sqrt
from statistics import median
from typing import Any

WEEKS, FEWEST = 8, 4


def anomalies(traffic: Iterable[Mapping[str, Any]], day: date, today: date) -> list[tuple[Any, ...]]:
    """The rows of a day, in the order of the table's columns without the sentence."""
    by_hour = {(row["hour"], row["host"]): row for row in traffic}
    days = {hour.date() for hour, _ in by_hour}
    if day not in days:
        return []
    before = [past for week in range(1, WEEKS + 1) if (past := day - timedelta(weeks=week)) in days]
    has_hosts = any(host for hour, host in by_hour if hour.date() == day)
    hosts = {
        host
        for _, host in by_hour
        if sum(any((_at(past, hour), host) in by_hour for hour in range(24)) for past in before) >= FEWEST
        and not (host is None and has_hosts)
    }
    last = max(hour.hour for hour, _ in by_hour if hour.date() == day) if day == today else 24
    rows: list[tuple[Any, ...]] = []
    for host in hosts:
        silent: list[tuple[datetime, float, float, int]] = []
        found: list[tuple[Any, ...]] = []
        for hour in range(last):
            now = by_hour.get((_at(day, hour), host))
            past = [by_hour.get((_at(one, hour), host)) for one in before]
            for measure in ("requests", "server_error_share", "p95_duration_ms"):
                value = _value(measure, now)
                known = [one for row in past if (one := _value(measure, row)) is not None]
                if value is None or len(known) < FEWEST:
                    continue
                expected = median(known)
                away = 1.4826 * median(abs(one - expected) for one in known)
                floors = {
                    "requests": (0.15 * expected, sqrt(expected), 5.0),
                    "server_error_share": (0.02, 0.2 / sqrt(now["requests"]) if now else 0),
                    "p95_duration_ms": (0.25 * expected, 20.0),
                }
                deviation = (value - expected) / max(away, *floors[measure])
                if measure == "requests" and value == 0:
                    silent.append((_at(day, hour), expected, deviation, len(known)))
                if deviation >= 6 or (measure == "requests" and deviation <= -6):
                    found.append((day, _at(day, hour), host, measure, value, expected, deviation, len(known)))
        if sum(expected for _, expected, _, _ in silent) >= 30:
            found = [row for row in found if row[4] != 0]
            found.append(
                (
                    *(day, silent[0][0], host, "silence", 0.0, sum(one[1] for one in silent)),
                    *(sum(one[2] for one in silent), min(one[3] for one in silent)),
                )
            )
        rows += found
    return rows


def _at(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), UTC)


def _value(measure: str, row: Mapping[str, Any] | None) -> float | None:
    if measure == "requests":
        return float(row["requests"]) if row else 0.0
    if row is None or row["requests"] < (20 if measure == "server_error_share" else 50):
        return None
    if measure == "p95_duration_ms":
        return row["p95_duration_ms"]
    return None if row["server_errors"] is None else row["server_errors"] / row["requests"]
