"""The command `logline` on a real stack: a file to its rows, and a failure that explains itself wherever one looks."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from local_stack.clients.airflow import AirflowApi
from local_stack.running import RunningStack
from local_stack.waiting import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

DAY = "2023-07-04"
LINE = '192.0.2.{} - - [04/Jul/2023:10:00:00 +0000] "GET /{} HTTP/1.1" 200 5 "-" "curl/8.0"\n'
REASON = "no object matches gs://{bucket}/nowhere/2023-07-05/*: correct source or the dates, or set wait_for_files"


@dataclass(frozen=True)
class Stack:
    stack: RunningStack
    airflow: AirflowApi

    def logline(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run the command as in a shell of `make env`."""
        return subprocess.run(
            [sys.executable, "-m", "logline_cli", *arguments],
            env=self.stack.process_env,
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
        )

    def query(self, sql: str) -> list[dict[str, Any]]:
        with self.stack.bigquery() as client:
            return [dict(row.items()) for row in client.query_and_wait(sql)]


@pytest.fixture(scope="module")
def provisioned(airflow_stack: RunningStack) -> Iterator[Stack]:
    with airflow_stack.airflow() as airflow:
        run = airflow.wait_for_run(airflow.trigger("provision"), seconds=600)
        assert run.state == "success", airflow.why_failed(run)
        yield Stack(airflow_stack, airflow)


def test_a_file_is_loaded_and_backfilled_to_its_rows(provisioned: Stack, tmp_path: Path) -> None:
    log = tmp_path / "first minutes.log"
    log.write_text("".join(LINE.format(number, number) for number in range(20)) + "not a line\n")
    done = provisioned.logline("load", log, "--backfill")
    assert done.returncode == 0, done.stdout + done.stderr
    uri = f"gs://{provisioned.stack.bucket}/loaded/first_minutes.log"
    assert f"{log} -> {uri} (" in done.stdout
    assert "21 lines of 1 object = 20 rows + 1 rejected + 0 blank; 1 day touched (2023-07-04)." in done.stdout
    (row,) = [line.split() for line in done.stdout.splitlines() if line.startswith(uri)]
    assert row[2:6] == ["21", "20", "1", "0"]
    assert provisioned.query(
        f"SELECT COUNT(*) AS n FROM {provisioned.stack.dataset}.backfilled_requests "
        f"WHERE log_date = '{DAY}' AND source_uri = '{uri}'"
    ) == [{"n": 20}]
    assert "Sleeping" not in _log_of(provisioned, "unit.parse")


def _log_of(provisioned: Stack, task_id: str) -> str:
    run = provisioned.airflow.latest_run("log_backfill")
    assert run is not None
    task = next(task for task in provisioned.airflow.tasks(run.dag_id, run.run_id) if task.task_id == task_id)
    return provisioned.airflow.log(run, task)


def test_a_failed_run_says_why_in_its_note_on_the_page_and_in_the_alert(provisioned: Stack) -> None:
    done = provisioned.logline("backfill", "--prefix", "nowhere", "--from", "2023-07-05")
    reason = REASON.format(bucket=provisioned.stack.bucket)
    assert done.returncode == 1
    assert f"plan FAILED: {reason}" in done.stdout
    run = provisioned.airflow.latest_run("log_backfill")
    assert run is not None
    log = f"{provisioned.airflow.run_url(run)}/tasks/plan?try_number=1"
    assert run.note == f"Failed: plan: `{reason}` Log: {log} Nothing was replaced."
    assert done.stdout.splitlines()[-1] == run.note

    path = log.removeprefix(provisioned.stack.config.airflow_url)
    failed = [{"task": "plan", "reason": reason, "log": path}]
    assert provisioned.airflow.page("run", dag_id=run.dag_id, run_id=run.run_id)["failed"] == failed
    listed = {one["run_id"]: one["failed"] for one in provisioned.airflow.page("runs")}
    assert listed[run.run_id] == failed

    events = _log_of(provisioned, "plan").splitlines()
    (alert,) = [number for number, line in enumerate(events) if "ALERT" in line]
    assert f"{reason}: see docs/operations.md#failed-backfill, log: {log}" in events[alert]
    assert "::endgroup::" in events[alert - 1]


def test_the_status_names_what_failed(provisioned: Stack) -> None:
    wait_for(lambda: provisioned.airflow.has_settled("daily_summary"), seconds=600, what="daily_summary")
    done = provisioned.logline("status")
    assert done.returncode == 4, done.stdout + done.stderr
    assert "no answer" not in done.stdout
    (newest,) = provisioned.query(
        f"SELECT log_date, requests FROM `{provisioned.stack.dataset}.daily_summary` "
        "WHERE log_date >= DATE '1970-01-01' ORDER BY log_date DESC LIMIT 1"
    )
    (row,) = [line.split() for line in done.stdout.splitlines() if line.startswith(str(newest["log_date"]))]
    assert row[-1] == f"{newest['requests']:,}"
    assert row[1] in ("all", "warned:", "FAILED:")
    assert "log_backfill failed" in done.stdout.splitlines()[-1]
    assert f"Airflow  {provisioned.stack.config.airflow_url}  healthy" in done.stdout


def test_the_demo_with_logs_of_ones_own_reads_these_alone(provisioned: Stack, tmp_path: Path) -> None:
    log = tmp_path / "mine.log"
    log.write_text("".join(LINE.format(number, number) for number in range(5)))
    done = subprocess.run(
        [sys.executable, "-m", "local_stack.demo", "--logs", str(log)],
        env=provisioned.stack.process_env,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    steps = [
        line for line in done.stdout.splitlines() if line and not line.startswith((" ", "│", "┃", "┏", "└", "┡", "├"))
    ]
    assert "Uploading your logs (1 file)" in steps
    assert not [line for line in steps if line.startswith(("Making", "Streaming", "Starting the stream"))]
    assert "mine.log" in done.stdout
