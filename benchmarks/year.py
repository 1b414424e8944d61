"""366 days of 2,000 lines in gzip by one trigger, beside three days of 20,000: ``python -m benchmarks.year``.

On a stack of its own with a real Airflow. Counts Dataflow jobs, and runs of all DAGs. After that another year by one
run of `sweep`, and one by Airflow's own backfill, which makes a run for each day, with a run by hand beside it;
``--trigger``, ``--sweep``, ``--airflow``: these alone.
"""

from __future__ import annotations

import gzip
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from benchmarks.pipeline import WAIT_SECONDS, backfill, generate, provisioned, until_summarised
from benchmarks.table import machine
from local_stack.waiting import wait_for

FEW_DAYS, FEW_LINES = 3, 20_000
FIRST, DAYS, LINES = date(2024, 1, 1), 366, 2_000
MAX_JOBS, MAX_RUNS, MAX_TIMES = 2, 25, 10
DAGS = ("log_backfill", "daily_summary", "late_lines")
SWEPT_FIRST, SWEPT_DAYS = date(2023, 1, 1), 365
# By Airflow's own backfill.
AIRFLOW_FIRST, AIRFLOW_DAYS = date(2022, 1, 1), 365
BY_HAND = date(2021, 1, 1)
MAX_BY_HAND, MAX_DELAY = 10, 60


def main() -> None:
    """Measure and print; exit non-zero where a figure is missed."""
    ways = {"--trigger": by_one_trigger, "--sweep": by_sweep, "--airflow": by_airflow}
    asked = [way for way in ways if way in sys.argv[1:]] or list(ways)
    with tempfile.TemporaryDirectory() as folder, provisioned(Path(folder)) as (stack, airflow):
        met = [ways[way](stack, airflow) for way in asked]
    if not all(met):
        sys.exit(1)


def by_one_trigger(stack: Any, airflow: Any) -> bool:
    """Measure a year by one trigger, print it, and return whether no figure is missed."""
    few = date(2026, 11, 1)
    generate(stack, few, FEW_DAYS, FEW_LINES)
    of_few = backfill(stack, airflow, few, FEW_DAYS)
    upload(stack, FIRST, DAYS)
    runs = count_runs(airflow)
    of_year = backfill(stack, airflow, FIRST, DAYS)
    runs = count_runs(airflow) - runs
    jobs = count_jobs(stack, airflow, of_year.run_id)
    times = of_year.seconds / of_few.seconds
    few_said = f"{FEW_DAYS} x {FEW_LINES:,} lines: {of_few.seconds:.1f} s"
    return report(
        f"{DAYS} days of {LINES:,} lines in gzip, one trigger: {machine()}; {few_said}",
        [
            ("Dataflow jobs", f"{jobs}", f"at most {MAX_JOBS}", jobs <= MAX_JOBS),
            ("runs of all DAGs", f"{runs}", f"at most {MAX_RUNS}", runs <= MAX_RUNS),
            (
                "trigger to the last summary",
                f"{of_year.seconds:.0f} s",
                f"{times:.1f} of {MAX_TIMES} times",
                times < MAX_TIMES,
            ),
        ],
    )


def by_sweep(stack: Any, airflow: Any) -> bool:
    """Measure a year that lay in the bucket unread, print it, and return whether no figure is missed."""
    upload(stack, SWEPT_FIRST, SWEPT_DAYS)
    runs, before = count_runs(airflow), {run.run_id for run in airflow.runs("log_backfill")}
    airflow.request("PATCH", "/dags/sweep", json={"is_paused": False})
    began = datetime.now(UTC)
    swept = airflow.wait_for_run(airflow.trigger("sweep"), seconds=WAIT_SECONDS)
    started = wait_for(
        lambda: [run for run in airflow.runs("log_backfill") if run.run_id not in before],
        seconds=WAIT_SECONDS,
        what="the run that sweep starts",
    )
    ended = [airflow.wait_for_run(run, seconds=WAIT_SECONDS) for run in started]
    airflow.request("PATCH", "/dags/sweep", json={"is_paused": True})
    until_summarised(stack, airflow, ended[0], SWEPT_FIRST, SWEPT_DAYS)
    seconds = (datetime.now(UTC) - began).total_seconds()
    jobs = count_jobs(stack, airflow, ended[0].run_id)
    runs = count_runs(airflow) - runs
    print(f"sweep: {swept.state}; {ended[0].run_id}: {airflow.run('log_backfill', ended[0].run_id).note}")
    return report(
        f"{SWEPT_DAYS} days of {LINES:,} lines in gzip that lay unread, one run of sweep: {machine()}; {seconds:.0f} s",
        [
            ("runs of log_backfill", f"{len(ended)}", "1", len(ended) == 1),
            ("Dataflow jobs", f"{jobs}", f"at most {MAX_JOBS}", jobs <= MAX_JOBS),
            ("runs of all DAGs", f"{runs}", f"at most {MAX_RUNS}", runs <= MAX_RUNS),
        ],
    )


