"""Calls of logline's operators, made in a process of their own that the endpoint switches point at the emulators.

Prints one JSON object: what each call returned, or the line it failed with.
"""

import json
import logging
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import airflow_local_settings  # noqa: F401 (what Airflow imports at its start)
from airflow.providers.google.cloud.hooks.dataflow import DataflowHook
from airflow.providers.google.cloud.hooks.gcs import GCSHook
from airflow.sdk.exceptions import AirflowException, AirflowFailException, TaskDeferred

from logline.backfill.listing import list_sources
from logline.backfill.sources import DaySource
from logline.backfill.units import SourceObject
from logline.dataflow.manifest import read_manifest
from logline.dataflow.operators import (
    LaunchFlexTemplateOperator,
    RunFlexTemplateOperator,
    is_done,
    launch_body,
)
from logline.preflight import check_bigquery, check_dataflow, check_services, template
from logline.settings import Settings
from logline.uris import split_uri
from logline.warehouse import load, queries
from logline.warehouse.load import LoadManifestFilesOperator, StagingTable
from logline.warehouse.migrate_tables import MigrateTablesOperator
from logline.warehouse.queries import Query, QueryOperator, bigquery_hook, fetch_rows

SETTINGS = Settings.from_environment()


class TaskInstance:
    """Takes the links an operator leaves."""

    try_number = 1

    def xcom_push(self, key: str, value: Any) -> None:
        """Forget it."""


CONTEXT: Any = {"ti": TaskInstance(), "task_instance": TaskInstance(), "task": None}


def body(name: str, **parameters: str) -> dict[str, Any]:
    parameters = {"output": output(name), "run_id": name, **parameters}
    made = launch_body(SETTINGS, "backfill", job_name=name, day="2015-05-17", parameters=parameters)
    # Nothing renders them here.
    del made["launchParameter"]["environment"]["additionalUserLabels"]
    return made


def output(name: str) -> str:
    return f"gs://{SETTINGS.bucket}/staging/{name}"


def launch(name: str, **parameters: str) -> str:
    operator = LaunchFlexTemplateOperator(task_id="launch", settings=SETTINGS, body=body(name, **parameters))
    return operator.execute(CONTEXT)


def run_to_its_end(name: str, **parameters: str) -> str:
    operator = RunFlexTemplateOperator(
        task_id="run", settings=SETTINGS, body=body(name, **parameters), total_bytes="1000"
    )
    try:
        return operator.execute(CONTEXT)
    except TaskDeferred as deferred:  # a busy machine; here nothing resumes it
        (job_id,) = deferred.kwargs.values()
        while True:
            try:
                return operator.execute_complete(CONTEXT, {"status": "success"}, job_id)
            except TaskDeferred:
                time.sleep(1)


def run_what_is_listed() -> bool:
    """A list of pinned objects, one of them replaced since."""
    bucket = GCSHook().get_conn().bucket(SETTINGS.bucket)
    lines = []
    for name in ("kept", "replaced"):
        blob = bucket.blob(f"listed/{name}.log")
        blob.upload_from_string(bucket.blob("logs/a.log").download_as_bytes())
        lines.append(
            SourceObject("all", f"gs://{SETTINGS.bucket}/{blob.name}", int(blob.generation), int(blob.size)).line()
        )
    bucket.blob("listed/replaced.log").upload_from_string("another content\n")
    bucket.blob("listed/objects.jsonl").upload_from_string("\n".join(lines) + "\n")
    return bool(run_to_its_end("listed", objects=f"gs://{SETTINGS.bucket}/listed/objects.jsonl"))


def run_a_job_that_fails() -> str:
    return run_to_its_end("run-fails", source=f"gs://{SETTINGS.bucket}/logs/truncated.gz", unreadable="stop")


def load_twice_and_once_they_are_dropped() -> dict[str, Any]:
    """What `run_what_is_listed` has written."""
    client = bigquery_hook(SETTINGS).get_client(project_id=SETTINGS.project)

    def load() -> tuple[int, str]:
        operator = LoadManifestFilesOperator(
            task_id="load",
            settings=SETTINGS,
            manifest=f"{output('listed')}/manifest.json",
            tables=[StagingTable("rows", into="listed", columns_of="backfilled_requests")],
            suffix="x",
            day="2015-05-17",
        )
        operator.job_labels = {}
        operator.execute(CONTEXT)
        table = client.get_table(f"{SETTINGS.staging_dataset}.listed_x")
        return table.num_rows, str(table.created)

    first, again = load(), load()
    client.delete_table(f"{SETTINGS.staging_dataset}.listed_x")
    anew = load()
    return {"rows": [first[0], again[0], anew[0]], "same table": again == first, "new table": anew[1] != first[1]}


