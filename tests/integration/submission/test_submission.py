"""What the three jobs submit to Dataflow, as `jobs.create` gets it."""

import os
from collections.abc import Mapping

import pytest
from google.cloud.dataflow_v1beta3.types import AutoscalingAlgorithm, WorkerIPAddressConfiguration

from local_stack.running import RunningStack
from tests.integration.submission.posting import (
    METADATA,
    PARAMETERS,
    SETTINGS,
    Posted,
    differences,
    make_targets,
    post,
    recorded_steps,
    write_job_object,
)

pytestmark = pytest.mark.integration

STREAMING = "stream"
BREAKS_UPDATE = """The steps of {name} are not those that are recorded in {file}:
{difference}
Dataflow matches steps by name: a running job cannot be updated in place to this version. Keep the names. If they have
to change, say so in CHANGELOG.md: whoever upgrades triggers stream_supervisor with {{"action": "drain"}}, and a later
run launches the new version. Then record the names: LOGLINE_RECORD_STEPS=1 pytest tests/integration/submission"""


@pytest.fixture(scope="module")
def posted(emulators: RunningStack) -> Mapping[str, Posted]:
    make_targets(emulators)
    return {name: post(emulators, name) for name in METADATA}


@pytest.fixture(params=METADATA)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def job(posted: Mapping[str, Posted], name: str) -> Posted:
    return posted[name]


def test_every_template_is_submitted_here() -> None:
    assert PARAMETERS.keys() == METADATA.keys()


def test_the_job_is_batch_or_streaming_as_its_template_says(job: Posted, name: str) -> None:
    assert job.job["type"] == ("JOB_TYPE_STREAMING" if name == STREAMING else "JOB_TYPE_BATCH")
    assert bool(job.options.get("streaming")) is (name == STREAMING)


def test_workers_are_the_templates_image_within_bounds(job: Posted, name: str) -> None:
    image = f"us-central1-docker.pkg.dev/logline-local/logline/{name}:7.8.9"
    assert {one["containerImage"] for one in job.workers["sdkHarnessContainerImages"]} == {image}
    assert job.workers["autoscalingSettings"]["maxNumWorkers"] == 7
    assert job.workers["machineType"] == ("c3-standard-4" if name == STREAMING else "c3-standard-8")


def test_workers_have_no_public_address_and_an_account_of_their_own(job: Posted, name: str) -> None:
    assert job.workers["ipConfiguration"] == WorkerIPAddressConfiguration.WORKER_IP_PRIVATE
    assert job.workers["subnetwork"] == "regions/us-central1/subnetworks/logline"
    account = SETTINGS.stream_service_account if name == STREAMING else SETTINGS.service_account
    assert job.environment["serviceAccountEmail"] == account


def test_what_dataflow_keeps_is_encrypted_by_the_key_of_the_settings(job: Posted) -> None:
    assert job.environment["serviceKmsKeyName"] == SETTINGS.kms_key


def test_the_job_is_labelled_with_its_version(job: Posted) -> None:
    assert job.job["labels"]["logline-version"] == "7-8-9"


def test_nothing_is_staged_outside_the_bucket(job: Posted) -> None:
    assert (
        job.environment["tempStoragePrefix"]
        .removeprefix("storage.googleapis.com/")
        .startswith(f"{SETTINGS.bucket}/tmp")
    )
    assert job.options["pipelineUrl"].startswith(f"gs://{SETTINGS.bucket}/tmp/staging")


def test_the_stream_appends_at_least_once_on_streaming_engine(posted: Mapping[str, Posted]) -> None:
    stream = posted[STREAMING]
    assert stream.options["enable_streaming_engine"] is True
    assert stream.options["dataflow_service_options"] == ["streaming_mode_at_least_once"]
    assert stream.workers["autoscalingSettings"]["algorithm"] == AutoscalingAlgorithm.AUTOSCALING_ALGORITHM_BASIC
    (read,) = [
        transform
        for transform in stream.pipeline.components.transforms.values()
        if transform.spec.urn == "beam:transform:pubsub_read:v1"
    ]
    assert SETTINGS.subscription_path.encode() in read.spec.payload


def test_the_steps_are_those_that_a_running_job_has(job: Posted, name: str) -> None:
    file = recorded_steps(name)
    if os.environ.get("LOGLINE_RECORD_STEPS"):
        file.write_text("\n".join(job.steps) + "\n", encoding="utf-8")
    recorded = file.read_text(encoding="utf-8").splitlines()
    gone, new = sorted({*recorded} - {*job.steps}), sorted({*job.steps} - {*recorded})
    difference = "\n".join([*(f"  gone: {step}" for step in gone), *(f"  new:  {step}" for step in new)])
    assert not difference, BREAKS_UPDATE.format(name=name, file=file.name, difference=difference)


def test_the_services_launcher_gets_the_same_job_as_an_object(emulators: RunningStack, job: Posted, name: str) -> None:
    assert differences(write_job_object(emulators, name), job) == []
