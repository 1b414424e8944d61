"""A GCS emulator and Dataflow emulators on free ports, with small entry points in place of real pipelines."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build

from emulators.guard.authorized_user import authorized_user
from local_stack.ports import free_ports

PROJECT = "logline-test"
LOCATION = "us-central1"
BUCKET = "logline-test-bucket"
TOKEN = "the token of the tests, 32 characters or more".replace(" ", "-")
SPEC = f"gs://{BUCKET}/templates/sleeper.json"
STREAM = f"gs://{BUCKET}/templates/stream.json"
REPOSITORY = Path(__file__).parents[4]
JOBS = "tests.integration.emulators.dataflow.jobs"

SLEEPER = {
    "image": "example.dev/logline/sleeper:1.0",
    "sdkInfo": {"language": "PYTHON"},
    "metadata": {
        "name": "sleeper",
        "parameters": [
            {"name": name, "label": name, "helpText": name, "isOptional": True}
            for name in ("until", "log", "last_words", "last", "counter", "ignore", "drains", "grandchild", "show")
        ]
        + [{"name": "exit_code", "label": "code", "helpText": "code", "isOptional": True, "regexes": ["[0-9]+"]}],
    },
}


def eventually(check: Callable[[], Any], seconds: float = 120) -> Any:
    """The first true value of the check; polling is how every client of the service waits too."""
    deadline = time.monotonic() + seconds
    while True:
        if found := check():
            return found
        assert time.monotonic() < deadline, f"not within {seconds} s: {check}"
        time.sleep(0.02)


def gone(process: psutil.Process) -> bool:
    """Whether a process has ended, also where nobody has reaped it yet."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


