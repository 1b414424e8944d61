"""The gRPC API through google-cloud-dataflow-client, sync and async."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.api_core import exceptions
from google.cloud import dataflow_v1beta3 as api
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from tests.integration.emulators.dataflow.conftest import LOCATION, PROJECT, SPEC, TOKEN, Emulator, eventually

pytestmark = pytest.mark.integration

BEARER = [("authorization", f"Bearer {TOKEN}")]


@pytest.fixture(scope="module")
def channel(emulator: Emulator) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(emulator.grpc_target) as channel:
        yield channel


def client(client_class: Any, channel: Any, transport: str = "grpc") -> Any:
    return client_class(transport=client_class.get_transport_class(transport)(channel=channel))


def launch(channel: grpc.Channel, name: str, spec: str = SPEC, **parameters: str) -> api.Job:
    parameter = api.LaunchFlexTemplateParameter(
        job_name=name, container_spec_gcs_path=spec, parameters=parameters, environment={"max_workers": 2}
    )
    request = api.LaunchFlexTemplateRequest(project_id=PROJECT, location=LOCATION, launch_parameter=parameter)
    return client(api.FlexTemplatesServiceClient, channel).launch_flex_template(request, metadata=BEARER).job


def get(channel: grpc.Channel, job_id: str, view: api.JobView = api.JobView.JOB_VIEW_SUMMARY) -> api.Job:
    request = api.GetJobRequest(project_id=PROJECT, location=LOCATION, job_id=job_id, view=view)
    return client(api.JobsV1Beta3Client, channel).get_job(request)


def wait(channel: grpc.Channel, job_id: str, state: api.JobState) -> api.Job:
    return eventually(lambda: (job := get(channel, job_id)).current_state == state and job)


def test_a_job_from_launch_to_done(channel: grpc.Channel) -> None:
    job = launch(channel, "grpc-done", counter="11", log="ERROR:loud")
    assert job.current_state == api.JobState.JOB_STATE_UNKNOWN
    ended = wait(channel, job.id, api.JobState.JOB_STATE_DONE)
    assert ended.type_ == api.JobType.JOB_TYPE_BATCH
    assert ended.create_time <= ended.current_state_time
    described = get(channel, job.id, api.JobView.JOB_VIEW_ALL)
    assert described.environment.sdk_pipeline_options["options"]["counter"] == "11"

    located: dict[str, Any] = {"project_id": PROJECT, "location": LOCATION, "job_id": job.id}
    metrics = client(api.MetricsV1Beta3Client, channel).get_job_metrics(api.GetJobMetricsRequest(**located))
    committed = [one for one in metrics.metrics if one.name.origin == "user" and "tentative" not in one.name.context]
    assert [(one.name.name, one.scalar) for one in committed] == [("lines", 11)]

    messages = client(api.MessagesV1Beta3Client, channel)
    request = api.ListJobMessagesRequest(
        **located, minimum_importance=api.JobMessageImportance.JOB_MESSAGE_ERROR, start_time=Timestamp(seconds=1)
    )
    assert [one.message_text for one in messages.list_job_messages(request)] == ["ERROR:root:loud"]
    every = list(messages.list_job_messages(api.ListJobMessagesRequest(**located, page_size=1)))
    assert len(every) == len({one.id for one in every}) > 3
    request = api.ListJobMessagesRequest(**located, end_time=every[0].time)
    assert list(messages.list_job_messages(request)) == []


def test_lists_and_cancel(channel: grpc.Channel, gate: Path) -> None:
    job = launch(channel, "grpc-cancelled", until=str(gate))
    jobs = client(api.JobsV1Beta3Client, channel)
    wait(channel, job.id, api.JobState.JOB_STATE_RUNNING)
    active = api.ListJobsRequest(project_id=PROJECT, location=LOCATION, filter=api.ListJobsRequest.Filter.ACTIVE)
    assert job.id in {one.id for one in jobs.list_jobs(active)}
    everywhere = api.ListJobsRequest(project_id=PROJECT, page_size=1)
    assert job.id in {one.id for one in jobs.aggregated_list_jobs(everywhere)}
    cancelled = api.Job(requested_state=api.JobState.JOB_STATE_CANCELLED)
    request = api.UpdateJobRequest(project_id=PROJECT, location=LOCATION, job_id=job.id, job=cancelled)
    jobs.update_job(request, metadata=BEARER)
    wait(channel, job.id, api.JobState.JOB_STATE_CANCELLED)


def test_labels_by_mask(channel: grpc.Channel) -> None:
    job = launch(channel, "grpc-labels")
    request = api.UpdateJobRequest(
        project_id=PROJECT,
        location=LOCATION,
        job_id=job.id,
        job={"labels": {"a": "b"}},
        update_mask={"paths": ["labels"]},
    )
    assert client(api.JobsV1Beta3Client, channel).update_job(request, metadata=BEARER).labels == {"a": "b"}
    request.update_mask = {"paths": ["runtime_updatable_params.max_num_workers"]}
    request.job.runtime_updatable_params = {"max_num_workers": 3}
    with pytest.raises(exceptions.FailedPrecondition):  # a batch job
        client(api.JobsV1Beta3Client, channel).update_job(request, metadata=BEARER)


def test_errors_have_the_codes_and_details_of_the_service(channel: grpc.Channel, gate: Path) -> None:
    with pytest.raises(exceptions.NotFound, match="Information about job no-such-job could not be found"):
        get(channel, "no-such-job")
    with pytest.raises(exceptions.PermissionDenied):
        client(api.JobsV1Beta3Client, channel).get_job(api.GetJobRequest(project_id="another", job_id="1"))
    with pytest.raises(exceptions.InvalidArgument) as refusal:
        launch(channel, "grpc-bad", unknown="1")
    status: Status = rpc_status.from_call(refusal.value.response)
    violations = api.InvalidTemplateParameters.pb(api.InvalidTemplateParameters())
    status.details[0].Unpack(violations)
    assert violations.parameter_violations[0].parameter == "unknown"

    job = launch(channel, "grpc-twice", until=str(gate))
    with pytest.raises(exceptions.AlreadyExists, match="There is already an active job named grpc-twice"):
        launch(channel, "grpc-twice")
    gate.touch()
    wait(channel, job.id, api.JobState.JOB_STATE_DONE)
    cancelled = api.Job(requested_state=api.JobState.JOB_STATE_CANCELLED)
    with pytest.raises(exceptions.FailedPrecondition, match="Job has terminated in state SUCCESS"):
        client(api.JobsV1Beta3Client, channel).update_job(
            api.UpdateJobRequest(project_id=PROJECT, location=LOCATION, job_id=job.id, job=cancelled), metadata=BEARER
        )


def test_the_async_client(emulator: Emulator, channel: grpc.Channel) -> None:
    job = launch(channel, "grpc-async")

    async def follow() -> tuple[api.JobState, list[str]]:
        async with grpc.aio.insecure_channel(emulator.grpc_target) as own:
            jobs = client(api.JobsV1Beta3AsyncClient, own, "grpc_asyncio")
            request = api.GetJobRequest(project_id=PROJECT, location=LOCATION, job_id=job.id)
            while (state := (await jobs.get_job(request)).current_state) != api.JobState.JOB_STATE_DONE:
                assert state in (
                    api.JobState.JOB_STATE_QUEUED,
                    api.JobState.JOB_STATE_PENDING,
                    api.JobState.JOB_STATE_RUNNING,
                )
            listing = api.ListJobsRequest(project_id=PROJECT, location=LOCATION, page_size=1)
            names = [one.name async for one in await jobs.list_jobs(listing)]
            return state, names

    state, names = asyncio.run(asyncio.wait_for(follow(), 120))
    assert state == api.JobState.JOB_STATE_DONE
    assert "grpc-async" in names


def test_what_is_not_offered_says_so(channel: grpc.Channel) -> None:
    snapshots = client(api.SnapshotsV1Beta3Client, channel)
    with pytest.raises(exceptions.MethodNotImplemented):
        snapshots.list_snapshots(api.ListSnapshotsRequest(project_id=PROJECT))
