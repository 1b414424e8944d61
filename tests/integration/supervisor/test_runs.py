"""Whole runs of the supervisor through the provider's operators, on the Dataflow emulator."""

import os
import signal
import sqlite3
from collections.abc import Callable
from datetime import datetime

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client

from tests.integration.emulators.dataflow.conftest import BUCKET, PROJECT
from tests.integration.supervisor.conftest import SUBSCRIPTION, World

pytestmark = pytest.mark.integration


def test_absent_then_launched_then_kept(world: World) -> None:
    job_id = world.start()
    again = world.run()
    assert again["tasks"] == ["check", "record"]
    assert again["decision"]["decision"] == "keep"
    assert (again["decision"]["job_id"], again["decision"]["version"]) == (job_id, "1")
    assert world.states() == ["RUNNING"]


def test_the_job_gets_its_parameters_and_its_label(world: World) -> None:
    job = world.dataflow.get(world.start(), view="JOB_VIEW_ALL")
    assert job["labels"].pop("logline-day")
    assert job["labels"] == {"logline-version": "1", "airflow-dag": "stream_supervisor", "airflow-task": "launch"}
    options = job["environment"]["sdkPipelineOptions"]["options"]
    assert options["subscription"] == SUBSCRIPTION
    assert (options["dataset"], options["log_format"]) == (f"{PROJECT}.logline", "article")


def test_a_failed_job_is_launched_again_and_a_crash_loop_is_not(world: World) -> None:
    world.provide("1", "--exit_code=1", "--last_words=no such table")
    world.gate.touch()
    assert world.run()["tasks"] == ["launch", "record"]
    world.settle("FAILED")
    assert world.run()["tasks"] == ["launch", "record"]
    world.settle("FAILED", "FAILED")
    paused = world.run()
    assert paused["tasks"] == ["record"]
    assert "ended 2 times within 60 min, last as JOB_STATE_FAILED (no such table)" in paused["decision"]["reason"]
    assert world.run("launch")["tasks"] == ["launch", "record"], "by hand at once"
    world.settle("FAILED", "FAILED", "FAILED")
    alarm = world.run()
    assert alarm["tasks"] == ["check", "record"]
    assert "ended 3 times within 60 min" in alarm["failed"]
    assert alarm["failed"].endswith("see docs/operations.md#crash-loop")
    assert len(world.jobs()) == 3
    assert world.run(LOGLINE_RESTART_BUDGET="9", LOGLINE_RESTART_PAUSE_SECONDS="1")["decision"]["ends"] == 3


def test_a_killed_process_is_replaced_at_the_next_run(world: World) -> None:
    job_id = world.start()
    os.killpg(world.dataflow.process_id(job_id), signal.SIGKILL)
    world.settle("FAILED")
    assert world.run()["tasks"] == ["launch", "record"]
    world.ready()
    assert world.states() == ["RUNNING", "FAILED"]


def test_killing_tasks_and_repeating_them_leaves_the_stream_alone(world: World) -> None:
    world.run(kill=True)
    job_id = world.ready()
    world.run(kill=True)
    assert world.states() == ["RUNNING"]
    assert world.jobs()[0]["id"] == job_id


def test_a_second_launch_finds_the_first_job(world: World) -> None:
    """The service's 409: another launch of the name came between the look and the launch."""
    job_id = world.start()
    answer = world.run(task="launch")
    assert answer["returned"] == job_id
    assert world.states() == ["RUNNING"]


def test_a_job_of_a_longer_or_shorter_name_is_none_of_ours(world: World) -> None:
    longer = world.launch_by_hand(f"{world.name}-staging")
    shorter = world.launch_by_hand(world.name[:-1])
    world.start()
    for job_id in (longer, shorter):
        world.dataflow.wait(job_id, "RUNNING")
    assert world.run("drain")["tasks"] == ["drain", "record"]
    world.settle("DRAINED")
    assert [world.dataflow.state(job_id) for job_id in (longer, shorter)] == ["RUNNING", "RUNNING"]


def test_a_job_launched_by_hand_is_adopted_and_updated_on_demand(world: World) -> None:
    job_id = world.launch_by_hand(world.name)
    world.ready()
    kept = world.run()
    assert kept["tasks"] == ["check", "record"]
    assert "launched by hand" in kept["decision"]["reason"]
    assert world.run("update")["tasks"] == ["update", "record"]
    world.settle("RUNNING", "UPDATED")
    assert world.dataflow.get(world.jobs()[0]["id"])["replaceJobId"] == job_id
    assert world.run()["decision"]["version"] == "1"


def test_a_new_version_replaces_the_old_one_in_place(world: World) -> None:
    world.start()
    world.provide("2.0.1")
    updated = world.run()
    assert updated["tasks"] == ["update", "record"]
    during = world.run()
    assert during["tasks"][-1] == "record"
    assert not {"launch", "update"} & set(during["tasks"])
    world.settle("RUNNING", "UPDATED")
    world.ready()
    after = world.run()
    assert (after["decision"]["decision"], after["decision"]["version"]) == ("keep", "2-0-1")


