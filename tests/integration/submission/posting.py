"""Submits a job as its Flex Template's launcher does, and reads what Dataflow was given."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import requests
from apache_beam.portability.api import beam_runner_api_pb2
from google.cloud.pubsub_v1 import types

from emulators.dataflow.launch.options import command, pipeline_options
from emulators.dataflow.launch.template import Template
from local_stack.config import REPOSITORY
from local_stack.running import RunningStack
from logline.dataflow.templates import container_spec
from logline.settings import Settings
from tests.sql.warehouse import render

DATASET = "submission"
METADATA = {path.stem: path for path in sorted((REPOSITORY / "dags" / "templates").glob("*.json"))}
"""The metadata of every job's template, by the name of the job."""

SETTINGS = Settings.from_environment(
    {
        "LOGLINE_PROJECT": "logline-local",
        "LOGLINE_BUCKET": "logline-local",
        "LOGLINE_DATASET": DATASET,
        "LOGLINE_SUBSCRIPTION": "submission",
        "LOGLINE_IMAGE_VERSION": "7.8.9",
        "LOGLINE_MACHINE_TYPE": "c3-standard-8",
        "LOGLINE_STREAM_MACHINE_TYPE": "c3-standard-4",
        "LOGLINE_MAX_WORKERS": "7",
        "LOGLINE_SERVICE_ACCOUNT": "logline-batch@logline-local.iam.gserviceaccount.com",
        "LOGLINE_STREAM_SERVICE_ACCOUNT": "logline-stream@logline-local.iam.gserviceaccount.com",
        "LOGLINE_KMS_KEY": "projects/logline-local/locations/us-central1/keyRings/logline/cryptoKeys/logline",
        "LOGLINE_SUBNETWORK": "regions/us-central1/subnetworks/logline",
    }
)

PARAMETERS: Mapping[str, Mapping[str, str]] = {
    "backfill": {
        "source": f"gs://{SETTINGS.bucket}/logs/2026-11-01/*",
        "output": f"gs://{SETTINGS.bucket}/staging/submission",
        "run_id": "submission",
    },
    "replay": {
        "lines": f"{SETTINGS.project}.{DATASET}.rejected_streamed",
        "output": f"gs://{SETTINGS.bucket}/staging/submission-replay",
        "run_id": "submission",
    },
    "stream": {"subscription": SETTINGS.subscription_path, "dataset": f"{SETTINGS.project}.{DATASET}"},
}
"""What the DAGs give as parameters, by job."""

_OF_THE_WAY = (
    *("template_location", "dataflow_endpoint", "pipelineUrl", "pipelineProtoHash", "temp_location"),
    *("staging_location", "save_main_session"),
)
"""Options that differ by the way of a job, and by the moment; Beam saves the main session of a template by default."""


@dataclass(frozen=True)
class Posted:
    """A job as it was posted.

    Attributes:
        job: the API's resource.
        pipeline: the pipeline that was uploaded for it.
        pipeline_bytes: the same, as it lies in the bucket.
    """

    job: Mapping[str, Any]
    pipeline: beam_runner_api_pb2.Pipeline
    pipeline_bytes: bytes

    @property
    def environment(self) -> Mapping[str, Any]:
        return self.job["environment"]

    @property
    def workers(self) -> Mapping[str, Any]:
        return self.environment["workerPools"][0]

    @property
    def options(self) -> Mapping[str, Any]:
        return self.environment["sdkPipelineOptions"]["options"]

    @property
    def steps(self) -> list[str]:
        """The names of all steps, by which an update knows them again; those aside that Beam itself makes up."""
        roots = {*self.pipeline.root_transform_ids}
        names = {one.unique_name for key, one in self.pipeline.components.transforms.items() if key not in roots}
        return sorted(name for name in names if "<lambda at " not in name)


def launch_options(settings: Settings, name: str, parameters: Mapping[str, str], *, runner: str) -> list[str]:
    """The options that a template's launcher gives a job, by its container spec and the launch of the DAGs."""
    spec = json.loads(container_spec(settings, METADATA[name]))
    Template.from_json(spec, name).check(parameters)
    environment = spec["defaultEnvironment"] | settings.dataflow_environment(name)
    environment |= {"additionalUserLabels": {"logline-version": "7-8-9"}}
    resource = {"name": f"submission-{name}", "projectId": settings.project, "location": settings.region}
    options = pipeline_options(resource, settings.template_uri(name), parameters, environment) | {"runner": runner}
    _, _, _, _, *arguments = command(f"beam_jobs.{name}", options, environment)
    return arguments


