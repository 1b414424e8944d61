"""Fixtures for pytest: an emulator for the test run, which ends what a test has left running."""

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from emulators.dataflow.access_files import AccessFiles

_PROJECT = "dataflow_emulator_project"
#: More than the emulator takes to end its jobs.
_STOP_SECONDS = 30
_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class DataflowEmulator:
    """A running emulator.

    Attributes:
        endpoint: Of the REST API, such as http://127.0.0.1:9070.
        grpc_target: HOST:PORT of the gRPC API.
        project: The project it serves.
        state_dir: Holds a folder for each job, `jobs/ID`, with its `stdout.log` and `stderr.log`.
        credentials: The file whose secret launches jobs, as in GOOGLE_APPLICATION_CREDENTIALS.
    """

    endpoint: str
    grpc_target: str
    project: str
    state_dir: Path
    credentials: Path

    def cancel_jobs(self) -> None:
        """Cancel all jobs that are active, and wait until they have ended."""
        # Not before: every run of pytest loads this module.
        from google.api_core.exceptions import BadRequest
        from google.cloud import dataflow_v1beta3 as dataflow

        options = {"api_endpoint": self.endpoint, "credentials_file": str(self.credentials)}
        client = dataflow.JobsV1Beta3Client(transport="rest", client_options=options)
        active = dataflow.ListJobsRequest(project_id=self.project, filter=dataflow.ListJobsRequest.Filter.ACTIVE)
        cancelled = dataflow.Job(requested_state=dataflow.JobState.JOB_STATE_CANCELLED)
        with client:
            while jobs := list(client.aggregated_list_jobs(active)):
                for job in jobs:
                    with contextlib.suppress(BadRequest):  # it has ended meanwhile
                        client.update_job(
                            {"project_id": self.project, "location": job.location, "job_id": job.id, "job": cancelled}
                        )
                time.sleep(_POLL_SECONDS)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the setting."""
    parser.addini(_PROJECT, "the project that the Dataflow emulator serves", default="test-project")


@pytest.fixture(scope="session")
def dataflow_emulator_options() -> Sequence[str]:
    """Return options of the command `dataflow-emulator`; a test project puts its own in this place."""
    return pytest.fail(
        "define the session fixture dataflow_emulator_options, such as "
        '["--template-bucket=templates=specs", "--image=words=my_jobs.words"]',
        pytrace=False,
    )


@pytest.fixture(scope="session")
def dataflow_emulator_session(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory, dataflow_emulator_options: Sequence[str]
) -> Iterator[DataflowEmulator]:
    """Run an emulator until the tests have ended, with its credentials in the environment."""
    project, state_dir = pytestconfig.getini(_PROJECT), tmp_path_factory.mktemp("dataflow_emulator")
    with (
        pytest.MonkeyPatch.context() as environment,
        _running(project, state_dir, dataflow_emulator_options) as emulator,
    ):
        environment.setenv("DATAFLOW_EMULATOR_HOST", emulator.endpoint)
        environment.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(emulator.credentials))
        environment.setenv("GOOGLE_CLOUD_PROJECT", emulator.project)
        yield emulator


@pytest.fixture
def dataflow_emulator(dataflow_emulator_session: DataflowEmulator) -> Iterator[DataflowEmulator]:
    """Lend the emulator of the run to one test, and cancel afterwards what still runs."""
    yield dataflow_emulator_session
    dataflow_emulator_session.cancel_jobs()


@contextlib.contextmanager
def _running(project: str, state_dir: Path, options: Sequence[str]) -> Iterator[DataflowEmulator]:
    credentials = AccessFiles(state_dir)
    # -P: a module of the tests' folder must not take the place of one that the emulator imports. A group of its own:
    # Ctrl-C interrupts the tests, which still need the emulator to clean up.
    command = [sys.executable, "-P", "-m", str(__package__), "--port=0", "--grpc-port=0", f"--project={project}"]
    command += [f"--state-dir={state_dir}", *options]
    environment = {name: value for name, value in os.environ.items() if name != "DATAFLOW_EMULATOR_TOKEN"}
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True, process_group=0
        ) as process,
    ):
        try:
            assert process.stdout
            started = re.search(r"REST on (\S+), gRPC on (\S+),", process.stdout.readline())
            if started is None:
                process.wait()
                errors.seek(0)
                raise RuntimeError(f"the Dataflow emulator did not start: {errors.read().strip()}")
            yield DataflowEmulator(started[1], started[2], project, state_dir, credentials.credentials)
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
