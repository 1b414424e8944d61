"""The supervisor in a real Airflow with a real stream: its job killed, updated with approval, and never two of it."""

import json
import math
import os
import signal
from datetime import UTC, datetime
from typing import Any

import pytest
from google.cloud import bigquery

from local_stack.clients.airflow import AirflowApi, DagRun, error_line
from local_stack.running import RunningStack
from local_stack.waiting import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

STREAM = "log-stream"
RUN_SECONDS = 600


def supervised(api: AirflowApi, conf: dict[str, Any] | None = None) -> tuple[DagRun, dict[str, str | None]]:
    """Trigger a run and wait for its end; the states of its tasks."""
    run = api.wait_for_run(api.trigger("stream_supervisor", conf), seconds=RUN_SECONDS)
    return run, {task.task_id: task.state for task in api.tasks(run.dag_id, run.run_id)}


def succeeded(api: AirflowApi, run: DagRun) -> None:
    """Wait for the end of a run that has to succeed."""
    ended = api.wait_for_run(run, seconds=RUN_SECONDS)
    assert ended.state == "success", api.why_failed(ended)


def running(stack: RunningStack) -> str:
    """Wait until exactly one job of the stream runs and has said so itself, so that it knows of signals; its id."""
    with stack.dataflow() as dataflow:

        def one() -> str | None:
            active = [job for job in dataflow.jobs(STREAM) if job.is_active]
            if [job.state for job in active] != ["JOB_STATE_RUNNING"]:
                return None
            folder = stack.config.state_dir / "dataflow/jobs" / active[0].id
            return active[0].id if (folder / "metrics.json").exists() else None

        return wait_for(one, seconds=300, what="a running stream")


def approve(stack: RunningStack, api: AirflowApi, run: DagRun, task_id: str) -> None:
    """Approve what a run asks, not before the scheduler knows that it asks.

    An answer that comes sooner, as no human's does, fails the task in Airflow 3.3.2: it is queued again when the
    scheduler hears that its first part is over.
    """
    scheduler_log = stack.config.state_dir / "logs/airflow-scheduler.log"
    heard = f"Received executor event with state success for task instance TaskInstanceKey(dag_id='{run.dag_id}', "
    heard += f"task_id='{task_id}', run_id='{run.run_id}'"
    wait_for(lambda: heard in scheduler_log.read_text(errors="replace"), seconds=RUN_SECONDS, what=f"{task_id} to ask")
    answer = {"chosen_options": ["Approve"], "params_input": {}}
    api.request("PATCH", f"/dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances/{task_id}/-1/hitlDetails", json=answer)


def test_the_stream_is_kept_alive(airflow_stack: RunningStack) -> None:
    with airflow_stack.airflow() as api:
        succeeded(api, api.trigger("provision"))
        # The session's other tests have killed streams too: by itself a run would make a pause first.
        run, _ = supervised(api, {"action": "launch"})
        assert run.state == "success", api.why_failed(run)
        first = running(airflow_stack)

        process = json.loads((airflow_stack.config.state_dir / "dataflow/jobs" / first / "process.json").read_text())
        os.killpg(process["pid"], signal.SIGKILL)
        with airflow_stack.dataflow() as dataflow:
            wait_for(
                lambda: not any(job.is_active and job.id == first for job in dataflow.jobs(STREAM)),
                seconds=180,
                what="the killed job to have failed",
            )
        run, _ = supervised(api, {"action": "launch"})
        assert run.state == "success", api.why_failed(run)
        second = running(airflow_stack)
        assert second != first

        # Every task again, and the stream stays.
        api.clear(run, ["decide"])
        succeeded(api, run)
        wait_for(lambda: heartbeats(airflow_stack), seconds=180, what="the heartbeat of that run to land")
        run, states = supervised(api)
        assert (states["check"], states["record"], states["launch"]) == ("success", "success", "skipped")
        assert running(airflow_stack) == second

        asked = api.trigger("stream_supervisor", {"action": "update", "approval": True})
        approve(airflow_stack, api, asked, "approve_update")
        succeeded(api, asked)
        third = running(airflow_stack)
        assert third != second

        run, states = supervised(api, {"max_lag_seconds": 1, "action": "drain"})
        assert (states["drain"], states["check"]) == ("success", "skipped")
        with airflow_stack.dataflow() as dataflow:
            wait_for(
                lambda: not any(job.is_active and job.id == third for job in dataflow.jobs(STREAM)),
                seconds=180,
                what="the drain",
            )
            by_id = {job.id: job.state for job in dataflow.jobs(STREAM)}
        assert by_id[first] == "JOB_STATE_FAILED"
        assert by_id[second] == "JOB_STATE_UPDATED"
        assert by_id[third] == "JOB_STATE_DRAINED"

        recorded = rows(airflow_stack)
        assert {"launch", "keep", "update", "drain"} <= {row["decision"] for row in recorded}
        assert any(row["lag_seconds"] is not None for row in recorded if row["decision"] == "keep")


def test_an_alarm_is_one_line_that_names_the_runbook(airflow_stack: RunningStack) -> None:
    with airflow_stack.airflow() as api:
        supervised(api, {"action": "launch"})
        running(airflow_stack)
        wait_for(lambda: minutes_without_rows(airflow_stack) > 1, seconds=180, what="rows to be older than a minute")
        run, states = supervised(api, {"max_freshness_minutes": 1})
        assert run.state == "failed"
        assert (states["decide"], states["record"], states["check"]) == ("success", "success", "failed")
        (check,) = [task for task in api.tasks(run.dag_id, run.run_id) if task.task_id == "check"]
        log = api.log(run, check)
        assert "see docs/operations.md#stale-rows" in error_line(log)
        assert "ALERT stream_supervisor.check" in log
        supervised(api, {"action": "drain"})


def minutes_without_rows(stack: RunningStack) -> float:
    """How long ago the newest row was streamed; infinite where there is none."""
    client: bigquery.Client = stack.bigquery()
    table = f"{stack.dataset}.streamed_requests"
    query = f"SELECT MAX(ingested_at) AS newest FROM {table} WHERE log_date >= '1970-01-01'"
    (found,) = client.query(query).result()
    return (datetime.now(UTC) - found.newest).total_seconds() / 60 if found.newest else math.inf


def heartbeats(stack: RunningStack) -> int:
    """How many heartbeats have landed."""
    client: bigquery.Client = stack.bigquery()
    ((count,),) = client.query(f"SELECT COUNT(*) FROM {stack.dataset}.stream_heartbeats").result()
    return int(count)


def rows(stack: RunningStack) -> list[dict[str, Any]]:
    client: bigquery.Client = stack.bigquery()
    found = client.query(f"SELECT * FROM {stack.dataset}.stream_supervision ORDER BY observed_at").result()
    return [dict(row.items()) for row in found]
