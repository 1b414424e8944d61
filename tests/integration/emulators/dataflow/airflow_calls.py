"""Airflow's own operators, sensors and triggers, run as a program of their own: the endpoint switches work per process.

`python airflow_calls.py NAME...` prints what each named function returned, or its error, as one JSON object.
"""

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Here, and not below: importing airflow reads the endpoint switches.
from airflow.providers.common.compat.sdk import AirflowException

LOCATION = "us-central1"
PROJECT = os.environ["GOOGLE_CLOUD_PROJECT"]


class Task:
    """What operators want of a task instance."""

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


def context() -> Any:
    task = Task()
    return {"ti": task, "task_instance": task}


def first_event(trigger: Any) -> Any:
    async def run() -> Any:
        async for event in trigger.run():
            return event.payload
        return None

    return asyncio.run(asyncio.wait_for(run(), 120))


def start(name: str, *, wait: bool | None = False, **parameters: Any) -> Any:
    from airflow.providers.google.cloud.operators.dataflow import DataflowStartFlexTemplateOperator

    launch = {
        "jobName": name,
        "containerSpecGcsPath": os.environ["TEST_SPEC"],
        "parameters": {key: str(value) for key, value in parameters.items()},
    }
    start = DataflowStartFlexTemplateOperator(
        task_id="start",
        body={"launchParameter": launch},
        location=LOCATION,
        append_job_name=False,
        wait_until_finished=wait,
        poll_sleep=0,
    )
    return start.execute(context())


def status(job_id: str, **arguments: Any) -> Any:
    from airflow.providers.google.cloud.sensors.dataflow import DataflowJobStatusSensor

    return DataflowJobStatusSensor(
        task_id="wait", job_id=job_id, expected_statuses={"JOB_STATE_DONE"}, location=LOCATION, **arguments
    )


def until(job_id: str, state: str) -> str:
    from airflow.providers.google.cloud.triggers.dataflow import DataflowJobStatusTrigger

    event = first_event(
        DataflowJobStatusTrigger(
            job_id=job_id, expected_statuses={state}, project_id=PROJECT, location=LOCATION, poll_sleep=0
        )
    )
    return str(event["status"])


def start_and_wait_in_a_sensor(folder: Path) -> Any:
    gate = folder / "gate"
    job = start("sensed", until=gate)
    early = status(job["id"]).poke(context())
    gate.touch()
    event = until(job["id"], "JOB_STATE_DONE")
    return [early, event, status(job["id"]).poke(context())]


def start_and_wait_in_the_operator(folder: Path) -> Any:
    return start("waited", wait=True)["currentState"]


def start_a_job_that_fails(folder: Path) -> Any:
    job = start("failed", exit_code=2)
    event = until(job["id"], "JOB_STATE_DONE")
    try:
        status(job["id"]).poke(context())
    except AirflowException as error:
        return [event, str(error).replace(job["id"], "ID")]
    return [event]


def start_twice(folder: Path) -> Any:
    gate = folder / "gate"
    job = start("twice", until=gate)
    try:
        start("twice")
    finally:
        gate.touch()
        until(job["id"], "JOB_STATE_DONE")


def start_deferred(folder: Path) -> Any:
    from airflow.providers.google.cloud.triggers.dataflow import TemplateJobStartTrigger

    job = start("deferred")
    return first_event(TemplateJobStartTrigger(job_id=job["id"], project_id=PROJECT, location=LOCATION, poll_sleep=0))[
        "status"
    ]


def poll_for_long(folder: Path) -> Any:
    """Watch a job with four triggers in one event loop until they have asked 2,000 times; what that has cost."""
    import psutil
    from airflow.providers.google.cloud.hooks.dataflow import AsyncDataflowHook
    from airflow.providers.google.cloud.triggers.dataflow import DataflowJobStatusTrigger

    gate, process = folder / "gate", psutil.Process()
    job_id = start("polled", until=gate)["id"]
    until(job_id, "JOB_STATE_RUNNING")
    seen: list[tuple[int, int]] = []
    get_job_status = AsyncDataflowHook.get_job_status
    polls = 0

    async def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal polls
        polls += 1
        if polls in (200, 2_000):
            connections = [one for one in process.net_connections() if one.status == psutil.CONN_ESTABLISHED]
            seen.append((len(connections), process.memory_info().rss))
        if polls == 2_000:
            gate.touch()
        return await get_job_status(*args, **kwargs)

    AsyncDataflowHook.get_job_status = counted
    trigger = DataflowJobStatusTrigger(
        job_id=job_id, expected_statuses={"JOB_STATE_DONE"}, project_id=PROJECT, location=LOCATION, poll_sleep=0
    )

    async def watch() -> list[str]:
        async def ended() -> str:
            return str((await anext(trigger.run())).payload["status"])

        return list(await asyncio.gather(*(ended() for _ in range(4))))

    statuses = asyncio.run(asyncio.wait_for(watch(), 400))
    (early, early_bytes), (late, late_bytes) = seen
    return {
        "statuses": statuses,
        "more_connections": late - early,
        "more_than_10_MB": late_bytes - early_bytes > 10_000_000,
    }


