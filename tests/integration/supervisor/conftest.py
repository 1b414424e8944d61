"""A Dataflow emulator whose stream is a sleeper, a Pub/Sub emulator, and a process that runs the supervisor's tasks."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient
from google.cloud.storage import Client

from emulators.guard.authorized_user import authorized_user
from logline.stream.heartbeat import HEARTBEAT_ATTRIBUTE
from tests.integration.emulators.dataflow.conftest import (
    BUCKET,
    PROJECT,
    REPOSITORY,
    TOKEN,
    Emulator,
    eventually,
    running,
)
from tests.integration.emulators.dataflow.conftest import storage as storage

SUBSCRIPTION = f"projects/{PROJECT}/subscriptions/log-stream"


@pytest.fixture(scope="module")
def dataflow(storage: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    yield from running(Emulator(tmp_path_factory.mktemp("dataflow"), storage, tmp_path_factory.getbasetemp()))


@pytest.fixture(scope="module")
def pubsub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Pub/Sub emulator with the stream's subscription."""
    command = [
        sys.executable,
        "-m",
        "emulators.pubsub",
        "--port",
        "0",
        "--state-dir",
        tmp_path_factory.mktemp("pubsub"),
    ]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        found = re.search(r"listening on (\S+),", process.stdout.readline())
        assert found
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PUBSUB_EMULATOR_HOST", found[1])
            topic = PublisherClient().create_topic(name=f"projects/{PROJECT}/topics/log-lines")
            SubscriberClient().create_subscription(name=SUBSCRIPTION, topic=topic.name)
        yield found[1]
        process.terminate()


@pytest.fixture(scope="module")
def runs(dataflow: Emulator, pubsub: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator["Runs"]:
    """The process that runs the tasks."""
    extra = {"credential_config_file": authorized_user(TOKEN), "project": PROJECT, "num_retries": 0}
    paths = [REPOSITORY, REPOSITORY / "plugins", REPOSITORY / "local_stack" / "airflow"]
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow")),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "True",
        "AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT": json.dumps({"conn_type": "google_cloud_platform", "extra": extra}),
        "GOOGLE_CLOUD_PROJECT": PROJECT,
        "NO_GCE_CHECK": "true",
        "STORAGE_EMULATOR_HOST": dataflow.storage,
        "DATAFLOW_EMULATOR_HOST": dataflow.endpoint,
        "DATAFLOW_EMULATOR_GRPC_HOST": dataflow.grpc_target,
        "PUBSUB_EMULATOR_HOST": pubsub,
        "LOGLINE_BUCKET": BUCKET,
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
    }
    reading, writing = os.pipe()
    command = [sys.executable, str(Path(__file__).with_name("supervisor_runs.py")), str(writing)]
    process = subprocess.Popen(
        command, cwd=REPOSITORY, env=environment, stdin=subprocess.PIPE, pass_fds=(writing,), text=True
    )
    os.close(writing)
    with process, os.fdopen(reading) as answers:
        assert process.stdin
        yield Runs(process.stdin, answers)
        process.stdin.close()


