"""The follower with real processes, in situations that need a hand inside the emulator."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from emulators.dataflow.errors import ApiError
from emulators.dataflow.jobs import messages
from emulators.dataflow.jobs.ending import request_end
from emulators.dataflow.jobs.job import Job, new_resource
from emulators.dataflow.jobs.states import JobState, JobType
from emulators.dataflow.jobs.store import JobStore
from emulators.dataflow.process.child import Child, Exit
from emulators.dataflow.process.follower import JobFollower
from emulators.guard.iam import Access


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    opened = JobStore(tmp_path / "jobs.sqlite3")
    yield opened
    opened.close()


@pytest.fixture
def follower(store: JobStore, tmp_path: Path) -> Iterator[JobFollower]:
    started = JobFollower(store, tmp_path / "jobs", Access(), grace_seconds=0.2)
    started.start()
    yield started
    started.stop("the test is over")


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def add(store: JobStore, command: list[str], name: str = "name") -> str:
    job = Job(new_resource("project", "us-central1", name, JobType.BATCH), command)
    store.add(job)
    return job.id


def eventually(check: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def get(store: JobStore, job_id: str) -> Job:
    return store.get("project", "us-central1", job_id)


def errors(store: JobStore, job_id: str) -> list[str]:
    return [one.text for one in store.messages(job_id, [messages.ERROR], "", "9", 0, 99)[0]]


def test_a_job_that_ignores_sigterm_is_killed(store: JobStore, follower: JobFollower, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    code = f"import signal, time, pathlib; signal.signal(15, 1); pathlib.Path({str(ready)!r}).touch(); time.sleep(600)"
    job_id = add(store, python(code))
    follower.wake()
    eventually(ready.exists)
    store.change(job_id, lambda one: request_end(one, "JOB_STATE_CANCELLED") and None)
    eventually(lambda: get(store, job_id).state is JobState.CANCELLED)


def test_a_job_that_was_about_to_start_is_started(store: JobStore, tmp_path: Path) -> None:
    job_id = add(store, python("print('here')"))
    store.change(job_id, lambda one: one.enter(JobState.PENDING))
    follower = JobFollower(store, tmp_path / "jobs", Access())
    follower.start()
    eventually(lambda: get(store, job_id).state is JobState.DONE)
    follower.stop("")
    assert (tmp_path / "jobs" / job_id / "stdout.log").read_text() == "here\n"


@pytest.mark.parametrize("command", [["/no/such/program"], ["a\0b"]])
def test_a_command_that_cannot_be_started_fails_its_job(
    store: JobStore, follower: JobFollower, command: list[str]
) -> None:
    job_id = add(store, command)
    follower.wake()
    eventually(lambda: get(store, job_id).state is JobState.FAILED)
    assert len(errors(store, job_id)) == 1


def test_what_a_job_leaves_behind_ends_with_it(store: JobStore, follower: JobFollower, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    code = f"import subprocess as s, pathlib; pathlib.Path({str(pid)!r}).write_text(str(s.Popen(['sleep','600']).pid))"
    job_id = add(store, python(code))
    follower.wake()
    eventually(lambda: get(store, job_id).state is JobState.DONE)
    left = int(pid.read_text())
    eventually(lambda: gone(left))


def test_a_job_starts_once_however_often_it_is_started(tmp_path: Path) -> None:
    folder = tmp_path / "job"
    command = python("print('once')")
    children = [Child(folder) for _ in range(5)]
    for child in children:
        child.start(command, dict(os.environ))
    for child in children:
        eventually(lambda child=child: child.exit() is not None)  # type: ignore[misc]
        child.clear()
    assert (folder / "stdout.log").read_text() == "once\n"
    assert Child(folder).exit() == children[0].exit()


def test_a_pid_that_another_process_has_now_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "process.json").write_text(json.dumps({"pid": os.getpid()}))
    child = Child(tmp_path)
    assert child.exit() == Exit(None)
    child.send(signal.SIGKILL)


def test_an_active_name_is_unique_per_project_and_location(store: JobStore) -> None:
    first = add(store, [])
    with pytest.raises(ApiError, match="There is already an active job named name"):
        add(store, [])
    store.add(Job(new_resource("project", "europe-west1", "name", JobType.BATCH)))
    store.change(first, lambda one: one.enter(JobState.FAILED))
    add(store, [])


def test_only_the_last_jobs_are_kept(
    store: JobStore, follower: JobFollower, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emulators.dataflow.jobs.store.KEPT_ENDED_JOBS", 2)
    running = add(store, python("import time; time.sleep(600)"), "running")
    ended = []
    for number in range(4):
        ended.append(add(store, python("print('here')"), f"name-{number}"))
        follower.wake()
        eventually(lambda: get(store, ended[-1]).state is JobState.DONE)
    follower.wake()
    folders = tmp_path / "jobs"
    eventually(lambda: {folder.name for folder in folders.iterdir()} == {running, *ended[-2:]})
    eventually(lambda: store.superseded() == [])  # a folder is deleted before what the store knows of the job
    for job_id in ended[:2]:
        with pytest.raises(ApiError, match=job_id):
            get(store, job_id)
        assert store.messages(job_id, messages.IMPORTANCES, "", "9", 0, 99)[0] == []
    assert get(store, running).state is JobState.RUNNING


def test_the_newest_messages_of_a_job_are_kept(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emulators.dataflow.jobs.store.KEPT_MESSAGES", 3)
    job_id = add(store, [])
    for number in range(1, 6):
        store.add_messages(job_id, [(messages.BASIC, f"message {number}")])
    kept = store.messages(job_id, messages.IMPORTANCES, "", "9", 0, 99)[0]
    assert [(one.number, one.text) for one in kept] == [(n, f"message {n}") for n in (3, 4, 5)]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux frees the beginning of a file")
def test_the_logs_of_a_running_job_are_kept_small(
    store: JobStore, follower: JobFollower, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emulators.dataflow.process.logs.KEPT_BYTES", 100_000)
    ready = tmp_path / "ready"
    code = f"""
