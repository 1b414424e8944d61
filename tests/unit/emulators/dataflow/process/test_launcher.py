"""Jobs that are forked from a process with preloaded modules, beside the same jobs in new processes."""

import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from emulators.dataflow.jobs import messages
from emulators.dataflow.jobs.ending import request_end
from emulators.dataflow.jobs.job import Job, new_resource
from emulators.dataflow.jobs.states import JobState, JobType
from emulators.dataflow.jobs.store import JobStore
from emulators.dataflow.process.follower import JobFollower
from emulators.guard.iam import Access

ENTRY_POINT = "tests.unit.emulators.dataflow.process.start_report"
#: What gRPC's library, of other tests in this process, writes to the standard error.
GRPCS_OWN = re.compile(r"[IWEF]\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ \S+\.cc:\d+\] ")


def eventually(check: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 60
    while not (found := check()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


class Emulator:
    """The part of the emulator that runs jobs."""

    def __init__(self, folder: Path, preload: list[str], preload_after: float = 0.0) -> None:
        self.folder = folder
        self._store = JobStore(folder / "jobs.sqlite3")
        self.follower = JobFollower(
            self._store, folder / "jobs", Access(), grace_seconds=0.2, preload=preload, preload_after=preload_after
        )
        self.follower.start()

    def stop(self) -> None:
        self.follower.stop("the test is over")
        self._store.close()

    def launch(self, *arguments: str) -> str:
        command = [sys.executable, "-P", "-m", ENTRY_POINT, *arguments]
        job = Job(new_resource("project", "us-central1", "name", JobType.BATCH), command)
        self._store.add(job)
        self.follower.wake()
        return job.id

    def get(self, job_id: str) -> Job:
        return self._store.get("project", "us-central1", job_id)

    def wait(self, job_id: str) -> JobState:
        eventually(lambda: self.get(job_id).is_terminal)
        return self.get(job_id).state

    def cancel(self, job_id: str) -> None:
        self._store.change(job_id, lambda one: request_end(one, "JOB_STATE_CANCELLED") and None)
        self.follower.wake()

    def report(self, job_id: str) -> dict[str, Any]:
        path = self.folder / "jobs" / job_id / "report.json"
        eventually(path.exists)
        report: dict[str, Any] = json.loads(path.read_text())
        return report

    def errors(self, job_id: str) -> list[str]:
        return [one.text for one in self._store.messages(job_id, [messages.ERROR], "", "9", 0, 99)[0]]

    def run(self, *arguments: str) -> dict[str, Any]:
        """Run a job to its end; how it was started."""
        job_id = self.launch(*arguments)
        assert self.wait(job_id) is JobState.DONE, self.errors(job_id)
        return self.report(job_id)


def zygotes() -> list[psutil.Process]:
    """The zygotes of this process."""
    children = psutil.Process().children()
    return [child for child in children if "emulators.dataflow.process.zygote" in child.cmdline()]


def gone(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module that only the emulator's child processes find."""
    path = tmp_path / "modules" / "preloaded.py"
    path.parent.mkdir()
    path.write_text("VALUE = 1\n")
    monkeypatch.setenv("PYTHONPATH", str(path.parent))
    return path


@pytest.fixture
def forking(tmp_path: Path, module: Path) -> Iterator[Emulator]:
    (tmp_path / "forking").mkdir()
    emulator = Emulator(tmp_path / "forking", ["preloaded", "numpy.random"])
    yield emulator
    emulator.stop()


@pytest.fixture
def plain(tmp_path: Path, module: Path) -> Iterator[Emulator]:
    (tmp_path / "plain").mkdir()
    emulator = Emulator(tmp_path / "plain", [])
    yield emulator
    emulator.stop()


def without_own(report: dict[str, Any]) -> dict[str, Any]:
    """A report without what differs between any two jobs."""
    own = Path(report["folder"])
    text = json.dumps(report).replace(str(own), "FOLDER").replace(own.name, "ID")
    shown: dict[str, Any] = json.loads(text)
    shown.pop("preloaded", None)
    return shown


def test_a_forked_job_is_started_like_a_new_process(forking: Emulator, plain: Emulator) -> None:
    forked, new = forking.run("0", "--a=b c", "-m"), plain.run("0", "--a=b c", "-m")
    assert (forked["preloaded"], "preloaded" in new) == (1, False)
    assert without_own(forked) == without_own(new)
    # One after another: nothing of the first job is left.
    assert without_own(forking.run("0", "--a=b c", "-m")) == without_own(new)


@pytest.mark.parametrize("ending", ["0", "3", "some reason", "exception", "interrupted", "killed"])
def test_a_forked_job_ends_like_a_new_process(forking: Emulator, plain: Emulator, ending: str) -> None:
    seen = []
    for emulator in (forking, plain):
        job_id = emulator.launch(ending)
        state = emulator.wait(job_id)
        child = emulator.follower.child(job_id)
        ended = child.exit()
        assert ended
        assert ended.cpu_seconds > 0
        seen.append((state, ended.code, emulator.errors(job_id), child.stdout.read_text()))
    assert seen[0] == seen[1]


def test_a_forked_job_is_cancelled_with_its_group(forking: Emulator) -> None:
    job_id = forking.launch("waits")
    forking.report(job_id)
    leader = psutil.Process(json.loads((forking.folder / "jobs" / job_id / "process.json").read_text())["pid"])
    (program,) = leader.children()
    forking.cancel(job_id)
    assert forking.wait(job_id) is JobState.CANCELLED
    eventually(lambda: gone(leader) and gone(program))


def test_a_zygote_that_was_killed_is_started_again(forking: Emulator) -> None:
    running = forking.launch("waits")
    forking.report(running)
    (zygote,) = zygotes()
    zygote.kill()
    eventually(lambda: gone(zygote))
    eventually(lambda: forking.get(running).state is JobState.RUNNING)
    forking.cancel(running)
    assert forking.wait(running) is JobState.CANCELLED
    assert forking.run("0")["preloaded"] == 1
    assert zygotes() != [zygote]


def test_a_frozen_zygote_that_is_killed_leaves_its_job_to_the_next(forking: Emulator) -> None:
    forking.run("0")
    (zygote,) = zygotes()
    zygote.suspend()
    job_id = forking.launch("0")
    eventually(lambda: forking.get(job_id).state is JobState.PENDING)
    zygote.kill()
    assert forking.wait(job_id) is JobState.DONE
    assert forking.report(job_id)["preloaded"] == 1


def test_jobs_never_run_the_code_of_before_a_change(forking: Emulator, module: Path) -> None:
    assert forking.run("0")["preloaded"] == 1
    module.write_text("VALUE = 22\n")  # of another size: Python's own byte code knows whole seconds only
    assert forking.run("0")["preloaded"] == 22
    module.unlink()
    assert "preloaded" not in forking.run("0")  # a new process, for there is nothing to preload
    module.write_text("VALUE = 333\n")
    assert forking.run("0")["preloaded"] == 333


def test_a_change_while_modules_are_imported_is_noticed(tmp_path: Path, module: Path) -> None:
    gate = tmp_path / "gate"
    slow = (
        f"import pathlib, time\ngate = pathlib.Path({str(gate)!r})\ngate.touch()\n"
        "while gate.exists():\n    time.sleep(0.01)\n"
    )
    (module.parent / "slow.py").write_text(slow)
    emulator = Emulator(tmp_path, ["preloaded", "slow"])
    try:
        eventually(gate.exists)
        (module.parent / "slow.py").write_text("")
        module.write_text("VALUE = 22\n")
        gate.unlink()
        assert emulator.run("0")["preloaded"] == 22
    finally:
        emulator.stop()


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("1 /", "preloaded cannot be imported: SyntaxError: "),
        ("import sys; sys.exit('gone')", "preloaded cannot be imported: SystemExit: gone"),
        (
            "import threading as t, time; t.Thread(target=time.sleep, args=(99,), name='sleeper', daemon=True).start()",
            "preloaded starts threads when imported: sleeper",
        ),
        ("import os; opened = os.pipe()", "preloaded opens files or connections when imported: "),
    ],
)
def test_what_cannot_be_forked_is_a_new_process(
    tmp_path: Path, module: Path, code: str, reason: str, capfd: pytest.CaptureFixture[str]
) -> None:
    module.write_text(code)
    emulator = Emulator(tmp_path, ["preloaded"])
    try:
        assert "preloaded" not in emulator.run("0")
    finally:
        emulator.stop()
    lines = [line for line in capfd.readouterr().err.splitlines() if not GRPCS_OWN.match(line)]
    assert lines
    assert all(line.startswith(reason) for line in lines), lines


def test_stopping_does_not_wait_for_imports(tmp_path: Path, module: Path) -> None:
    module.write_text("import signal\nsignal.pause()\n")
    emulator = Emulator(tmp_path, ["preloaded"])
    job_id = emulator.launch("0")
    eventually(lambda: emulator.get(job_id).state is JobState.PENDING)
    left = zygotes()
    emulator.follower.stop("it was stopped")
    assert (emulator.get(job_id).state, emulator.errors(job_id)) == (JobState.FAILED, ["it was stopped"])
    eventually(lambda: all(map(gone, left)))


def test_modules_are_imported_at_the_first_launch_where_that_comes_first(tmp_path: Path, module: Path) -> None:
    emulator = Emulator(tmp_path, ["preloaded"], preload_after=3600)
    assert zygotes() == []
    report = emulator.run("0")
    emulator.stop()
    assert report["preloaded"] == 1


def test_modules_are_imported_after_a_while_for_the_jobs_to_come(tmp_path: Path, module: Path) -> None:
    emulator = Emulator(tmp_path, ["preloaded"], preload_after=0.01)
    eventually(zygotes)
    emulator.stop()


def test_another_interpreter_is_a_new_process(forking: Emulator, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    child = forking.follower.child("other")
    child.folder = folder
    child.start([sys.executable, "-c", "import sys; print('preloaded' in sys.modules)"], dict(os.environ))
    eventually(lambda: child.exit() is not None)
    child.send(signal.SIGKILL)
    assert child.stdout.read_text() == "False\n"