class Emulator:
    """An emulator process that can be killed and started again on the same ports and state."""

    def __init__(self, state_dir: Path, storage: str, folder: Path, *options: str) -> None:
        self.state_dir = state_dir
        self.options = options
        self.folder = folder  # where parameters may name files
        self.port, self.grpc_port = free_ports(2)
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.grpc_target = f"127.0.0.1:{self.grpc_port}"
        self.storage = storage
        self.process: subprocess.Popen[str] | None = None

    def command(self) -> list[str]:
        return [
            *(sys.executable, "-m", "emulators.dataflow", "--port", str(self.port), "--grpc-port", str(self.grpc_port)),
            *("--state-dir", str(self.state_dir), "--project", PROJECT),
            *("--template-bucket", BUCKET, "--folder", str(self.folder)),
            *("--image", f"sleeper={JOBS}.sleeper", "--image", f"words={JOBS}.words"),
            *self.options,
            *("--preload", "logging"),  # a new process instead: tests/unit/emulators/dataflow/process
        ]

    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "STORAGE_EMULATOR_HOST": self.storage,
            "PYTHONPATH": str(REPOSITORY),
            "DATAFLOW_EMULATOR_TOKEN": TOKEN,
        }

    def start(self) -> None:
        self.__dict__.pop("client", None)  # its connection is to the emulator before
        self.process = subprocess.Popen(
            self.command(), cwd=REPOSITORY, env=self.environment(), stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        assert self.process.stdout.readline().startswith("Dataflow emulator: REST on http://127.0.0.1:")

    def end(self, number: signal.Signals) -> int:
        """Send a signal and wait for the process to end; its exit code."""
        assert self.process
        self.process.send_signal(number)
        code = self.process.wait(60)
        assert self.process.stdout
        self.process.stdout.close()
        self.process = None
        return code

    @cached_property
    def client(self) -> Any:
        """Google's discovery client, built the way Airflow's DataflowHook builds it."""
        options = {"api_endpoint": self.endpoint}
        credentials = Credentials.from_authorized_user_info(authorized_user(TOKEN))
        return build("dataflow", "v1b3", credentials=credentials, cache_discovery=False, client_options=options)

    @property
    def jobs(self) -> Any:
        return self.client.projects().locations().jobs()

    def launch(self, name: str, spec: str = SPEC, **parameters: Any) -> str:
        """Launch a template; the job's id."""
        body = {"jobName": name, "containerSpecGcsPath": spec, "parameters": _texts(parameters)}
        return str(self.send_launch(body)["job"]["id"])

    def send_launch(self, body: dict[str, Any]) -> dict[str, Any]:
        templates = self.client.projects().locations().flexTemplates()
        answer: dict[str, Any] = templates.launch(
            projectId=PROJECT, location=LOCATION, body={"launchParameter": body}
        ).execute()
        return answer

    def get(self, job_id: str, **arguments: Any) -> dict[str, Any]:
        job: dict[str, Any] = self.jobs.get(projectId=PROJECT, location=LOCATION, jobId=job_id, **arguments).execute()
        return job

    def state(self, job_id: str) -> str:
        return str(self.get(job_id)["currentState"]).removeprefix("JOB_STATE_")

    def wait(self, job_id: str, *states: str) -> str:
        """Wait until the job is in one of the states, by default until it has ended."""
        wanted = states or ("DONE", "FAILED", "CANCELLED", "DRAINED", "UPDATED")
        return str(eventually(lambda: (state := self.state(job_id)) in wanted and state))

    def ask(self, job_id: str, state: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.jobs.update(
            projectId=PROJECT, location=LOCATION, jobId=job_id, body={"requestedState": f"JOB_STATE_{state}"}
        ).execute()
        return answer

    def messages(self, job_id: str, importance: str | None = None) -> list[tuple[str, str]]:
        """All messages, oldest first: importance (without its prefix) and text."""
        minimum = {"minimumImportance": f"JOB_MESSAGE_{importance}"} if importance else {}
        answer = self.jobs.messages().list(projectId=PROJECT, location=LOCATION, jobId=job_id, **minimum).execute()
        return [
            (one["messageImportance"].removeprefix("JOB_MESSAGE_"), one["messageText"])
            for one in answer.get("jobMessages", [])
        ]

    def errors(self, job_id: str) -> list[str]:
        return [text for _, text in self.messages(job_id, "ERROR")]

    def process_id(self, job_id: str) -> int:
        """The leader of the job's process group."""
        path = self.state_dir / "jobs" / job_id / "process.json"
        return int(json.loads(eventually(lambda: path.exists() and path.read_text()))["pid"])


def ready(emulator: Emulator, job_id: str) -> None:
    """Wait until the sleeper has set its signal handlers."""
    stdout = emulator.state_dir / "jobs" / job_id / "stdout.log"
    eventually(lambda: stdout.exists() and "printed" in stdout.read_text())


def _texts(parameters: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in parameters.items()}


@pytest.fixture(scope="session")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a GCS emulator that holds the template specs."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "emulators.storage", "--port", str(port)]
    server = subprocess.Popen([*command, "--data-dir", str(tmp_path_factory.mktemp("storage"))], cwd=REPOSITORY)
    try:
        address = f"http://127.0.0.1:{port}"
        eventually(lambda: _answers(port))
        options = {"api_endpoint": address}
        client = Client(project=PROJECT, credentials=AnonymousCredentials(), client_options=options)
        bucket = client.create_bucket(BUCKET)
        specs = {
            "sleeper": SLEEPER,
            "stream": {**SLEEPER, "metadata": {**SLEEPER["metadata"], "streaming": True}},
            "words": {**SLEEPER, "image": "example.dev/words", "metadata": {"parameters": []}},
            "unknown": {**SLEEPER, "image": "example.dev/unknown@sha256:0123"},
            "undescribed": {"image": SLEEPER["image"]},
            "imageless": {"metadata": {}},
        }
        for name, spec in specs.items():
            bucket.blob(f"templates/{name}.json").upload_from_string(json.dumps(spec))
        bucket.blob("templates/binary.json").upload_from_string(b"\xff\x00")
        yield address
    finally:
        server.terminate()
        server.wait(60)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="session")
def emulator(storage: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """One emulator for all tests that leave it running."""
    yield from running(Emulator(tmp_path_factory.mktemp("dataflow"), storage, tmp_path_factory.getbasetemp()))


@pytest.fixture
def own_emulator(storage: str, tmp_path: Path) -> Iterator[Emulator]:
    """An emulator for a test that ends it."""
    yield from running(Emulator(tmp_path / "state", storage, tmp_path))


@pytest.fixture
def slow_emulator(storage: str, tmp_path: Path) -> Iterator[Emulator]:
    """An emulator of two jobs at once, whose launches take as long as a test waits for."""
    options = ("--most-jobs", "2", "--launch-seconds", "3600")
    yield from running(Emulator(tmp_path / "state", storage, tmp_path, *options))


def running(emulator: Emulator) -> Iterator[Emulator]:
    """Start an emulator; after its use end it, and with it every process of its jobs."""
    emulator.start()
    try:
        yield emulator
    finally:
        if emulator.process is None:
            emulator.start()
        emulator.end(signal.SIGTERM)


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A file that does not exist yet; sleepers wait for it."""
    return tmp_path / "gate"
