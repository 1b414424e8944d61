"""The page's panels: which query each asks, of which tables, and what it makes of the rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from logline.page import notes, parameters, stream_history
from logline.page.days_checked import days_checked
from logline.page.notes import Note
from logline.settings import Settings
from logline.task_ids import BACKFILL_DAG, STREAM_DAG, SUMMARY_DAG

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A part of the page, with the data that `shape` makes of the rows of its query, `sql/NAME.sql`.

    Attributes:
        name: of the query, and the end of its address.
        dag_id: the DAG whose work it shows: who may not see that one's runs does not see the panel.
        tables: what its query reads, small tables all of them. While none changes, the query is not run again.
        asks: what a viewer can say.
        shape: what the page gets.
        notes: what the rows contribute to the verdict.
    """

    name: str
    dag_id: str
    tables: tuple[str, ...]
    asks: type[parameters.Nothing] = parameters.Period
    shape: Callable[[Rows, Settings], Any] = lambda rows, _: rows
    notes: Callable[[Rows], list[Note]] = lambda _: []


def ledger(rows: Rows, settings: Settings) -> dict[str, Any]:
    """Return the source objects of a run, and their total."""
    counts = ("lines", "good", "rejected", "blank", "bytes")
    return {"objects": rows, "total": {name: sum(row[name] or 0 for row in rows) for name in counts}}


def _panel(name: str, table: str, dag_id: str = SUMMARY_DAG, **options: Any) -> Panel:
    return Panel(name=name, tables=(table,), dag_id=dag_id, **options)


PANELS = {
    panel.name: panel
    for panel in (
        _panel("days", "daily_summary", asks=parameters.Nothing),
        _panel("host_days", "daily_hosts", asks=parameters.Host),
        _panel("hosts", "daily_hosts"),
        _panel("statuses", "daily_statuses", asks=parameters.HostPeriod),
        _panel("hours", "hourly_traffic", asks=parameters.HostPeriod),
        _panel("week", "hourly_traffic", asks=parameters.HostPeriod),
        _panel("paths", "daily_paths", asks=parameters.OrderedPaths),
        _panel("channel_days", "daily_channels", asks=parameters.HostPeriod),
        _panel("channels", "daily_channels", asks=parameters.HostPeriod),
        _panel("pages", "daily_pages", asks=parameters.HostPeriod),
        _panel("referers", "daily_referers", asks=parameters.HostPeriod),
        _panel("agent_days", "daily_agents", asks=parameters.HostPeriod),
        _panel("agents", "daily_agents", asks=parameters.AgentsOfKind),
        _panel("browsers", "daily_user_agents", asks=parameters.HostPeriod),
        _panel("visitors", "daily_visitors", asks=parameters.HostPeriod),
        _panel("errors", "daily_errors", asks=parameters.HostPeriod),
        _panel("broken_links", "daily_errors", asks=parameters.HostPeriod),
        _panel("detections", "daily_detections", asks=parameters.HostPeriod, notes=notes.on_detections),
        _panel("detection_days", "daily_detections", asks=parameters.HostPeriod),
        _panel("anomalies", "anomalies", asks=parameters.HostPeriod, notes=notes.on_anomalies),
        _panel("objectives", "daily_objectives", asks=parameters.HostPeriod, notes=notes.on_objectives),
        _panel("checks", "quality_checks", shape=days_checked, notes=notes.on_checks),
        _panel("builds", "request_builds", notes=notes.on_builds),
        _panel("rejection_days", "daily_rejected_lines"),
        _panel("rejections", "daily_rejected_lines"),
        _panel("rejected", "ledger", BACKFILL_DAG),
        _panel("ledger", "ledger", BACKFILL_DAG, asks=parameters.Run, shape=ledger),
        Panel(name="backfills", tables=("ledger", "ledger_days"), dag_id=BACKFILL_DAG, asks=parameters.Nothing),
        Panel(
            name="unread",
            tables=("ledger", "unread_objects"),
            dag_id=BACKFILL_DAG,
            asks=parameters.Nothing,
            notes=notes.on_unread,
        ),
        _panel(
            "stream",
            "stream_supervision",
            STREAM_DAG,
            asks=parameters.Nothing,
            shape=stream_history.stream,
            notes=notes.on_stream,
        ),
        _panel(
            "incidents",
            "stream_supervision",
            STREAM_DAG,
            asks=parameters.Nothing,
            shape=stream_history.incidents,
        ),
    )
}
