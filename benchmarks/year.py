"""366 days of 2,000 lines in gzip by one trigger, beside three days of 20,000: ``python -m benchmarks.year``.

On a stack of its own with a real Airflow. Counts Dataflow jobs, and runs of all DAGs.
"""

from __future__ import annotations

import gzip
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from benchmarks.pipeline import Measured, backfill, generate, provisioned
from benchmarks.table import machine

FEW_DAYS, FEW_LINES = 3, 20_000
FIRST, DAYS, LINES = date(2024, 1, 1), 366, 2_000
MAX_JOBS, MAX_RUNS, MAX_TIMES = 2, 25, 10
DAGS = ("log_backfill", "daily_summary", "late_lines")


def main() -> None:
    """Measure and print; exit non-zero where a figure is missed."""
    with tempfile.TemporaryDirectory() as folder, provisioned(Path(folder)) as (stack, airflow):
        few = date(2026, 11, 1)
        generate(stack, few, FEW_DAYS, FEW_LINES)
        of_few = backfill(stack, airflow, few, FEW_DAYS)
        with stack.storage() as client:
            bucket = client.bucket(stack.bucket)
            for day, content in year():
                bucket.blob(f"logs/{day}/access.log.gz").upload_from_string(content)
        runs = count_runs(airflow)
        of_year = backfill(stack, airflow, FIRST, DAYS)
        runs = count_runs(airflow) - runs
        units = airflow.xcom(airflow.run("log_backfill", of_year.run_id), "plan")
        jobs = sum(len(stack.dataflow().jobs(unit["job_name"])) for unit in units)
    report(of_few, of_year, jobs, runs)


def year() -> Iterator[tuple[date, bytes]]:
    """Yield each day with its log in gzip."""
    for offset in range(DAYS):
        day = FIRST + timedelta(days=offset)
        lines = (_line(day, number) for number in range(LINES))
        yield day, gzip.compress("".join(lines).encode(), 1)


def _line(day: date, number: int) -> str:
    at = datetime.combine(day, time(), UTC) + timedelta(seconds=43 * number)
    request = f'"GET /page/{number % 97} HTTP/1.1" 200 {number} "-" "curl/8.0"'
    return f"192.0.2.{number % 250} - - [{at:%d/%b/%Y:%H:%M:%S %z}] {request}\n"


def count_runs(airflow: Any) -> int:
    """Return how many runs there are of the DAGs that a backfill starts."""
    return sum(len(airflow.runs(dag_id)) for dag_id in DAGS)


def report(of_few: Measured, of_year: Measured, jobs: int, runs: int) -> None:
    """Print the figures; exit non-zero where one is missed."""
    times = of_year.seconds / of_few.seconds
    rows = (
        ("Dataflow jobs", f"{jobs}", f"at most {MAX_JOBS}", jobs <= MAX_JOBS),
        ("runs of all DAGs", f"{runs}", f"at most {MAX_RUNS}", runs <= MAX_RUNS),
        (
            "trigger to the last summary",
            f"{of_year.seconds:.0f} s",
            f"{times:.1f} of {MAX_TIMES} times",
            times < MAX_TIMES,
        ),
    )
    few = f"{FEW_DAYS} x {FEW_LINES:,} lines: {of_few.seconds:.1f} s"
    print(f"{DAYS} days of {LINES:,} lines in gzip, one trigger: {machine()}; {few}")
    print("| | found | wanted | |\n|---|---|---|---|")
    for name, found, wanted, met in rows:
        print(f"| {name} | {found} | {wanted} | {'met' if met else 'MISSED'} |")
    if not all(row[3] for row in rows):
        sys.exit(1)


if __name__ == "__main__":
    main()