def replacement_failed(world: World, version: str, message: str) -> None:
    """What the service leaves of an update that it refuses: a failed job that was to replace the running one."""
    running = world.jobs()[0]["id"]
    posted = {
        "name": world.name,
        "type": "JOB_TYPE_STREAMING",
        "labels": {"logline-version": version},
        "replaceJobId": running,
    }
    job = world.dataflow.jobs.create(projectId=PROJECT, location="us-central1", body=posted).execute()
    # The emulator compares no graphs, so that the service's words have to be put in its mouth.
    with sqlite3.connect(world.dataflow.state_dir / "jobs.sqlite3", timeout=30) as database:
        database.execute("UPDATE messages SET text = ? WHERE job_id = ?", (message, job["id"]))


def test_a_refused_update_drains_and_a_later_run_launches(world: World) -> None:
    old = world.start()
    world.provide("2")
    replacement_failed(world, "2", f"Workflow failed. Causes: The new job is not compatible with {old}.")
    refused = world.run()
    assert refused["tasks"] == ["drain", "record"]
    assert "cannot be updated from 1 to 2 in place" in refused["decision"]["reason"]
    world.settle("FAILED", "DRAINED")
    assert world.run()["tasks"] == ["launch", "record"]
    assert world.dataflow.get(world.ready())["labels"]["logline-version"] == "2"


def test_an_update_that_failed_otherwise_calls_somebody(world: World) -> None:
    world.start()
    world.provide("2")
    replacement_failed(world, "2", "Workflow failed. Causes: no quota")
    alarm = world.run()
    assert alarm["failed"].endswith(
        "1 goes on: Workflow failed. Causes: no quota: see docs/operations.md#update-failed"
    )
    assert world.states() == ["FAILED", "RUNNING"]


def test_a_drain_is_not_waited_for(world: World) -> None:
    world.provide("1", "--ignore=SIGINT", "--drains=")
    world.start()
    assert world.run("drain")["tasks"] == ["drain", "record"]
    assert world.states() == ["DRAINING"]
    meanwhile = world.run()
    assert meanwhile["tasks"] == ["record"]
    assert "JOB_STATE_DRAINING" in meanwhile["decision"]["reason"]
    assert world.run("launch")["tasks"] == ["record"], "no second job beside a draining one"
    world.gate.touch()
    world.settle("DRAINED")


def test_a_batch_job_of_the_name_is_left_alone(world: World) -> None:
    world.provide("1", streaming=False)
    world.launch_by_hand(world.name)
    world.ready()
    alarm = world.run()
    assert alarm["failed"].endswith("see docs/operations.md#foreign-job")
    assert world.states() == ["RUNNING"]


def test_a_state_from_the_future_fails_closed(world: World) -> None:
    job_id = world.start()
    database = world.dataflow.state_dir / "jobs.sqlite3"
    with sqlite3.connect(database, timeout=30) as store:
        store.execute(
            "UPDATE jobs SET resource = json_set(resource, '$.currentState', 'JOB_STATE_PAUSED') WHERE id = ?",
            (job_id,),
        )
    try:
        alarm = world.run()
    finally:
        with sqlite3.connect(database, timeout=30) as store:
            store.execute(
                "UPDATE jobs SET resource = json_set(resource, '$.currentState', 'JOB_STATE_RUNNING') WHERE id = ?",
                (job_id,),
            )
    assert "JOB_STATE_PAUSED, which is not known here" in alarm["failed"]


def test_a_running_stream_is_sent_a_heartbeat_and_no_other(world: World, heartbeats: Callable[[], list[str]]) -> None:
    world.provide("1", "--counter=1000", "--counter_name=messages")
    assert "heartbeat_at" not in world.run()["decision"]
    world.ready()
    assert heartbeats() == []
    kept = world.run()["decision"]
    assert kept["messages"] == 1000
    assert [datetime.fromisoformat(at) for at in heartbeats()] == [datetime.fromisoformat(kept["heartbeat_at"])]
    assert "heartbeat_at" not in world.run("drain")["decision"]
    assert heartbeats() == []


def test_a_heartbeat_that_cannot_be_published_is_one_line_and_stops_nothing(world: World) -> None:
    world.start()
    answer = world.run(LOGLINE_TOPIC="nothing-here")
    assert answer["tasks"] == ["check", "record"]
    missing = f"projects/{PROJECT}/topics/nothing-here is missing: run the provision DAG once"
    assert answer["decision"]["heartbeat_fault"] == missing
    assert world.run(LOGLINE_TOPIC="log-lines")["decision"]["heartbeat_at"]


def test_no_subscription_is_one_line(world: World) -> None:
    answer = world.run(LOGLINE_SUBSCRIPTION="nothing-here")
    assert answer["failed"] == (f"projects/{PROJECT}/subscriptions/nothing-here is missing: run the provision DAG once")
    assert world.jobs() == []


def test_before_provision_nothing_happens(world: World) -> None:
    address = {"api_endpoint": world.dataflow.storage}
    client = Client(project=PROJECT, credentials=AnonymousCredentials(), client_options=address)
    client.bucket(BUCKET).blob("templates/stream.json").delete()
    client.close()
    assert world.run() == {"tasks": None, "failed": None, "decision": None}


def test_what_does_not_answer_is_one_line(world: World) -> None:
    nowhere = {"STORAGE_EMULATOR_HOST": "http://127.0.0.1:1"}
    there = {"STORAGE_EMULATOR_HOST": world.dataflow.storage}
    assert world.run(**nowhere)["failed"].startswith("Cloud Storage does not answer (")
    assert world.run(**there)["tasks"] == ["launch", "record"]
