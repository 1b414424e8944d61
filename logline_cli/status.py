"""`logline status`: whether the pipeline is well."""

import argparse
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from logline_cli.airflow import AirflowApi, AirflowError
from logline_cli.connection import connection
from logline_cli.progress import Screen
from logline_cli.tables import text_table

WELL, DOWN, NOT_WELL = 0, 3, 4
DAGS = (
    *("provision", "log_backfill", "daily_summary", "stream_supervisor", "late_lines", "sweep", "arrivals"),
    *("dead_letter_replay", "erasure"),
)


def run(options: argparse.Namespace) -> int:
    """Run the subcommand and return its exit code."""
    where = connection(options.airflow_url, options.token)
    screen = Screen()
    with AirflowApi.at(where) as api:
        try:
            health = api.health()
        except AirflowError as error:
            if not error.may_pass:
                raise
            screen.line(str(error))
            return DOWN
        unwell = [name for name, status in health.items() if status not in ("healthy", None)]
        screen.line(f"Airflow  {where.airflow_url}  {', '.join(unwell) + ' not healthy' if unwell else 'healthy'}")
        faults = [
            *unwell,
            *_show_stream(api, screen),
            *_show_runs(api, screen),
            *_show_days(api, screen, options.days),
        ]
    screen.line()
    screen.line(f"not well: {', '.join(faults)}" if faults else "all is well")
    return NOT_WELL if faults else WELL


def _show_stream(api: AirflowApi, screen: Screen) -> list[str]:
    seen = _panel(api, screen, "stream")
    if not seen:
        screen.line("stream   never started")
        return []
    state = (seen["state"] or "no job").removeprefix("JOB_STATE_").lower()
    rate = "" if seen["rows_per_second"] is None else f", {seen['rows_per_second']:,} rows/s"
    if seen.get("is_idle"):
        rate = ", idle"
    lag = "" if seen["lag_seconds"] is None else f", {seen['lag_seconds']:.0f} s behind"
    screen.line(f"stream   {state}{rate}{lag}; {_ago(seen['observed_at'])}: {seen['reason']}")
    return [f"the stream ({seen['runbook']})"] if seen["runbook"] else []


def _show_runs(api: AirflowApi, screen: Screen) -> list[str]:
    latest = {dag_id: run for dag_id in DAGS if (run := api.latest_run(dag_id))}
    rows = [
        (dag_id, run.state, _ago(run.ended or run.started), " ".join((run.note or "").split()))
        for dag_id, run in latest.items()
    ]
    if rows:
        screen.line("\n" + text_table(("latest run", "state", "", "note"), rows))
    return [f"{dag_id} failed" for dag_id, run in latest.items() if run.state == "failed"]


def _show_days(api: AirflowApi, screen: Screen, number: int) -> list[str]:
    summarised: Sequence[Mapping[str, Any]] = _panel(api, screen, "daily", days=7) or ()
    if not summarised:
        return []
    newest = date.fromisoformat(summarised[0]["log_date"])
    first = newest - timedelta(days=number - 1)
    days: Sequence[Mapping[str, Any]] = _panel(api, screen, "reconciliation", first_day=first.isoformat()) or ()
    names = ("log_date", "status", "lines", "good", "rejected", "requests", "duplicates", "unread_objects")
    header = ("day", "reconciliation", "lines", "rows", "rejected", "requests", "duplicates", "unread objects")
    if days:
        screen.line("\n" + text_table(header, [tuple(day[name] for name in names) for day in days]))
    return [f"{day['log_date']} is unbalanced" for day in days if day["status"] == "unbalanced"]


def _panel(api: AirflowApi, screen: Screen, name: str, **parameters: object) -> Any:
    try:
        return api.page(name, **parameters)
    except AirflowError as error:
        screen.line(f"{name}: {error}")
        return None


def _ago(instant: str | None) -> str:
    if not instant:
        return "queued"
    seconds = (datetime.now(UTC) - datetime.fromisoformat(instant)).total_seconds()
    for unit, length in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit} ago"
    return f"{max(seconds, 0):.0f} s ago"
