"""Logline's own operators against the emulators: once, again, at once, and when things are missing."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from google.cloud import bigquery

from local_stack.running import RunningStack
from tests.airflow_environment import ROOT
from tests.sql.warehouse import render

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

LINE = b'192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "curl/8.0"\n'
NOWHERE = "http://127.0.0.1:1"


@pytest.fixture(scope="module")
def provisioned(emulators: RunningStack) -> RunningStack:
    storage = emulators.storage()
    if not storage.bucket(emulators.bucket).exists():
        storage.create_bucket(emulators.bucket)
    bucket = storage.bucket(emulators.bucket)
    metadata = json.loads((ROOT / "dags/templates/backfill.json").read_text(encoding="utf-8"))
    spec = {"image": "registry/backfill:test", "sdkInfo": {"language": "PYTHON"}, "metadata": metadata}
    bucket.blob("templates/backfill.json").upload_from_string(json.dumps(spec))
    bucket.blob("logs/a.log").upload_from_string(LINE * 10)
    bucket.blob("logs/truncated.gz").upload_from_string(gzip.compress(LINE * 5000)[:-40])
    storage.close()
    return emulators


def call(stack: RunningStack, folder: Path, *names: str, **environment: str) -> dict[str, dict]:
    paths = [str(ROOT), str(ROOT / "plugins"), str(ROOT / "local_stack" / "airflow")]
    run = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("operator_calls.py")), *names],
        env={
            **os.environ,
            **stack.env,
            "AIRFLOW_HOME": str(folder),
            "PYTHONPATH": os.pathsep.join(paths),
            **environment,
        },
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=560,
    )
    return json.loads(run.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def called(provisioned, tmp_path_factory):
    """Calls that need nothing of their own, made by one process: to import Airflow and its providers takes seconds."""
    with provisioned.bigquery() as client:
        for dataset in (provisioned.dataset, f"{provisioned.dataset}_staging"):
            client.create_dataset(dataset, exists_ok=True)
        client.query_and_wait(render("backfilled_requests/schema.sql", dataset=provisioned.dataset))
    return call(
        provisioned,
        tmp_path_factory.mktemp("called"),
        "launch_twice_and_again_when_done",
        "run_what_is_listed",
        "load_twice_and_once_they_are_dropped",
        "load_in_portions",
        "run_a_job_that_fails",
        "wait_for_a_job_that_fails",
        "wait_for_a_job_that_is_cancelled",
        "launch_with_a_wrong_parameter",
        "a_settled_job_is_judged_by_its_state",
        "query_dropped_staging_tables",
        "check_dropped_staging_tables",
        "transactions_that_change_one_table",
    )


def test_a_job_is_launched_once_and_again_when_done(called):
    done = {"adopted": True, "done": True, "launched anew": True, "done again": True}
    assert called["launch_twice_and_again_when_done"] == {"returned": done}


def test_a_job_that_did_not_get_done_fails_with_its_last_error(called):
    failed = {name: result["failed"] for name, result in called.items() if "failed" in result}
    assert all(len(line.splitlines()) == 1 for line in failed.values())
    assert failed["wait_for_a_job_that_fails"].startswith("Dataflow job fails ended as JOB_STATE_FAILED: ")
    assert "logs/truncated.gz" in failed["wait_for_a_job_that_fails"]
    assert failed["run_a_job_that_fails"].startswith("Dataflow job run-fails ended as JOB_STATE_FAILED: ")
    assert failed["wait_for_a_job_that_is_cancelled"].startswith("Dataflow job cancelled ended as JOB_STATE_CANCELLED")
    assert failed["launch_with_a_wrong_parameter"].startswith("Dataflow refused to launch wrong: ")


def test_a_list_of_objects_is_run_to_the_end_of_its_job(called):
    assert called["run_what_is_listed"] == {"returned": True}


def test_a_load_is_found_again_and_made_anew_once_its_table_is_gone(called):
    loaded = {"rows": [10, 10, 10], "same table": True, "new table": True}
    assert called["load_twice_and_once_they_are_dropped"] == {"returned": loaded}


def test_files_beyond_the_limit_of_a_load_job_are_loaded_by_others(called):
    assert called["load_in_portions"] == {"returned": {"rows": 50, "files of each job": [1, 2, 2]}}


def test_every_state_but_done_and_the_passing_ones_is_a_failure(called):
    judged = called["a_settled_job_is_judged_by_its_state"]["returned"]
    assert judged.pop("DONE") is True
    assert (judged.pop("RUNNING"), judged.pop("QUEUED")) == (False, False)
    assert judged == {state: f"Dataflow job a-job ended as JOB_STATE_{state}: last" for state in judged}
    assert len(judged) == 6


def test_dropped_staging_tables_are_no_reason_to_try_again(called):
    for name in ("query_dropped_staging_tables", "check_dropped_staging_tables"):
        said = called[name]["failed"]
        assert "gone" in said
        assert said.endswith("clear the task that loads them, with all that follows it")


def test_what_bigquery_cancels_for_another_transaction_is_run_again(called):
    found = called["transactions_that_change_one_table"]["returned"]
    assert found["counted"] == found["done"]
    assert found["cancelled"]
    assert all("Transaction is aborted due to concurrent update" in line for line in found["cancelled"])


def test_what_is_missing_is_named_in_one_line(provisioned, tmp_path):
    client = provisioned.bigquery()
    client.create_dataset(bigquery.Dataset(f"{provisioned.project}.half_provisioned"), exists_ok=True)
    client.close()
    results = call(
        provisioned,
        tmp_path,
        "list_what_matches",
        "list_a_missing_bucket",
        "ask_for_the_template",
        "ask_for_a_missing_template",
        "ask_bigquery",
        "ask_dataflow",
        LOGLINE_DATASET="half_provisioned",
    )
    bucket = provisioned.bucket
    assert results == {
        "list_what_matches": {"returned": [f"gs://{bucket}/logs/truncated.gz"]},
        "list_a_missing_bucket": {
            "failed": "bucket no-such-bucket does not exist: correct source gs://no-such-bucket/logs/*"
        },
        "ask_for_the_template": {"returned": True},
        "ask_for_a_missing_template": {
            "failed": f"gs://{bucket}/templates/stream.json is missing: run the provision DAG once"
        },
        "ask_bigquery": {
            "failed": f"dataset {provisioned.project}.half_provisioned_staging is missing: run the provision DAG once"
        },
        "ask_dataflow": {"returned": None},
    }


def test_a_service_that_is_down_is_named_at_once_and_asked_again_later(provisioned, tmp_path):
    results = call(
        provisioned,
        tmp_path,
        "list_objects_of_storage",
        "ask_bigquery",
        "ask_dataflow",
        STORAGE_EMULATOR_HOST=NOWHERE,
        BIGQUERY_EMULATOR_HOST=NOWHERE,
        DATAFLOW_EMULATOR_HOST=NOWHERE,
    )
    refused = "does not answer ([Errno 111] Connection refused): start it, or correct its address"
    assert results == {
        "list_objects_of_storage": {"tries again": f"Cloud Storage {refused}"},
        "ask_bigquery": {"tries again": f"BigQuery {refused}"},
        "ask_dataflow": {"tries again": f"Dataflow {refused}"},
    }


def test_tables_are_evolved_and_left_alone_where_one_change_is_refused(provisioned, tmp_path):
    dataset = "evolving"
    client = provisioned.bigquery()
    for name in (dataset, f"{dataset}_staging"):
        client.create_dataset(name)
    client.query_and_wait(f"CREATE TABLE {dataset}.visits (n INT64)")
    client.query_and_wait(f"INSERT INTO {dataset}.visits (n) VALUES (7)")
    # What a killed run has left.
    client.query_and_wait(f"CREATE TABLE {dataset}_staging.visits (other DATE)")
    results = call(
        provisioned,
        tmp_path,
        "evolve_to_a_new_column",
        "evolve_to_another_type",
        LOGLINE_DATASET=dataset,
        LOGLINE_STAGING_EXPIRY_HOURS="24",
    )
    assert results == {
        "evolve_to_a_new_column": {"returned": ["visits"]},
        "evolve_to_another_type": {
            "failed": "visits.n is INT64, its schema.sql wants STRING, and a type is never changed: "
            "add a column of another name"
        },
    }
    assert [column.name for column in client.get_table(f"{dataset}.visits").schema] == ["n", "tag", "tags"]
    (row,) = client.query_and_wait(f"SELECT n, tag FROM {dataset}.visits")
    assert dict(row.items()) == {"n": 7, "tag": None}
    assert list(client.list_tables(f"{dataset}_staging")) == []
    assert client.get_dataset(f"{dataset}_staging").default_table_expiration_ms == 24 * 3600 * 1000
    client.close()
