"""The jobs launched from their images, as the service's launcher does: submitted both ways, and run to their end."""

import base64
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from emulators.guard.authorized_user import authorized_user
from local_stack.clients.dataflow import ENDED, RUNNING, DataflowApi
from local_stack.config import REPOSITORY, StackError
from local_stack.credentials import access_token
from local_stack.ports import free_ports
from local_stack.running import RunningStack, running_stack
from local_stack.waiting import wait_for
from logline.dataflow.templates import container_spec
from tests.compose.engine import Engine, EngineError
from tests.compose.images import image_of
from tests.integration.submission.posting import (
    DATASET,
    METADATA,
    PARAMETERS,
    SETTINGS,
    differences,
    make_targets,
    post,
    write_job_object,
)

LAUNCHER = "/opt/google/dataflow/python_template_launcher"
TOKEN = "the-token-of-the-emulator-that-launches-images"
LINE = '192.0.2.7 - - [01/Nov/2026:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "curl/8.0"'
REPLAYED = f"{DATASET}.replayable"
END = {"backfill": "JOB_STATE_DONE", "replay": "JOB_STATE_DONE", "stream": "JOB_STATE_DRAINED"}
PROGRAM = """#!/bin/sh
# What the Dataflow emulator runs as Python, with -P -m beam_jobs.JOB OPTIONS: the launcher in the job's image.
[ "$2" = -m ] || exec {python} "$@"  # it asks for the version first
job="${{3#beam_jobs.}}"
shift 3
exec {engine} run --rm --network=host --entrypoint={launcher} --volume="$PWD:$PWD" --workdir="$PWD" {environment} \\
    "{image}" "$@"
"""


def check_launches(engine: Engine, tell: Callable[[str], None]) -> None:
    """Launch every job from its image, on emulators of this machine.

    The job that its launcher posts, and the job object that it writes for the service, have to be the same. Launched by
    the Dataflow API, the batch jobs are done, and the stream runs until it is drained.

    Args:
        engine: Runs the images, in the network of this machine.
        tell: Takes lines for the user.

    Raises:
        EngineError: One of them fails, or differs.
    """
    with (
        tempfile.TemporaryDirectory(prefix="logline-launches-") as folder,
        running_stack(Path(folder, "stack"), airflow=False) as stack,
    ):
        make_targets(stack)
        _make_input(stack)
        credentials = Path(folder, "credentials.json")
        credentials.write_text(json.dumps(authorized_user(access_token(stack.config))), encoding="utf-8")
        credentials.chmod(0o644)
        _submit_both_ways(engine, stack, credentials)
        tell(f"    {', '.join(METADATA)}: what the images post is what they write for the service's launcher")
        program = Path(folder, "image-python")
        program.write_text(_program(engine, stack), encoding="utf-8")
        program.chmod(0o755)
        with _dataflow(Path(folder, "dataflow"), stack, program) as dataflow:
            for job in METADATA:
                tell(f"    {job}, launched from its image: {_run(dataflow, job)}")


def _submit_both_ways(engine: Engine, stack: RunningStack, credentials: Path) -> None:
    options = ["run", "--rm", "--network=host", "--user=1000", f"--entrypoint={LAUNCHER}"]
    options += [f"--env={name}={value}" for name, value in _environment(stack).items()]
    options += ["--env=GOOGLE_APPLICATION_CREDENTIALS=/run/credentials.json"]
    options += [f"--volume={credentials}:/run/credentials.json:ro"]
    for job in METADATA:
        program = [engine.program, *options, image_of(job)]
        found = differences(write_job_object(stack, job, program), post(stack, job, program))
        if found:
            raise EngineError(f"the job object of {job} is not what its image posts: {found[0]}")


def _environment(stack: RunningStack) -> dict[str, str]:
    ours = ("STORAGE_", "BIGQUERY_", "PUBSUB_", "GOOGLE_CLOUD_PROJECT", "NO_GCE_CHECK")
    return {name: value for name, value in stack.env.items() if name.startswith(ours)}