@pytest.fixture
def heartbeats(pubsub: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[str]]]:
    """What the heartbeats say that have been published since the last call."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", pubsub)
    with SubscriberClient() as client:

        def pull() -> list[str]:
            request = {"subscription": SUBSCRIPTION, "max_messages": 1000, "return_immediately": True}
            received = client.pull(request=request, timeout=30).received_messages
            if received:
                client.acknowledge(subscription=SUBSCRIPTION, ack_ids=[one.ack_id for one in received])
            assert all(one.message.data == b"" for one in received)
            return [one.message.attributes[HEARTBEAT_ATTRIBUTE] for one in received]

        pull()
        yield pull


@dataclass
class Runs:
    """Asks the process that runs the tasks."""

    requests: IO[str]
    answers: IO[str]

    def ask(self, **request: Any) -> dict[str, Any]:
        self.requests.write(json.dumps(request) + "\n")
        self.requests.flush()
        answer: dict[str, Any] = json.loads(self.answers.readline())
        return answer


@dataclass
class World:
    """A stream of its own name on the emulators.

    Attributes:
        name: the stream's.
        dataflow: where its jobs are.
        gate: the file its jobs wait for; once it is there they end.
    """

    name: str
    dataflow: Emulator
    gate: Path
    runs: Runs

    def provide(self, version: str = "1", *options: str, streaming: bool = True) -> dict[str, Any]:
        """Put the template into the bucket; its job sleeps until the gate opens, and drains on SIGINT."""
        spec = {
            "image": f"example.dev/logline/sleeper:{version}",
            "sdkInfo": {"language": "PYTHON"},
            "defaultEnvironment": {
                "additionalPipelineOptions": [f"--until={self.gate}", "--drains=yes", *options],
            },
            "metadata": {
                "name": "stream",
                "streaming": streaming,
                "parameters": [
                    {"name": name, "label": name, "helpText": name}
                    for name in ("subscription", "dataset", "log_format")
                ]
                + [{"name": name, "isOptional": True} for name in ("until", "drains", *_names(options))],
            },
        }
        address = {"api_endpoint": self.dataflow.storage}
        client = Client(project=PROJECT, credentials=AnonymousCredentials(), client_options=address)
        client.bucket(BUCKET).blob("templates/stream.json").upload_from_string(json.dumps(spec))
        client.close()
        return spec

    def run(
        self, action: str = "auto", *, kill: bool = False, task: str | None = None, **environment: str
    ) -> dict[str, Any]:
        """One run of the supervisor; with `kill` each task is killed after its work, `task` runs undecided."""
        conf = {} if action == "auto" else {"action": action}
        settings = {
            "LOGLINE_STREAM_JOB": self.name,
            "LOGLINE_SUBSCRIPTION": "log-stream",
            "LOGLINE_RESTART_BUDGET": "3",
            "LOGLINE_RESTART_PAUSE_SECONDS": "600",
            "LOGLINE_MAX_LAG_SECONDS": "300",
        }
        return self.runs.ask(environment=settings | environment, conf=conf, kill=kill, task=task)

    def jobs(self) -> list[dict[str, Any]]:
        """The jobs of exactly the name, the newest first."""
        answer = self.dataflow.jobs.list(projectId=PROJECT, location="us-central1", name=self.name).execute()
        found = [job for job in answer.get("jobs", []) if job["name"] == self.name]
        return sorted(found, key=lambda job: str(job["createTime"]), reverse=True)

    def states(self) -> list[str]:
        return [str(job["currentState"]).removeprefix("JOB_STATE_") for job in self.jobs()]

    def settle(self, *states: str) -> None:
        """Wait until the jobs, newest first, are in these states."""
        eventually(lambda: self.states() == list(states))

    def start(self) -> str:
        """Launch the stream and wait until it runs and listens to signals; its job's id."""
        assert self.run()["tasks"] == ["launch", "record"]
        return self.ready()

    def ready(self) -> str:
        """Wait until the newest job listens to signals; its id."""
        job_id = str(self.jobs()[0]["id"])
        stdout = self.dataflow.state_dir / "jobs" / job_id / "stdout.log"
        eventually(lambda: stdout.exists() and "printed" in stdout.read_text())
        self.dataflow.wait(job_id, "RUNNING")
        return job_id

    def launch_by_hand(self, name: str) -> str:
        """Launch a job with Dataflow's API, without a label."""
        launch = {
            "jobName": name,
            "containerSpecGcsPath": f"gs://{BUCKET}/templates/stream.json",
            "parameters": {"subscription": "s", "dataset": "d", "log_format": "article"},
        }
        return str(self.dataflow.send_launch(launch)["job"]["id"])


def _names(options: tuple[str, ...]) -> list[str]:
    return [option.removeprefix("--").partition("=")[0] for option in options]


@pytest.fixture
def world(request: pytest.FixtureRequest, dataflow: Emulator, runs: Runs, tmp_path: Path) -> Iterator[World]:
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_"))[:50].strip("-")
    made = World(name, dataflow, tmp_path / "gate", runs)
    made.provide()
    yield made
    made.gate.touch()