def load_in_portions() -> dict[str, Any]:
    """Five files of what `run_what_is_listed` has written, two of them in a job at most."""
    client = bigquery_hook(SETTINGS).get_client(project_id=SETTINGS.project)
    bucket = GCSHook().get_conn().bucket(SETTINGS.bucket)
    (written,) = read_manifest(f"{output('listed')}/manifest.json").files["rows"]
    files = [written.replace("/rows/", f"/copies/{number}/") for number in range(5)]
    for name in files:
        bucket.copy_blob(bucket.blob(split_uri(written)[1]), bucket, split_uri(name)[1])
    manifest = {"version": 2, "run_id": "copies", "files": {"rows": files}}
    bucket.blob("staging/copies/manifest.json").upload_from_string(json.dumps(manifest))
    load.MAX_FILES = 2
    operator = LoadManifestFilesOperator(
        task_id="load",
        settings=SETTINGS,
        manifest=f"{output('copies')}/manifest.json",
        tables=[StagingTable("rows", into="copies", columns_of="backfilled_requests")],
        suffix="x",
        day="2015-05-17",
    )
    operator.job_labels = {}
    operator.execute(CONTEXT)
    jobs = [job for job in client.list_jobs(max_results=100) if job.job_id.startswith("logline_copies_x_")]
    loaded = client.get_table(f"{SETTINGS.staging_dataset}.copies_x").num_rows
    return {"rows": loaded, "files of each job": sorted(len(job.source_uris) for job in jobs)}


def done(job_id: str, hook: Any = None) -> bool:
    return is_done(hook or DataflowHook(), job_id, project_id=SETTINGS.project, location=SETTINGS.region)


def settle(job_id: str) -> bool:
    while not done(job_id):
        time.sleep(0.2)
    return True


def launch_twice_and_again_when_done() -> dict[str, bool]:
    source = f"gs://{SETTINGS.bucket}/logs/a.log"
    first = launch("twice", source=source)
    at_once = launch("twice", source=source)
    settled = settle(first)
    after = launch("twice", source=source)
    return {"adopted": at_once == first, "done": settled, "launched anew": after != first, "done again": settle(after)}


def wait_for_a_job_that_fails() -> bool:
    return settle(launch("fails", source=f"gs://{SETTINGS.bucket}/logs/truncated.gz", unreadable="stop"))


def wait_for_a_job_that_is_cancelled() -> bool:
    job_id = launch("cancelled", source=f"gs://{SETTINGS.bucket}/logs/a.log")
    DataflowHook().cancel_job(job_id=job_id, project_id=SETTINGS.project, location=SETTINGS.region)
    return settle(job_id)


def launch_with_a_wrong_parameter() -> str:
    return launch("wrong", source=f"gs://{SETTINGS.bucket}/logs/a.log", log_format="morse")


def a_settled_job_is_judged_by_its_state() -> dict[str, Any]:
    judged: dict[str, Any] = {}
    for state in ("DONE", "RUNNING", "QUEUED", "FAILED", "CANCELLED", "UPDATED", "DRAINED", "UNKNOWN", "PAUSED"):
        try:
            judged[state] = done("job-1", JobIn(f"JOB_STATE_{state}"))
        except AirflowFailException as error:
            judged[state] = str(error)
    return judged


class JobIn:
    """A Dataflow hook that knows one job, in any state the real service could invent."""

    def __init__(self, state: str) -> None:
        self.state = state

    def get_job(self, **_: Any) -> dict[str, str]:
        """Return the job."""
        return {"name": "a-job", "currentState": self.state}

    def fetch_job_messages_by_id(self, **_: Any) -> list[dict[str, str]]:
        """Return its messages."""
        return [
            {
                "messageImportance": "JOB_MESSAGE_ERROR",
                "time": "2015-05-17T10:00:02Z",
                "messageText": "Traceback\nlast",
            },
            {"messageImportance": "JOB_MESSAGE_ERROR", "time": "2015-05-17T10:00:01Z", "messageText": "first"},
            {"messageImportance": "JOB_MESSAGE_BASIC", "time": "2015-05-17T10:00:03Z", "messageText": "stopped"},
        ]


