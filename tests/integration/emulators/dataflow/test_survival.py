"""SIGKILL and SIGTERM of the emulator, of jobs, and of what watches them, with real processes."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from googleapiclient.errors import HttpError

from tests.integration.emulators.dataflow.conftest import Emulator, eventually, gone, ready, running

pytestmark = pytest.mark.integration


def entry_point(emulator: Emulator, job_id: str) -> psutil.Process:
    """The job's own process, below the one that records its exit code."""
    leader = psutil.Process(emulator.process_id(job_id))
    return eventually(leader.children)[0]


@dataclass
class Survivors:
    """An emulator that was killed and started again while jobs of every kind were active."""

    emulator: Emulator
    ids: dict[str, str]
    before: dict[str, dict[str, Any]]
    gate: Path


@pytest.fixture(scope="module")
def survivors(storage: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Survivors]:
    folder = tmp_path_factory.mktemp("survivors")
    gate, never, meanwhile = folder / "gate", folder / "never", folder / "meanwhile"
    with contextmanager(running)(Emulator(folder / "state", storage, folder)) as emulator:
        ids = {
            "running": emulator.launch("running", until=gate, log="INFO:before", last_words="after"),
            "done": emulator.launch("done", until=meanwhile),
            "failed": emulator.launch("failed", until=meanwhile, exit_code=3, last_words="disk full"),
            "vanished": emulator.launch("vanished", until=never),
            "cancelled": emulator.launch("cancelled", until=never, ignore="SIGTERM"),
        }
        for job_id in ids.values():
            emulator.wait(job_id, "RUNNING")
            ready(emulator, job_id)
        eventually(lambda: ("DETAILED", "INFO:root:before") in emulator.messages(ids["running"]))
        before = {name: emulator.get(job_id) for name, job_id in ids.items()}
        leaders = {name: psutil.Process(emulator.process_id(job_id)) for name, job_id in ids.items()}
        cancelled = entry_point(emulator, ids["cancelled"])
        assert emulator.process
        (zygote,) = psutil.Process(emulator.process.pid).children()

        emulator.ask(ids["cancelled"], "CANCELLED")
        emulator.end(signal.SIGKILL)
        eventually(lambda: gone(zygote))
        assert not any(gone(leader) for leader in leaders.values())
        os.killpg(leaders["vanished"].pid, signal.SIGKILL)
        meanwhile.touch()
        eventually(lambda: all(gone(leaders[name]) for name in ("done", "failed", "vanished")))
        emulator.start()
        assert emulator.state(ids["cancelled"]) == "CANCELLING"
        cancelled.kill()
        yield Survivors(emulator, ids, before, gate)


def test_a_running_job_is_followed_on_after_a_kill(survivors: Survivors) -> None:
    emulator, job_id = survivors.emulator, survivors.ids["running"]
    assert emulator.get(job_id) == survivors.before["running"]
    with pytest.raises(HttpError, match="There is already an active job named running"):
        emulator.launch("running")
    survivors.gate.touch()
    assert emulator.wait(job_id) == "DONE"
    log = [text for importance, text in emulator.messages(job_id) if importance == "DETAILED"]
    assert log == ["INFO:root:before", "after"]


@pytest.mark.parametrize(("name", "errors"), [("done", []), ("failed", ["disk full"])])
def test_a_job_that_ended_meanwhile_gets_its_true_state(survivors: Survivors, name: str, errors: list[str]) -> None:
    assert survivors.emulator.wait(survivors.ids[name]) == name.upper()
    assert survivors.emulator.errors(survivors.ids[name]) == errors


def test_a_job_that_vanished_without_an_exit_code_failed(survivors: Survivors) -> None:
    assert survivors.emulator.wait(survivors.ids["vanished"]) == "FAILED"
    (error,) = survivors.emulator.errors(survivors.ids["vanished"])
    assert error.startswith("The job's process died without an exit code")


def test_a_cancel_is_carried_out_by_the_next_emulator(survivors: Survivors) -> None:
    assert survivors.emulator.wait(survivors.ids["cancelled"]) == "CANCELLED"


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
    eventually(lambda: gone(process) and gone(grandchild))
    own_emulator.start()
    assert own_emulator.state(job_id) == "FAILED"
    assert own_emulator.errors(job_id) == ["The Dataflow emulator was stopped while the job was active."]


@pytest.mark.parametrize("taken", ["state", "port", "grpc"])
def test_what_is_taken_is_named_in_one_line(emulator: Emulator, tmp_path: Path, taken: str) -> None:
    other = Emulator(emulator.state_dir if taken == "state" else tmp_path, "http://127.0.0.1:1", tmp_path)
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


@pytest.mark.parametrize("token", ["", "too short"])
def test_it_does_not_start_without_a_secret(storage: str, tmp_path: Path, token: str) -> None:
    emulator = Emulator(tmp_path / "state", storage, tmp_path)
    environment = emulator.environment() | {"DATAFLOW_EMULATOR_TOKEN": token}
    run = subprocess.run(emulator.command(), env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert run.stderr == ("Dataflow emulator: DATAFLOW_EMULATOR_TOKEN must hold a secret of 32 characters or more\n")
    assert not emulator.state_dir.exists()


def test_cloud_storage_that_is_down_is_named(own_emulator: Emulator) -> None:
    own_emulator.end(signal.SIGTERM)
    own_emulator.storage = "http://127.0.0.1:1"
    own_emulator.start()
    with pytest.raises(HttpError, match=r"Cloud Storage at http://127.0.0.1:1 failed") as refusal:
        own_emulator.launch("no-storage")
    assert refusal.value.status_code == 503
