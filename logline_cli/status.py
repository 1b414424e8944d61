"""`logline status`: whether the pipeline is well."""

import argparse
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from logline_cli.airflow import AirflowApi, AirflowError
from logline_cli.connection import connection
from logline_cli.progress import Screen
from logline_cli.tables import counted, text_table

WELL, UNKNOWN, DOWN, NOT_WELL = 0, 1, 3, 4
# Of a day, as the panel of the checks names them.
_FIGURES = ("lines", "rejected", "landed")
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
        page = _Page(api, screen)
        faults = [
            *unwell,
            *_show_stream(page, screen),
            *_show_runs(api, screen),
            *_show_days(page, screen, options.days),
            *_show_unread(page, screen),
        ]
    screen.line()
    if faults:
        screen.line(f"not well: {', '.join(faults)}")
        return NOT_WELL
    if page.unanswered:
        screen.line(f"not known: {', '.join(page.unanswered)}")
        return UNKNOWN
    screen.line("all is well")
    return WELL


class _Page:
    """The panels of the page Logline; those without an answer are said, and kept in `unanswered`."""

    def __init__(self, api: AirflowApi, screen: Screen) -> None:
        self._api = api
        self._screen = screen
        self.unanswered: list[str] = []

    def panel(self, name: str, **parameters: object) -> Any:
        """Return the data of a panel, None where it has none or no answer."""
        try:
            return self._api.page(name, **parameters)
        except AirflowError as error:
            self._screen.line(f"{name}: {error}")
            self.unanswered.append(name)
            return None


def _show_stream(page: _Page, screen: Screen) -> list[str]:
    seen = page.panel("stream")
    if not seen:
        if "stream" not in page.unanswered:
            screen.line("stream   never started")
        return []
    no_job = "being launched" if seen["decision"] == "launch" else "no job"
    state = (seen["state"] or no_job).removeprefix("JOB_STATE_").lower()
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


def _show_days(page: _Page, screen: Screen, number: int) -> list[str]:
    summarised: Sequence[Mapping[str, Any]] = page.panel("days") or ()
    if not summarised:
        return []
    requests = {day["log_date"]: day["requests"] for day in summarised}
    newest = date.fromisoformat(max(requests))
    first = newest - timedelta(days=number - 1)
    days: Sequence[Mapping[str, Any]] = page.panel("checks", first_day=first, last_day=newest) or ()
    rows = [
        (day["log_date"], _verdict(day), *(day[name] for name in _FIGURES), requests.get(day["log_date"]))
        for day in days
    ]
    if rows:
        screen.line("\n" + text_table(("day", "checks", *_FIGURES, "requests"), rows))
    return [f"{day['log_date']} does not balance" for day in days if _not_passed(day, "fail")]


def _verdict(day: Mapping[str, Any]) -> str:
    said = [f"FAILED: {name}" for name in _not_passed(day, "fail")]
    said += [f"warned: {name}" for name in _not_passed(day, "warn")]
    return "; ".join(said) or f"all {day['checks']} passed"


def _not_passed(day: Mapping[str, Any], level: str) -> list[str]:
    return [check["check_name"] for check in day["not_passed"] if check["level"] == level]


def _show_unread(page: _Page, screen: Screen) -> list[str]:
    objects: Sequence[Mapping[str, Any]] = page.panel("unread") or ()
    if not objects:
        return []
    screen.line(
        f"\n{counted(len(objects), 'object')} in the bucket that no run has read, the first {objects[0]['object']}"
    )
    return ["unread objects (unread-objects)"]


def _ago(instant: str | None) -> str:
    if not instant:
        return "queued"
    seconds = (datetime.now(UTC) - datetime.fromisoformat(instant)).total_seconds()
    for unit, length in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit} ago"
    return f"{max(seconds, 0):.0f} s ago"
