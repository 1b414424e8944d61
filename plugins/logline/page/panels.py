"""The page's panels: which query each asks, and what it makes of the rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from logline.page.warehouse import printable, total
from logline.settings import Settings
from logline.task_ids import BACKFILL_DAG, STREAM_DAG, SUMMARY_DAG

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One part of the page, with the data that `shape` makes of the rows of its query, `sql/NAME.sql`."""

    name: str
    # The DAG whose work it shows: who may not see that one's runs does not see the panel.
    dag_id: str
    shape: Callable[[Rows, Settings], Any] = lambda rows, _: rows
    # How long one answer is shared.
    seconds: float = 5.0


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
        "launches": sum(row["decision"] == "launch" for row in rows),
        "alarms": sum(row["runbook"] is not None for row in rows),
        "job_url": settings.job_url(latest["job_id"]) if latest["job_id"] else None,
        "history": [
            {"at": row["observed_at"], "lag_seconds": row["lag_seconds"], "rows_per_second": rate}
            for row, rate in zip(reversed(rows), reversed(rates), strict=True)
        ],
    }


def _rate(newer: Mapping[str, Any], older: Mapping[str, Any]) -> float | None:
    counted = newer["rows"] is not None and older["rows"] is not None
    if not counted or newer["job_id"] != older["job_id"] or newer["rows"] < older["rows"]:
        return None
    seconds = (newer["observed_at"] - older["observed_at"]).total_seconds()
    return round((newer["rows"] - older["rows"]) / seconds, 1) if seconds > 0 else None


def rejected(rows: Rows, settings: Settings) -> list[dict[str, Any]]:
    """Group the lines by reason, each with its count and its latest lines."""
    reasons: dict[str, dict[str, Any]] = {}
    for row in rows:
        reason = reasons.setdefault(
            row["error_type"],
            {name: row[name] for name in ("error_type", "lines", "replayed", "streamed")} | {"examples": []},
        )
        names = ("error_message", "source_uri", "source_offset", "ingested_at")
        reason["examples"].append({name: row[name] for name in names} | {"line": printable(row["raw_line"])})
    return list(reasons.values())


def ledger(rows: Rows, settings: Settings) -> dict[str, Any]:
    """Return the source objects of a run, and their total."""
    counts = ("lines", "good", "rejected", "blank", "bytes")
    return {"objects": rows, "total": {name: total(rows, name) for name in counts}}


# The reconciliation reads the landing tables, so it is refreshed rarely.
PANELS = {
    panel.name: panel
    for panel in (
        Panel(name="stream", dag_id=STREAM_DAG, shape=stream),
        Panel(name="freshness", dag_id=SUMMARY_DAG),
        Panel(name="traffic", dag_id=SUMMARY_DAG),
        Panel(name="hours", dag_id=SUMMARY_DAG),
        Panel(name="daily", dag_id=SUMMARY_DAG),
        Panel(name="top_paths", dag_id=SUMMARY_DAG),
        Panel(name="top_referers", dag_id=SUMMARY_DAG),
        Panel(name="top_agents", dag_id=SUMMARY_DAG),
        Panel(name="top_visitors", dag_id=SUMMARY_DAG),
        Panel(name="reconciliation", dag_id=SUMMARY_DAG, seconds=300.0),
        Panel(name="rejected", dag_id=BACKFILL_DAG, shape=rejected),
        Panel(name="backfills", dag_id=BACKFILL_DAG),
        Panel(name="ledger", dag_id=BACKFILL_DAG, shape=ledger),
    )
}
