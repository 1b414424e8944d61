"""The stream as `stream_supervisor` has seen it: how it is now, and what happened to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from logline.settings import Settings

Rows = Sequence[Mapping[str, Any]]


def stream(rows: Rows, settings: Settings) -> dict[str, Any] | None:
    """Return the stream as it was seen last, and its history of a day; None when it was never seen.

    `rows_per_second` is the mean between two observations of the same job; every job starts its counters at zero. A
    stream is idle where no row came between the two, and its heartbeats land, so that no line can have been waiting.
    """
    if not rows:
        return None
    rates = [_rate(newer, older) for newer, older in pairwise(rows)] + [None]
    latest = rows[0]
    return {
        **{name: latest[name] for name in latest if name not in ("rows", "rejected")},
        "good": latest["rows"],
        "rejected": latest["rejected"],
        "rows_per_second": rates[0],
        "is_idle": rates[0] is not None
        and latest["rows"] == rows[1]["rows"]
        and latest["lag_seconds"] is not None
        and latest["runbook"] is None,
        "job_url": settings.job_url(latest["job_id"]) if latest["job_id"] else None,
        "history": [
            {"at": row["observed_at"], "lag_seconds": row["lag_seconds"], "rows_per_second": rate}
            for row, rate in zip(reversed(rows), reversed(rates), strict=True)
        ],
    }


def incidents(rows: Rows, settings: Settings) -> list[dict[str, Any]]:
    """Join looks at which the stream was not well, one after the other, into incidents, the newest first.

    An incident ends with the first look that finds the stream running and kept; `ended` is None of one that goes on.
    `launches` is how often the stream was launched meanwhile.
    """
    found: list[dict[str, Any]] = []
    current: dict[str, Any] | None = None
    for row in rows:
        if row["decision"] == "keep" and row["runbook"] is None:
            if current:
                current["ended"] = row["observed_at"]
            current = None
            continue
        if current is None:
            current = {
                "began": row["observed_at"],
                "ended": None,
                "launches": 0,
                "runbooks": [],
                "reason": row["reason"],
            }
            found.append(current)
        current["launches"] += row["decision"] == "launch"
        current["reason"] = row["reason"] if row["runbook"] else current["reason"]
        if row["runbook"] and (runbook := settings.runbook_url(row["runbook"])) not in current["runbooks"]:
            current["runbooks"].append(runbook)
    return found[::-1]


def _rate(newer: Mapping[str, Any], older: Mapping[str, Any]) -> float | None:
    counted = newer["rows"] is not None and older["rows"] is not None
    if not counted or newer["job_id"] != older["job_id"] or newer["rows"] < older["rows"]:
        return None
    seconds = (newer["observed_at"] - older["observed_at"]).total_seconds()
    return round((newer["rows"] - older["rows"]) / seconds, 1) if seconds > 0 else None