def stop(folder: Path) -> Any:
    from airflow.providers.google.cloud.operators.dataflow import DataflowStopJobOperator

    job = start("stopped", until=folder / "gate")
    until(job["id"], "JOB_STATE_RUNNING")
    stop = DataflowStopJobOperator(task_id="stop", job_id=job["id"], location=LOCATION, poll_sleep=0)
    stop.execute(context())
    return until(job["id"], "JOB_STATE_CANCELLED")


def read_metrics_and_messages(folder: Path) -> Any:
    from airflow.providers.google.cloud.sensors import dataflow as sensors
    from airflow.providers.google.cloud.triggers import dataflow as triggers

    job_id = start("measured", counter=5, log="ERROR:loud")["id"]
    until(job_id, "JOB_STATE_DONE")
    common = {"job_id": job_id, "project_id": PROJECT, "location": LOCATION, "fail_on_terminal_state": False}

    def lines(metrics: list[dict[str, Any]]) -> Any:
        return [one["scalar"] for one in metrics if one["name"]["name"] == "lines"]

    def errors(messages: list[dict[str, Any]]) -> Any:
        return [one["messageText"] for one in messages if one["messageImportance"] == "JOB_MESSAGE_ERROR"]

    metrics = sensors.DataflowJobMetricsSensor(task_id="metrics", callback=lines, **common).poke(context())
    messages = sensors.DataflowJobMessagesSensor(task_id="messages", callback=errors, **common).poke(context())
    measured = first_event(triggers.DataflowJobMetricsTrigger(**common, poll_sleep=0))["result"]
    said = first_event(triggers.DataflowJobMessagesTrigger(**common, poll_sleep=0))["result"]
    return [
        metrics.xcom_value,
        messages.xcom_value,
        lines(measured),
        [one["message_text"] for one in said if "loud" in one["message_text"]],
    ]


def check_values_in_bigquery(folder: Path) -> Any:
    from airflow.providers.google.cloud.hooks.bigquery import BigQueryHook
    from airflow.providers.google.cloud.operators import bigquery as operators

    hook = BigQueryHook(location="US", use_legacy_sql=False)
    hook.create_empty_dataset(dataset_id="checks", exists_ok=True)
    query = "CREATE OR REPLACE TABLE checks.t AS (SELECT 1 AS a UNION ALL SELECT 2)"
    hook.insert_job(configuration={"query": {"query": query, "useLegacySql": False}}, project_id=PROJECT)
    common = {"use_legacy_sql": False, "location": "US"}
    operators.BigQueryCheckOperator(task_id="check", sql="SELECT count(*) = 2 FROM checks.t", **common).execute(
        context()
    )
    operators.BigQueryTableCheckOperator(
        task_id="table", table="checks.t", checks={"rows": {"check_statement": "count(*) = 2"}}, **common
    ).execute(context())
    operators.BigQueryColumnCheckOperator(
        task_id="column", table="checks.t", column_mapping={"a": {"max": {"equal_to": 2}}}, **common
    ).execute(context())
    return "checked"


def read_a_job_of_bigquery_in_a_trigger(folder: Path) -> Any:
    from airflow.providers.google.cloud.hooks.bigquery import BigQueryAsyncHook, BigQueryHook

    job = BigQueryHook(location="US", use_legacy_sql=False).insert_job(
        configuration={"query": {"query": "SELECT 41 + 1", "useLegacySql": False}}, project_id=PROJECT, location="US"
    )
    answer = asyncio.run(BigQueryAsyncHook().get_job_output(job_id=job.job_id, project_id=PROJECT))
    return answer["rows"][0]["f"][0]["v"]


def find_objects_in_a_trigger(folder: Path) -> Any:
    from airflow.providers.google.cloud.hooks.gcs import GCSHook
    from airflow.providers.google.cloud.sensors.gcs import GCSObjectsWithPrefixExistenceSensor
    from airflow.providers.google.cloud.triggers.gcs import GCSPrefixBlobTrigger

    hook = GCSHook()
    bucket = f"{PROJECT}-triggered"
    hook.create_bucket(bucket_name=bucket)
    hook.upload(bucket_name=bucket, object_name="logs/a.log", data="1")
    poked = GCSObjectsWithPrefixExistenceSensor(task_id="sense", bucket=bucket, prefix="logs/").poke(context())
    trigger = GCSPrefixBlobTrigger(
        bucket=bucket, prefix="logs/", poke_interval=0, google_cloud_conn_id="google_cloud_default", hook_params={}
    )
    return [poked, first_event(trigger)["matches"]]


def main(names: list[str]) -> None:
    results = {}
    for name in names:
        call: Callable[[Path], Any] = globals()[name]
        with tempfile.TemporaryDirectory() as folder:
            try:
                results[name] = {"returned": call(Path(folder))}
            except Exception as error:  # noqa: BLE001 - the test shows it
                results[name] = {"raised": f"{type(error).__name__}: {error}"}
    print(json.dumps(results))


if __name__ == "__main__":
    main(sys.argv[1:])