def by_airflow(stack: Any, airflow: Any) -> bool:
    """Measure days by Airflow's own backfill, print it, and return whether no figure is missed."""
    upload(stack, AIRFLOW_FIRST, AIRFLOW_DAYS)
    upload(stack, BY_HAND, 1)
    alone = backfill(stack, airflow, BY_HAND, 1)
    began = datetime.now(UTC)
    asked = {
        "dag_id": "log_backfill",
        # The run of a day reads the files of the day before.
        "from_date": f"{AIRFLOW_FIRST + timedelta(days=1)}T00:00:00Z",
        "to_date": f"{AIRFLOW_FIRST + timedelta(days=AIRFLOW_DAYS)}T23:00:00Z",
    }
    made = airflow.request("POST", "/backfills", json=asked)["id"]
    beside = backfill(stack, airflow, BY_HAND, 1)
    wait_for(lambda: airflow.request("GET", f"/backfills/{made}")["completed_at"], seconds=3600, what="the backfill")
    seconds = (datetime.now(UTC) - began).total_seconds()
    of_days = [run for run in airflow.runs("log_backfill") if run.run_id.startswith("backfill")]
    succeeded = sum(run.state == "success" for run in of_days)
    with_jobs = [run for run in of_days if "Nothing was replaced" not in (run.note or "")]
    late = delays(airflow, began)
    times = beside.seconds / alone.seconds
    for run in (*with_jobs[:1], *of_days[-1:]):
        print(f"{run.run_id}: {run.note}")
    return report(
        f"{AIRFLOW_DAYS} days of {LINES:,} lines in gzip by Airflow's own backfill: {machine()}; {seconds:.0f} s",
        [
            ("runs that succeeded", f"{succeeded}", f"{AIRFLOW_DAYS}", succeeded == AIRFLOW_DAYS),
            ("of them with a Dataflow job", f"{len(with_jobs)}", f"at most {MAX_JOBS}", len(with_jobs) <= MAX_JOBS),
            (
                "a day by hand meanwhile",
                f"{beside.seconds:.0f} s",
                f"{times:.1f} of {MAX_BY_HAND} times",
                times < MAX_BY_HAND,
            ),
            (
                f"longest delay of {len(late)} runs of stream_supervisor",
                f"{max(late, default=0):.0f} s",
                f"at most {MAX_DELAY} s",
                bool(late) and max(late) <= MAX_DELAY,
            ),
        ],
    )


def delays(airflow: Any, since: datetime) -> list[float]:
    """Return how many seconds after their time the runs of stream_supervisor since then ended."""
    runs = airflow.request("GET", "/dags/stream_supervisor/dagRuns", params={"limit": 100, "order_by": "-run_after"})
    found = []
    for run in runs["dag_runs"]:
        due = datetime.fromisoformat(run["run_after"])
        if due >= since and run["end_date"] and run["run_type"] == "scheduled":
            found.append((datetime.fromisoformat(run["end_date"]) - due).total_seconds())
    return found


def upload(stack: Any, first: date, days: int) -> None:
    """Write days of logs into the bucket."""
    with stack.storage() as client:
        bucket = client.bucket(stack.bucket)
        for day, content in logs(first, days):
            bucket.blob(f"logs/{day}/access.log.gz").upload_from_string(content)


def logs(first: date, days: int) -> Iterator[tuple[date, bytes]]:
    """Yield each day with its log in gzip."""
    for offset in range(days):
        day = first + timedelta(days=offset)
        lines = (_line(day, number) for number in range(LINES))
        yield day, gzip.compress("".join(lines).encode(), 1)


def _line(day: date, number: int) -> str:
    at = datetime.combine(day, time(), UTC) + timedelta(seconds=43 * number)
    request = f'"GET /page/{number % 97} HTTP/1.1" 200 {number} "-" "curl/8.0"'
    return f"192.0.2.{number % 250} - - [{at:%d/%b/%Y:%H:%M:%S %z}] {request}\n"


def count_jobs(stack: Any, airflow: Any, run_id: str) -> int:
    """Return how many Dataflow jobs a run of log_backfill has launched."""
    units = airflow.xcom(airflow.run("log_backfill", run_id), "plan")
    return sum(len(stack.dataflow().jobs(unit["job_name"])) for unit in units)


def count_runs(airflow: Any) -> int:
    """Return how many runs there are of the DAGs that a backfill starts."""
    return sum(len(airflow.runs(dag_id)) for dag_id in DAGS)


def report(heading: str, rows: Sequence[tuple[str, str, str, bool]]) -> bool:
    """Print figures, and return whether none is missed."""
    print(heading)
    print("| | found | wanted | |\n|---|---|---|---|")
    for name, found, wanted, met in rows:
        print(f"| {name} | {found} | {wanted} | {'met' if met else 'MISSED'} |", flush=True)
    return all(row[3] for row in rows)


if __name__ == "__main__":
    main()