import os, pathlib, time
for number in range(20_000):
    for stream in (1, 2):
        os.write(stream, b"INFO line %07d %s\\n" % (number, b"x" * 80))
pathlib.Path({str(ready)!r}).touch()
time.sleep(600)
"""
    job_id = add(store, python(code))
    follower.wake()
    eventually(ready.exists)
    logs = [tmp_path / "jobs" / job_id / name for name in ("stdout.log", "stderr.log")]
    eventually(lambda: all(log.stat().st_blocks * 512 < 250_000 for log in logs))
    for log in logs:
        text = log.read_bytes()
        assert len(text) == 20_000 * 99
        assert text.endswith(b"INFO line 0019999 " + b"x" * 80 + b"\n")
    texts = [one.text for one in store.messages(job_id, [messages.DETAILED], "", "9", 0, 99_999)[0]]
    assert [int(text.split()[2]) for text in texts] == list(range(10_000, 20_000))


@pytest.fixture
def slow(store: JobStore, tmp_path: Path) -> Iterator[tuple[JobFollower, list[timedelta]]]:
    """A follower whose launches take three minutes, and by how much its clock is ahead."""
    ahead = [timedelta()]
    started = JobFollower(
        store, tmp_path / "slow", Access(), launch_seconds=180, now=lambda: datetime.now(UTC) + ahead[0]
    )
    started.start()
    yield started, ahead
    started.stop("the test is over")


def test_a_launch_takes_as_long_as_it_is_told(
    store: JobStore, slow: tuple[JobFollower, list[timedelta]], tmp_path: Path
) -> None:
    follower, ahead = slow
    job_id = add(store, python(f"import pathlib; pathlib.Path({str(tmp_path / 'ran')!r}).touch()"))
    follower.wake()
    ahead[0] = timedelta(seconds=80)
    assert get(store, job_id).state is JobState.QUEUED
    ahead[0] = timedelta(seconds=100)
    eventually(lambda: get(store, job_id).state is JobState.PENDING)
    # Once this one is pending too, the first has been looked at since it is.
    later = add(store, python("raise SystemExit(1)"), "later")
    follower.wake()
    eventually(lambda: get(store, later).state is JobState.PENDING)
    assert not follower.child(job_id).was_started
    ahead[0] = timedelta(seconds=180)
    eventually(lambda: get(store, job_id).state is JobState.DONE)
    assert (tmp_path / "ran").exists()


def test_a_job_that_is_cancelled_before_it_starts_never_runs(
    store: JobStore, slow: tuple[JobFollower, list[timedelta]]
) -> None:
    follower, ahead = slow
    queued, pending = add(store, python("raise SystemExit(1)"), "queued"), add(store, python("raise SystemExit(1)"))
    store.change(queued, lambda one: request_end(one, "JOB_STATE_CANCELLED") and None)
    ahead[0] = timedelta(seconds=100)
    follower.wake()
    eventually(lambda: get(store, pending).state is JobState.PENDING)
    store.change(pending, lambda one: request_end(one, "JOB_STATE_CANCELLED") and None)
    follower.wake()
    eventually(lambda: get(store, pending).state is JobState.CANCELLED)
    assert get(store, queued).state is JobState.CANCELLED
    assert not follower.child(pending).was_started
