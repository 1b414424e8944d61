"""SIGKILL and SIGTERM of the emulator, of jobs, and of what watches them, with real processes."""

import os
import signal
import subprocess
from pathlib import Path

import psutil
import pytest
from googleapiclient.errors import HttpError

from tests.integration.dataflow.conftest import Emulator, eventually, gone, ready

pytestmark = pytest.mark.integration


def entry_point(emulator: Emulator, job_id: str) -> psutil.Process:
    """The job's own process, below the one that records its exit code."""
    leader = psutil.Process(emulator.process_id(job_id))
    return eventually(leader.children)[0]


def test_a_running_job_is_followed_on_after_a_kill(own_emulator: Emulator, gate: Path) -> None:
    job_id = own_emulator.launch("survivor", until=gate, log="INFO:before", last_words="after")
    own_emulator.wait(job_id, "RUNNING")
    ready(own_emulator, job_id)
    eventually(lambda: ("DETAILED", "INFO:root:before") in own_emulator.messages(job_id))
    before = own_emulator.get(job_id)
    process = entry_point(own_emulator, job_id)

    own_emulator.end(signal.SIGKILL)
    assert process.is_running()
    own_emulator.start()
    assert own_emulator.get(job_id) == before
    with pytest.raises(HttpError, match="There is already an active job named survivor"):
        own_emulator.launch("survivor")
    gate.touch()
    assert own_emulator.wait(job_id) == "DONE"
    log = [text for importance, text in own_emulator.messages(job_id) if importance == "DETAILED"]
    assert log == ["INFO:root:before", "after"]


@pytest.mark.parametrize(("exit_code", "state", "errors"), [(0, "DONE", []), (3, "FAILED", ["disk full"])])
def test_a_job_that_ended_meanwhile_gets_its_true_state(
    own_emulator: Emulator, gate: Path, exit_code: int, state: str, errors: list[str]
) -> None:
    job_id = own_emulator.launch("meanwhile", until=gate, exit_code=exit_code, last_words="disk full")
    own_emulator.wait(job_id, "RUNNING")
    process = psutil.Process(own_emulator.process_id(job_id))
    own_emulator.end(signal.SIGKILL)
    gate.touch()
    eventually(lambda: gone(process))
    own_emulator.start()
    assert own_emulator.wait(job_id) == state
    assert own_emulator.errors(job_id) == errors


def test_a_job_that_vanished_without_an_exit_code_failed(own_emulator: Emulator, gate: Path) -> None:
    job_id = own_emulator.launch("vanished", until=gate)
    own_emulator.wait(job_id, "RUNNING")
    leader = psutil.Process(own_emulator.process_id(job_id))
    own_emulator.end(signal.SIGKILL)
    os.killpg(leader.pid, signal.SIGKILL)
    eventually(lambda: gone(leader))
    own_emulator.start()
    assert own_emulator.wait(job_id) == "FAILED"
    (error,) = own_emulator.errors(job_id)
    assert error.startswith("The job's process died without an exit code")


def test_a_cancel_is_carried_out_by_the_next_emulator(own_emulator: Emulator, gate: Path) -> None:
    job_id = own_emulator.launch("cancelled", until=gate, ignore="SIGTERM")
    own_emulator.wait(job_id, "RUNNING")
    ready(own_emulator, job_id)
    process = entry_point(own_emulator, job_id)
    own_emulator.ask(job_id, "CANCELLED")
    own_emulator.end(signal.SIGKILL)
    assert process.is_running()
    own_emulator.start()
    assert own_emulator.state(job_id) == "CANCELLING"
    process.kill()
    assert own_emulator.wait(job_id) == "CANCELLED"


def test_a_killed_job_failed(emulator: Emulator, gate: Path) -> None:
    job_id = emulator.launch("killed", until=gate)
    emulator.wait(job_id, "RUNNING")
    entry_point(emulator, job_id).kill()
    assert emulator.wait(job_id) == "FAILED"
    assert emulator.errors(job_id) == ["The job's process was killed by SIGKILL."]


def test_a_job_does_not_outlive_the_process_that_watches_it(emulator: Emulator, gate: Path) -> None:
    job_id = emulator.launch("unwatched", until=gate)
    emulator.wait(job_id, "RUNNING")
    process = entry_point(emulator, job_id)
    os.kill(emulator.process_id(job_id), signal.SIGKILL)
    assert emulator.wait(job_id) == "FAILED"
    eventually(lambda: gone(process))


def test_sigterm_leaves_no_process_and_says_why_the_jobs_failed(
    own_emulator: Emulator, gate: Path, tmp_path: Path
) -> None:
    pid_file = tmp_path / "grandchild"
    job_id = own_emulator.launch("stopped", until=gate, grandchild=pid_file)
    own_emulator.wait(job_id, "RUNNING")
    grandchild = psutil.Process(int(eventually(lambda: pid_file.exists() and pid_file.read_text())))
    process = entry_point(own_emulator, job_id)
    assert own_emulator.end(signal.SIGTERM) == 0
    assert gone(process)
    assert gone(grandchild)
    own_emulator.start()
    assert own_emulator.state(job_id) == "FAILED"
    assert own_emulator.errors(job_id) == ["The Dataflow emulator was stopped while the job was active."]


@pytest.mark.parametrize("taken", ["state", "port", "grpc"])
def test_what_is_taken_is_named_in_one_line(emulator: Emulator, tmp_path: Path, taken: str) -> None:
    other = Emulator(emulator.state_dir if taken == "state" else tmp_path, "http://127.0.0.1:1")
    if taken == "port":
        other.port = emulator.port
    if taken == "grpc":
        other.grpc_port = emulator.grpc_port
    run = subprocess.run(other.command(), env=other.environment(), capture_output=True, text=True, check=False)
    assert run.returncode == 1
    expected = {
        "state": f"another Dataflow emulator uses the state folder {emulator.state_dir}: stop it first",
        "port": f"port {emulator.port} on 127.0.0.1 is not free",
        "grpc": f"port {emulator.grpc_port} on 127.0.0.1 is not free",
    }
    assert run.stderr.splitlines()[-1].startswith(f"Dataflow emulator: {expected[taken]}")
    assert "Traceback" not in run.stderr


def test_cloud_storage_that_is_down_is_named(own_emulator: Emulator) -> None:
    own_emulator.end(signal.SIGTERM)
    own_emulator.storage = "http://127.0.0.1:1"
    own_emulator.start()
    with pytest.raises(HttpError, match=r"Cloud Storage at http://127.0.0.1:1 failed") as refusal:
        own_emulator.launch("no-storage")
    assert refusal.value.status_code == 503
