"""The REST API through Google's discovery client, as Airflow's DataflowHook uses it."""

import json
import re
from pathlib import Path
from typing import Any

import psutil
import pytest
from googleapiclient.errors import HttpError

from tests.integration.emulators.dataflow.conftest import (
    BUCKET,
    LOCATION,
    PROJECT,
    SLEEPER,
    SPEC,
    STREAM,
    Emulator,
    eventually,
    gone,
    ready,
)

pytestmark = pytest.mark.integration


def refused(call: Any, **arguments: Any) -> HttpError:
    with pytest.raises(HttpError) as refusal:
        call(**arguments)
    return refusal.value


def test_a_launch_runs_the_entry_point_to_done(emulator: Emulator, tmp_path: Path) -> None:
    shown = tmp_path / "shown.json"
    answer = emulator.send_launch(
        {
            "jobName": "shown",
            "containerSpecGcsPath": SPEC,
            "parameters": {"show": str(shown), "last_words": "a b=c"},
            "environment": {
                "tempLocation": "gs://elsewhere/temp",
                "maxWorkers": 3,
                "additionalExperiments": ["one", "two"],
                "enableStreamingEngine": True,
                "additionalUserLabels": {"run": "r1"},
                "additionalPipelineOptions": ["--last=1"],
            },
        }
    )["job"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d_\d\d_\d\d_\d\d-\d{19,20}", answer["id"])
    assert answer["name"] == "shown"
    assert answer["projectId"] == PROJECT
    assert "currentState" not in answer

    assert emulator.wait(answer["id"]) == "DONE"
    child = json.loads(shown.read_text())
    assert child["arguments"] == [
        "--runner=FnApiRunner",
        "--job_name=shown",
        f"--project={PROJECT}",
        f"--region={LOCATION}",
        "--temp_location=gs://elsewhere/temp",
        "--experiments=one",
        "--experiments=two",
        "--enable_streaming_engine",
        "--max_num_workers=3",
        "--labels=run=r1",
        f"--show={shown}",
        "--last_words=a b=c",
        "--last=1",
    ]
    assert child["environment"]["DATAFLOW_EMULATOR_JOB_ID"] == answer["id"]
    job = emulator.get(answer["id"])
    assert job["type"] == "JOB_TYPE_BATCH"
    assert job["labels"] == {"run": "r1"}
    assert job["environment"]["sdkPipelineOptions"]["options"]["show"] == str(shown)
    assert job["createTime"] == job["startTime"] < job["currentStateTime"]
    folder = emulator.state_dir / "jobs" / answer["id"]
    assert (folder / "stdout.log").read_text() == "printed to stdout\n"
    # A relative path is one of this folder, where no module is looked for.
    assert child["folder"] == str(folder)
    assert not {"", str(folder)} & set(child["path"])


def test_the_default_temp_location_is_in_the_templates_bucket(emulator: Emulator) -> None:
    job = emulator.get(emulator.launch("temporary"))
    assert job["environment"]["sdkPipelineOptions"]["options"]["temp_location"] == f"gs://{BUCKET}/tmp"


def test_the_log_becomes_messages_and_counters_become_metrics(emulator: Emulator) -> None:
    job_id = emulator.launch("talkative", log="WARNING:careful", counter=7)
    assert emulator.wait(job_id) == "DONE"

    messages = emulator.messages(job_id)
    assert ("WARNING", "WARNING:root:careful") in messages
    assert messages[-1] == ("BASIC", "Workflow job succeeded.")
    assert emulator.messages(job_id, "WARNING") == [("WARNING", "WARNING:root:careful")]

    metrics = emulator.jobs.getMetrics(projectId=PROJECT, location=LOCATION, jobId=job_id).execute()["metrics"]
    user = [one for one in metrics if one["name"]["origin"] == "user"]
    assert [(one["name"]["name"], one["name"]["context"], one["scalar"]) for one in user] == [
        ("lines", {"namespace": "sleeper", "step": "Count"}, 7),
        ("lines", {"namespace": "sleeper", "step": "Count", "tentative": "true"}, 7),
    ]
    (cpu,) = [
        one["scalar"]
        for one in metrics
        if one["name"]["context"].get("original_name") == "Service-cpu_num_seconds"
        and "tentative" not in one["name"]["context"]
    ]
    assert 0 < cpu < 60


def test_a_failure_says_the_last_line_of_stderr(emulator: Emulator) -> None:
    job_id = emulator.launch("failing", exit_code=3, log="INFO:working", last_words="gs://b/o: truncated gzip")
    assert emulator.wait(job_id) == "FAILED"
    assert emulator.errors(job_id) == ["gs://b/o: truncated gzip"]


def test_a_silent_failure_says_the_exit_code(emulator: Emulator) -> None:
    job_id = emulator.launch("silent", exit_code=3)
    assert emulator.wait(job_id) == "FAILED"
    assert emulator.errors(job_id) == ["The job's process ended with exit code 3."]


def test_an_image_without_an_entry_point_fails_as_a_missing_image_does(emulator: Emulator) -> None:
    job_id = emulator.launch("imageless", spec=f"gs://{BUCKET}/templates/unknown.json")
    assert emulator.wait(job_id) == "FAILED"
    (error,) = emulator.errors(job_id)
    assert error.startswith("Image example.dev/unknown@sha256:0123 stands for no entry point here")


def test_more_jobs_than_the_quota_are_refused_until_one_has_ended(slow_emulator: Emulator) -> None:
    first, second = (slow_emulator.launch(name) for name in ("first", "second"))
    with pytest.raises(HttpError, match="Dataflow quota error for jobs-per-project quota") as refused:
        slow_emulator.launch("third")
    assert refused.value.status_code == 429
    assert "RESOURCE_EXHAUSTED" in str(refused.value.content)
    assert {slow_emulator.state(job_id) for job_id in (first, second)} == {"QUEUED"}
    slow_emulator.ask(first, "CANCELLED")
    slow_emulator.launch("third")


def test_labels_are_checked_at_the_launch(emulator: Emulator) -> None:
    body = {"jobName": "labelled", "containerSpecGcsPath": SPEC, "environment": {"additionalUserLabels": {"Day": "1"}}}
    with pytest.raises(HttpError, match="Invalid label 'Day'"):
        emulator.send_launch(body)


def test_a_second_active_job_of_the_same_name_is_refused(emulator: Emulator, gate: Path) -> None:
    job_id = emulator.launch("only-one", until=gate)
    refusal = refused(emulator.launch, name="only-one")
    assert refusal.status_code == 409
    assert re.fullmatch(
        r"\([0-9a-f]{16}\): There is already an active job named only-one\. If you want to  submit a second job, try "
        r"again by setting a different name\.",
        refusal.reason,
    )
    gate.touch()
    assert emulator.wait(job_id) == "DONE"
    assert emulator.wait(emulator.launch("only-one")) == "DONE"


@pytest.mark.parametrize(
    ("launch", "message"),
    [
        ({"parameters": {"unknown": "1"}}, "The template parameters are invalid. Details: \nunknown: Unrecognized"),
        ({"parameters": {"exit_code": "x"}}, "exit_code: Parameter didn't match regex '[0-9]+'"),
        ({"parameters": {"exit_code": 1}}, "Invalid value at 'launch_parameter.parameters[exit_code]'"),
        ({"jobName": "Upper"}, "Invalid job name 'Upper'"),
        ({"jobName": "ends-with-"}, "Invalid job name 'ends-with-'"),
        ({"jobName": ""}, "Invalid job name ''"),
        ({"containerSpecGcsPath": f"gs://{BUCKET}/none.json"}, f"Unable to open template file: gs://{BUCKET}/none"),
        ({"containerSpecGcsPath": "gs://another/x"}, f"this emulator launches templates of {BUCKET} only; upload the"),
        ({"containerSpecGcsPath": "/local/file"}, "Invalid containerSpecGcsPath '/local/file'"),
        ({"containerSpecGcsPath": f"gs://{BUCKET}/templates/undescribed.json"}, "metadata must be an object"),
        ({"containerSpec": SLEEPER}, "containerSpec is refused here; upload the spec and give containerSpecGcsPath."),
        ({"containerSpecGcsPath": f"gs://{BUCKET}/templates/binary.json"}, "Invalid template file"),
        ({"containerSpecGcsPath": f"gs://{BUCKET}/templates/imageless.json"}, "Invalid template file"),
        ({"containerSpecGcsPath": ""}, "containerSpecGcsPath is missing."),
        ({"update": True}, "There is no running job named bad to update."),
    ],
)
def test_a_bad_launch_is_refused_and_leaves_no_job(emulator: Emulator, launch: dict[str, Any], message: str) -> None:
    body = {"jobName": "bad", "containerSpecGcsPath": SPEC, **launch}
    refusal = refused(emulator.send_launch, body=body)
    assert refusal.status_code == 400
    assert message in refusal.reason
    jobs = emulator.jobs.list(projectId=PROJECT, location=LOCATION, name=body["jobName"] or "none").execute()
    assert "jobs" not in jobs


def test_bad_parameters_are_listed_in_the_details(emulator: Emulator) -> None:
    body = {"jobName": "bad", "containerSpecGcsPath": SPEC, "parameters": {"exit_code": "x", "unknown": "1"}}
    error = json.loads(refused(emulator.send_launch, body=body).content)["error"]
    assert error["status"] == "INVALID_ARGUMENT"
    assert error["details"] == [
        {
            "@type": "type.googleapis.com/google.dataflow.v1beta3.InvalidTemplateParameters",
            "parameterViolations": [
                {"parameter": "unknown", "description": "Unrecognized parameter"},
                {"parameter": "exit_code", "description": "Parameter didn't match regex '[0-9]+'"},
            ],
        }
    ]


def test_validate_only_starts_nothing(emulator: Emulator) -> None:
    templates = emulator.client.projects().locations().flexTemplates()
    body = {"launchParameter": {"jobName": "validated", "containerSpecGcsPath": SPEC}, "validateOnly": True}
    assert templates.launch(projectId=PROJECT, location=LOCATION, body=body).execute() == {}
    assert emulator.jobs.list(projectId=PROJECT, location=LOCATION, name="validated").execute() == {}


def test_unknown_jobs_and_projects_are_refused(emulator: Emulator) -> None:
    job_id = emulator.launch("somewhere")
    for location in ("us-central1", "europe-west1"):
        wanted = "2015-05-17_10_05_03-1" if location == LOCATION else job_id
        refusal = refused(emulator.jobs.get(projectId=PROJECT, location=location, jobId=wanted).execute)
        assert refusal.status_code == 404
        assert f"Information about job {wanted} could not be found in our system." in refusal.reason
    refusal = refused(emulator.jobs.list(projectId="another", location=LOCATION).execute)
    assert refusal.status_code == 403


def test_cancel_ends_the_whole_process_group(emulator: Emulator, tmp_path: Path, gate: Path) -> None:
    pid_file = tmp_path / "grandchild"
    job_id = emulator.launch("cancelled", until=gate, grandchild=pid_file)
    grandchild = psutil.Process(int(eventually(lambda: pid_file.exists() and pid_file.read_text())))
    emulator.wait(job_id, "RUNNING")
    answer = emulator.ask(job_id, "CANCELLED")
    assert answer["requestedState"] == "JOB_STATE_CANCELLED"
    assert answer["currentState"] == "JOB_STATE_CANCELLING"
    assert emulator.wait(job_id) == "CANCELLED"
    eventually(lambda: gone(grandchild))
    assert emulator.messages(job_id, "BASIC")[-2:] == [
        ("BASIC", f"Cancel request is committed for workflow job: {job_id}."),
        ("BASIC", "Workflow job was cancelled."),
    ]
    refusal = refused(emulator.ask, job_id=job_id, state="CANCELLED")
    assert refusal.status_code == 400
    assert "Job has terminated in state CANCELLED." in refusal.reason
    assert json.loads(refusal.content)["error"]["status"] == "FAILED_PRECONDITION"


def test_a_batch_job_cannot_be_drained(emulator: Emulator, gate: Path) -> None:
    job_id = emulator.launch("batch", until=gate)
    refusal = refused(emulator.ask, job_id=job_id, state="DRAINED")
    assert refusal.status_code == 400
    assert f"Operation drain not allowed for JOB {job_id}." in refusal.reason
    assert "requestedState" not in emulator.get(job_id)
    emulator.ask(job_id, "CANCELLED")
    emulator.wait(job_id)


@pytest.mark.parametrize("state", ["RUNNING", "PAUSED", "FAILED", "NONSENSE"])
def test_only_an_end_can_be_asked_for(emulator: Emulator, state: str) -> None:
    job_id = emulator.launch("asked")
    assert refused(emulator.ask, job_id=job_id, state=state).status_code == 400
    assert emulator.wait(job_id) == "DONE"


def test_a_streaming_job_drains_on_sigint(emulator: Emulator, gate: Path) -> None:
    job_id = emulator.launch("stream-drain", spec=STREAM, until=gate, drains=1)
    emulator.wait(job_id, "RUNNING")
    assert emulator.get(job_id)["type"] == "JOB_TYPE_STREAMING"
    ready(emulator, job_id)
    assert emulator.ask(job_id, "DRAINED")["currentState"] == "JOB_STATE_DRAINING"
    assert emulator.wait(job_id) == "DRAINED"


def test_an_update_replaces_the_streaming_job_of_its_name(emulator: Emulator, gate: Path) -> None:
    body = {
        "jobName": "stream-update",
        "containerSpecGcsPath": STREAM,
        "parameters": {"until": str(gate), "drains": "1"},
    }
    old = emulator.send_launch(body)["job"]["id"]
    emulator.wait(old, "RUNNING")
    ready(emulator, old)
    new = emulator.send_launch({**body, "update": True})["job"]
    assert new["replaceJobId"] == old
    assert emulator.wait(old) == "UPDATED"
    assert emulator.get(old)["replacedByJobId"] == new["id"]
    emulator.wait(new["id"], "RUNNING")
    emulator.ask(new["id"], "CANCELLED")
    assert emulator.wait(new["id"]) == "CANCELLED"


def test_the_options_of_a_streaming_job_can_be_changed(emulator: Emulator, gate: Path) -> None:
    job_id = emulator.launch("stream-options", spec=STREAM, until=gate, drains=1)
    arguments = {"projectId": PROJECT, "location": LOCATION, "jobId": job_id}
    body = {"runtimeUpdatableParams": {"maxNumWorkers": 7}}
    mask = "runtime_updatable_params.max_num_workers"
    updated = emulator.jobs.update(**arguments, body=body, updateMask=mask).execute()
    assert updated["runtimeUpdatableParams"] == {"maxNumWorkers": 7}
    assert emulator.get(job_id)["runtimeUpdatableParams"] == {"maxNumWorkers": 7}
    both = {"requestedState": "JOB_STATE_DRAINED", **body}
    assert refused(emulator.jobs.update(**arguments, body=both, updateMask=mask).execute).status_code == 400
    emulator.ask(job_id, "CANCELLED")
    emulator.wait(job_id)
    assert "has terminated" in str(refused(emulator.jobs.update(**arguments, body=body, updateMask=mask).execute))


def test_labels_can_be_changed(emulator: Emulator) -> None:
    job_id = emulator.launch("labelled")
    arguments = {"projectId": PROJECT, "location": LOCATION, "jobId": job_id}
    emulator.jobs.update(**arguments, body={"labels": {"team": "web"}}).execute()
    assert emulator.get(job_id)["labels"] == {"team": "web"}
    assert refused(emulator.jobs.update(**arguments, body={}).execute).status_code == 400


def test_views_show_what_the_service_shows(emulator: Emulator) -> None:
    job_id = emulator.launch("viewed")
    summary = emulator.get(job_id, view="JOB_VIEW_SUMMARY")
    assert "environment" not in summary
    assert summary["name"] == "viewed"
    assert "environment" in emulator.get(job_id, view="JOB_VIEW_ALL")


def test_lists_filter_and_page(own_emulator: Emulator, gate: Path) -> None:
    ended = []
    for number in range(3):  # one after the other: ended jobs are listed by the time they ended
        ended.append(own_emulator.launch(f"ended-{number}"))
        own_emulator.wait(ended[-1])
    running = [own_emulator.launch(f"running-{number}", until=gate) for number in range(2)]

    def pages(**arguments: Any) -> list[list[str]]:
        found = []
        request = own_emulator.jobs.list(projectId=PROJECT, location=LOCATION, **arguments)
        while request is not None:
            response = request.execute()
            found.append([job["id"] for job in response.get("jobs", [])])
            request = own_emulator.jobs.list_next(request, response)
        return found

    newest_first = [*reversed(running), *reversed(ended)]
    assert pages() == [newest_first]
    assert pages(filter="ALL", pageSize=2) == [newest_first[:2], newest_first[2:4], newest_first[4:]]
    assert pages(filter="ACTIVE") == [running[::-1]]
    assert pages(filter="TERMINATED", pageSize=3) == [ended[::-1]]
    assert pages(name="running-1") == [[running[1]]]
    assert pages(name="running") == [[]]

    elsewhere = own_emulator.client.projects().locations().flexTemplates()
    body = {"launchParameter": {"jobName": "elsewhere", "containerSpecGcsPath": SPEC}}
    there = elsewhere.launch(projectId=PROJECT, location="europe-west1", body=body).execute()["job"]["id"]
    assert there not in pages()[0]
    jobs = own_emulator.client.projects().jobs()
    aggregated = jobs.aggregated(projectId=PROJECT).execute()["jobs"]
    assert {job["id"] for job in aggregated} == {there, *newest_first}
    assert [job["id"] for job in jobs.list(projectId=PROJECT).execute()["jobs"]] == pages()[0]
    assert jobs.get(projectId=PROJECT, jobId=there, location="europe-west1").execute()["id"] == there


@pytest.mark.parametrize("arguments", [{"pageToken": "!"}, {"pageSize": -1}])
def test_a_bad_page_is_refused(emulator: Emulator, arguments: dict[str, Any]) -> None:
    assert refused(emulator.jobs.list(projectId=PROJECT, location=LOCATION, **arguments).execute).status_code == 400


def test_messages_page_and_start_at_a_time(emulator: Emulator) -> None:
    job_id = emulator.launch("paged", last_words="\n".join(f"line {number}" for number in range(5)))
    emulator.wait(job_id)
    messages = emulator.jobs.messages()
    request = messages.list(projectId=PROJECT, location=LOCATION, jobId=job_id, pageSize=3)
    found = []
    while request is not None:
        response = request.execute()
        assert len(response["jobMessages"]) <= 3
        found += response["jobMessages"]
        request = messages.list_next(request, response)
    assert [one["messageText"] for one in found if one["messageText"].startswith("line")] == [
        f"line {number}" for number in range(5)
    ]
    assert len({one["id"] for one in found}) == len(found)
    last = found[-1]["time"]
    later = messages.list(projectId=PROJECT, location=LOCATION, jobId=job_id, startTime=last).execute()
    assert later["jobMessages"] == [one for one in found if one["time"] >= last]
    refusal = refused(messages.list(projectId=PROJECT, location=LOCATION, jobId=job_id, startTime="soon").execute)
    assert refusal.status_code == 400


def test_what_is_not_offered_says_so(emulator: Emulator) -> None:
    snapshots = emulator.client.projects().snapshots()
    refusal = refused(snapshots.list(projectId=PROJECT).execute)
    assert refusal.status_code == 501
    assert json.loads(refusal.content)["error"]["status"] == "UNIMPLEMENTED"
