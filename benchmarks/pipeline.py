"""One backfill on a stack of its own, from the trigger to the end of the daily summaries.

As a script it prints the figures as JSON. It runs with the modules of this commit or, started in the folder of an
earlier one, with those of that commit:

    python benchmarks/pipeline.py STATE_FOLDER 2026-11-01 3 20000
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_WRITES = re.compile(
    r"^\s*(CREATE|INSERT|MERGE|DELETE|UPDATE)\b(?:\s+(?:OR|REPLACE|TABLE|VIEW|INTO|FROM|IF|NOT|EXISTS))*\s+[`\w.-]*?(\w+)`?(?![`\w.-])",
    re.MULTILINE,
)
# More than any machine takes that is worth waiting for.
WAIT_SECONDS = 1800


@dataclass(frozen=True)
class Measured:
    """What a backfill took.

    Attributes:
        run_id: of the run of log_backfill.
        seconds: from the trigger to the end of the last daily summary.
        backfill_seconds: to the end of the run of log_backfill.
        tasks: task instances of that run.
        longest: the longest of its tasks, with their seconds.
        statements: the longest jobs of the local BigQuery by what they write, with their seconds; none of an earlier
            commit, which has no jobs of a script's statements.
    """

    run_id: str
    seconds: float
    backfill_seconds: float
    tasks: int
    longest: list[tuple[str, float]]
    statements: list[tuple[str, float]]


@contextmanager
def provisioned(state_dir: Path) -> Iterator[tuple[Any, Any]]:
    """Start a stack with tables, and stop it; yields the stack and a client of its Airflow."""
    old = find_spec("local_stack") is None
    running = import_module("emulators.stack.running" if old else "local_stack.running")
    client = import_module("emulators.stack.airflow_api" if old else "local_stack.clients.airflow")
    with running.running_stack(state_dir, airflow=True) as stack, client.AirflowApi.of(stack.config) as airflow:
        # They would read the logs before they are asked for.
        for dag_id in () if old else ("arrivals", "sweep"):
            airflow.request("PATCH", f"/dags/{dag_id}", json={"is_paused": True})
        _succeeded(airflow.wait_for_run(airflow.trigger("provision"), seconds=WAIT_SECONDS))
        yield stack, airflow


def generate(stack: Any, first: date, days: int, lines: int) -> None:
    """Write logs into the bucket."""
    options = [f"--start_date={first}", f"--days={days}", f"--lines_per_day={lines}"]
    subprocess.run(
        [sys.executable, "-m", "beam_jobs.generate_logs", f"--output=gs://{stack.bucket}/logs", *options],
        env=stack.process_env,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    # It is no log, and would be read for one: an earlier commit's generator cannot write it elsewhere.
    with stack.storage() as storage:
        storage.bucket(stack.bucket).blob("logs/truth.json").delete()


def backfill(stack: Any, airflow: Any, first: date, days: int) -> Measured:
    """Backfill days and wait for their summaries."""
    last = first + timedelta(days=days - 1)
    started = airflow.trigger("log_backfill", {"start_date": f"{first}", "end_date": f"{last}"})
    run = _succeeded(airflow.wait_for_run(started, seconds=WAIT_SECONDS))
    return until_summarised(stack, airflow, run, first, days)


def until_summarised(stack: Any, airflow: Any, run: Any, first: date, days: int) -> Measured:
    """Wait for the summaries of the days that an ended run of log_backfill has read."""
    last = first + timedelta(days=days - 1)
    waiting = import_module("local_stack.waiting" if find_spec("local_stack") else "emulators.stack.airflow_api")

    def summaries() -> list[Any] | None:
        with stack.bigquery() as client:
            query = f"SELECT log_date FROM {stack.dataset}.daily_summary WHERE log_date BETWEEN '{first}' AND '{last}'"
            summarised = len(list(client.query_and_wait(query)))
        runs = [one for one in airflow.runs("daily_summary") if one.started is None or one.started >= run.started]
        return runs if summarised == days and runs and all(one.ended for one in runs) else None

    ended = waiting.wait_for(summaries, seconds=WAIT_SECONDS, what="the daily summaries")
    tasks = airflow.tasks(run.dag_id, run.run_id)
    longest = sorted(((task.task_id, task.seconds or 0.0) for task in tasks), key=lambda task: -task[1])[:6]
    with stack.bigquery() as client:
        statements = [] if find_spec("local_stack") is None else _longest_statements(client, 6)
    return Measured(
        run_id=run.run_id,
        seconds=_seconds(run.started, max(_succeeded(one).ended for one in ended)),
        backfill_seconds=_seconds(run.started, run.ended),
        tasks=len(tasks),
        longest=longest,
        statements=statements,
    )


def _longest_statements(client: Any, most: int) -> list[tuple[str, float]]:
    jobs = list(client.list_jobs())
    ended = [job for whole in jobs for job in list(client.list_jobs(parent_job=whole.job_id)) or [whole]]
    seconds = [(_written(job), (job.ended - job.started).total_seconds()) for job in ended if job.ended]
    return sorted(seconds, key=lambda of_job: -of_job[1])[:most]


def _written(job: Any) -> str:
    if job.job_type != "query":
        return f"{job.job_type} {job.destination.table_id}"
    words = _WRITES.search(job.query)
    return f"{words[1]} {words[2]}" if words else "SELECT"


def _succeeded(run: Any) -> Any:
    if run.state != "success":
        sys.exit(f"run {run.run_id} of {run.dag_id} failed")
    return run


def _seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def main(arguments: list[str]) -> None:
    """Measure one backfill and print it."""
    folder, first, days, lines = arguments
    with provisioned(Path(folder)) as (stack, airflow):
        generate(stack, date.fromisoformat(first), int(days), int(lines))
        found = backfill(stack, airflow, date.fromisoformat(first), int(days))
    print(json.dumps(asdict(found)))


if __name__ == "__main__":
    main(sys.argv[1:])