def _program(engine: Engine, stack: RunningStack) -> str:
    names = (*_environment(stack), "DATAFLOW_EMULATOR_JOB_ID", "DATAFLOW_EMULATOR_METRICS_FILE")
    passed = " ".join(f"--env={name}" for name in names)
    return PROGRAM.format(
        python=sys.executable, engine=engine.program, launcher=LAUNCHER, environment=passed, image=image_of("${job}")
    )


def _make_input(stack: RunningStack) -> None:
    with stack.storage() as storage, stack.bigquery() as client:
        bucket = storage.bucket(SETTINGS.bucket)
        bucket.blob("logs/2026-11-01/access.log").upload_from_string(f"{LINE}\n" * 1000)
        for job in METADATA:
            name = SETTINGS.template_uri(job).removeprefix(f"gs://{SETTINGS.bucket}/")
            bucket.blob(name).upload_from_string(container_spec(SETTINGS, METADATA[job]))
        columns = "'a:1' AS event_id, 'backfill' AS source, 'gs://logs/a.log' AS source_uri, 7 AS source_offset"
        client.query_and_wait(
            f"CREATE TABLE {REPLAYED} AS SELECT {columns}, b'{LINE}' AS raw_line, 'combined' AS log_format"
        )
    with requests.Session() as session:
        session.trust_env = False
        topic = f"http://{stack.env['PUBSUB_EMULATOR_HOST']}/v1/projects/{SETTINGS.project}/topics/submission"
        message = {"data": base64.b64encode(LINE.encode()).decode()}
        session.post(f"{topic}:publish", json={"messages": [message] * 3}, timeout=60).raise_for_status()


@contextmanager
def _dataflow(state_dir: Path, stack: RunningStack, program: Path) -> Iterator[DataflowApi]:
    """A Dataflow emulator that runs the jobs in their images."""
    port, grpc_port = free_ports(2)
    images = [option for job in METADATA for option in ("--image", f"{job}=beam_jobs.{job}")]
    command = [
        *(sys.executable, "-m", "emulators.dataflow", "--port", str(port), "--grpc-port", str(grpc_port)),
        *("--state-dir", str(state_dir), "--project", stack.project, "--template-bucket", SETTINGS.bucket),
        *("--python", str(program), *images),
    ]
    environment = {**stack.process_env, "DATAFLOW_EMULATOR_TOKEN": TOKEN}
    with subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=subprocess.DEVNULL) as emulator:
        url = f"http://127.0.0.1:{port}"
        try:
            with DataflowApi(url, project=stack.project, region=SETTINGS.region, token=TOKEN) as dataflow:
                wait_for(lambda: _answers(dataflow), seconds=120, what="the Dataflow emulator")
                yield dataflow
        finally:
            emulator.terminate()


def _answers(dataflow: DataflowApi) -> bool:
    try:
        dataflow.jobs("none")
    except StackError:
        return False
    return True


def _run(dataflow: DataflowApi, job: str) -> str:
    """Launch a job and follow it to its end; the stream is drained once it runs."""
    name = f"image-{job}"
    parameters = {**PARAMETERS[job], "output": f"gs://{SETTINGS.bucket}/staging/{name}"}
    if job == "stream":
        parameters.pop("output")
        parameters["log_format"] = "combined"
    if job == "replay":
        parameters["lines"] = f"{SETTINGS.project}.{REPLAYED}"
    job_id = dataflow.launch(
        {
            "jobName": name,
            "containerSpecGcsPath": SETTINGS.template_uri(job),
            "parameters": parameters,
            "environment": SETTINGS.dataflow_environment(job),
        }
    )

    def reached(*states: str) -> str | None:
        (found,) = dataflow.jobs(name)
        if found.state in ENDED and found.state not in states:
            raise EngineError(f"{name} ended as {found.state}")
        return found.state if found.state in states else None

    if job == "stream":
        wait_for(lambda: reached(RUNNING), seconds=300, what=f"{name} to run", pause=0.5)
        wait_for(lambda: dataflow.counters(job_id).get("lines"), seconds=300, what=f"lines of {name}", pause=0.5)
        dataflow.drain(job_id)
    state = wait_for(lambda: reached(END[job]), seconds=600, what=f"{name} to end", pause=0.5)
    return f"{state}, {json.dumps(dataflow.counters(job_id))}"