def post(stack: RunningStack, name: str, program: Sequence[str] = ()) -> Posted:
    """Launch a job's template as the DAGs do, up to `jobs.create`.

    Args:
        stack: Takes the job.
        name: Of the job.
        program: Runs it with the options that follow; by default this interpreter.
    """
    endpoint = stack.env["DATAFLOW_EMULATOR_HOST"].replace("127.0.0.1", "localhost")
    _run(stack, name, program, f"--dataflow_endpoint={endpoint}")
    return _read(stack, f"submission-{name}")


def write_job_object(stack: RunningStack, name: str, program: Sequence[str] = ()) -> Posted:
    """Launch a job's template as the service's launcher does, which starts the job from an object that Beam writes.

    The options of the launcher are those of the logs quoted in
    https://github.com/GoogleCloudPlatform/python-docs-samples/issues/4307.
    """
    path = f"staging/template_launches/{name}/job_object"
    _run(stack, name, program, f"--template_location=gs://{SETTINGS.bucket}/{path}")
    with stack.storage() as storage:
        content = storage.bucket(SETTINGS.bucket).blob(path).download_as_bytes()
    return _posted(stack, json.loads(content))


def differences(launched: Posted, posted: Posted) -> list[str]:
    """Name what differs between two ways of one job, but for what the way itself brings."""
    kinds: dict[str, Callable[[Posted], object]] = {
        "steps": lambda one: one.steps,
        "name": lambda one: one.job["name"],
        "type": lambda one: one.job["type"],
        "labels": lambda one: one.job["labels"],
        "options": lambda one: {key: value for key, value in one.options.items() if key not in _OF_THE_WAY},
        **{
            key: lambda one, key=key: one.workers[key]  # type: ignore[misc]
            for key in ("machineType", "subnetwork", "sdkHarnessContainerImages")
        },
    }
    return [f"{kind}: {of(launched)} is not {of(posted)}" for kind, of in kinds.items() if of(launched) != of(posted)]


def _run(stack: RunningStack, name: str, program: Sequence[str], *launchers_options: str) -> None:
    options = [*launch_options(SETTINGS, name, PARAMETERS[name], runner="DataflowRunner"), *launchers_options]
    done = subprocess.run(
        [*(program or (sys.executable, "-m", f"beam_jobs.{name}")), *options],
        cwd=REPOSITORY,
        env=stack.process_env,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def make_targets(stack: RunningStack) -> None:
    """What the jobs want to be there before they are submitted: bucket, tables, subscription."""
    for name in ("topics/submission", "subscriptions/submission"):
        _make_pubsub(stack, name)
    with stack.storage() as storage, stack.bigquery() as client:
        bucket = storage.bucket(SETTINGS.bucket)
        if not bucket.exists():
            bucket.create()
        client.create_dataset(DATASET, exists_ok=True)
        for table in ("streamed_requests", "rejected_streamed", "stream_batches", "stream_heartbeats"):
            client.query(render(f"{table}/schema.sql", dataset=f"`{SETTINGS.project}`.{DATASET}")).result()


def _make_pubsub(stack: RunningStack, name: str) -> None:
    topic = f"projects/{SETTINGS.project}/topics/submission"
    with grpc.insecure_channel(stack.env["PUBSUB_EMULATOR_HOST"]) as channel:
        if name.startswith("topics/"):
            method, request = "/google.pubsub.v1.Publisher/CreateTopic", types.Topic(name=topic)
        else:
            method = "/google.pubsub.v1.Subscriber/CreateSubscription"
            request = types.Subscription(name=SETTINGS.subscription_path, topic=topic)
        kind = type(request)
        call = channel.unary_unary(method, kind.serialize, kind.deserialize)
        call(request, timeout=30)


def _read(stack: RunningStack, job_name: str) -> Posted:
    url = f"{stack.env['DATAFLOW_EMULATOR_HOST']}/v1b3/projects/{stack.project}/locations/{SETTINGS.region}/jobs"
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(url, params={"name": job_name, "view": "JOB_VIEW_ALL"}, timeout=60).json()
    (job,) = [one for one in answer["jobs"] if one["name"] == job_name]
    return _posted(stack, job)


def _posted(stack: RunningStack, job: Mapping[str, Any]) -> Posted:
    staged = job["environment"]["sdkPipelineOptions"]["options"]["pipelineUrl"]
    bucket, _, path = staged.removeprefix("gs://").partition("/")
    with stack.storage() as storage:
        content = storage.bucket(bucket).blob(path).download_as_bytes()
    return Posted(job, beam_runner_api_pb2.Pipeline.FromString(content), content)


def recorded_steps(name: str) -> Path:
    """The file with the names of a job's steps."""
    return Path(__file__).parent / "steps" / f"{name}.txt"