def listed(pattern: str) -> list[str]:
    (objects,) = list_sources([DaySource("all", pattern)]).values()
    assert all(one.generation > 0 and one.size > 0 for one in objects)
    return sorted(one.uri for one in objects)


def list_what_matches() -> list[str]:
    return listed(f"gs://{SETTINGS.bucket}/logs/*.gz")


def list_a_missing_bucket() -> Any:
    return listed("gs://no-such-bucket/logs/*")


def list_objects_of_storage() -> Any:
    return listed(f"gs://{SETTINGS.bucket}/logs/*")


def ask_for_the_template() -> bool:
    return template(SETTINGS, "backfill") is not None


def ask_for_a_missing_template() -> None:
    check_services(SETTINGS, "stream")


def ask_bigquery() -> None:
    check_bigquery(SETTINGS)


def ask_dataflow() -> None:
    check_dataflow(SETTINGS)


def query(sql: str) -> Query:
    return Query(sql, "2015-05-17", labels={})


def query_dropped_staging_tables() -> str | None:
    gone = query(f"SELECT * FROM {SETTINGS.staging_dataset}.gone")
    return QueryOperator(task_id="replace", settings=SETTINGS, query=gone).execute(CONTEXT)


def check_dropped_staging_tables() -> list[dict[str, Any]]:
    return fetch_rows(SETTINGS, query(f"SELECT * FROM {SETTINGS.staging_dataset}.gone"))


def transactions_that_change_one_table() -> dict[str, Any]:
    """Count up in two threads, by an operator and by a query, until one transaction was cancelled for another."""
    counter, rounds = f"{SETTINGS.staging_dataset}.counter", 20
    fetch_rows(SETTINGS, query(f"CREATE OR REPLACE TABLE {counter} AS SELECT 0 AS n"))
    more = "SELECT 1;" * 20
    count_up = query(f"BEGIN TRANSACTION; UPDATE {counter} SET n = n + 1 WHERE TRUE; {more} COMMIT TRANSACTION")
    cancelled: list[str] = []

    class Cancelled(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            cancelled.append(record.getMessage())

    queries.log.addHandler(Cancelled())
    queries.log.setLevel(logging.INFO)

    def by_operator(number: int) -> None:
        QueryOperator(task_id=f"count_{number}", settings=SETTINGS, query=count_up).execute(CONTEXT)

    done = 0
    with ThreadPoolExecutor(4) as pool:
        while done < 4 * rounds and not cancelled:
            runs = [pool.submit(by_operator, number) for number in range(2)]
            runs += [pool.submit(fetch_rows, SETTINGS, count_up) for _ in range(2)]
            for run in runs:
                run.result()
            done += len(runs)
    (row,) = fetch_rows(SETTINGS, query(f"SELECT n FROM {counter}"))
    return {"done": done, "counted": row["n"], "cancelled": cancelled}


def evolve(columns: str) -> list[str]:
    staged = f"{SETTINGS.staging_dataset}.visits"
    operator = MigrateTablesOperator(
        task_id="evolve",
        settings=SETTINGS,
        tables=["visits"],
        create=query(f"CREATE TABLE {staged} ({columns})"),
        drop=query(f"DROP TABLE IF EXISTS {staged}"),
    )
    return operator.execute(CONTEXT)


def evolve_to_a_new_column() -> list[str]:
    return evolve("n INT64, tag STRING, tags ARRAY<STRING>")


def evolve_to_another_type() -> list[str]:
    return evolve("n STRING, tag STRING, tags ARRAY<STRING>, late DATE")


def main() -> None:
    results = {}
    for name in sys.argv[1:]:
        try:
            results[name] = {"returned": globals()[name]()}
        except AirflowFailException as error:
            results[name] = {"failed": str(error)}
        except AirflowException as error:
            results[name] = {"tries again": str(error)}
    print(json.dumps(results))


if __name__ == "__main__":
    main()
