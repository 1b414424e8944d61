"""The thread that runs the jobs: starts their processes, turns their logs into messages, and sees them end."""

import logging
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from emulators.dataflow.jobs import messages
from emulators.dataflow.jobs.job import CLOCK, Job
from emulators.dataflow.jobs.states import JobState, end_state, may_follow
from emulators.dataflow.jobs.store import JobStore
from emulators.dataflow.process.child import Child, Exit
from emulators.dataflow.process.launcher import Launcher, zygote_command
from emulators.guard.iam import Access

logger = logging.getLogger(__name__)

_TICK_SECONDS = 0.1
_PAUSE_SECONDS = 1.0

#: The messages that the service itself writes on a change of state.
_WORDS = {
    JobState.PENDING: "Starting the job's process.",
    JobState.RUNNING: "The job's process is running.",
    JobState.DONE: "Workflow job succeeded.",
    JobState.CANCELLED: "Workflow job was cancelled.",
    JobState.DRAINED: "Workflow job was drained.",
    JobState.UPDATED: "Workflow job was replaced by an updated one.",
    JobState.FAILED: "Workflow job failed.",
}


class JobFollower:
    """Drives every active job of a store from state to state until it has ended.

    All it knows about a process it finds in the job's folder, so it goes on with the jobs of an emulator that was
    killed: one that still runs is followed, one that ended meanwhile gets its true end state.

    Args:
        store: The jobs.
        folder: For one folder per job, named by its id.
        access: Has the tokens of the service accounts that jobs run as.
        grace_seconds: Between the SIGTERM that ends a job and the SIGKILL.
        preload: Modules that jobs find imported already.
        preload_after: Seconds from the start, or until the first launch, before they are imported.
        launch_seconds: Between a launch and the start of the process: half of it QUEUED, the rest PENDING.
        now: Returns the time by which that is reckoned.
    """

    def __init__(
        self,
        store: JobStore,
        folder: Path,
        access: Access,
        *,
        grace_seconds: float = 5.0,
        preload: Sequence[str] = (),
        preload_after: float = 0.0,
        launch_seconds: float = 0.0,
        now: Callable[[], datetime] = CLOCK.now,
    ) -> None:
        self._store = store
        self._folder = folder
        self._access = access
        self._grace_seconds = grace_seconds
        self._launch_seconds = launch_seconds
        self._now = now
        self._preload_after = preload_after
        self._launcher = Launcher(zygote_command(preload), folder, _environment())
        self._children: dict[str, Child] = {}
        self._signalled: dict[tuple[str, JobState], float] = {}
        self._work = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._follow, name="job-follower", daemon=True)

    def start(self) -> None:
        """Begin, with whatever jobs are active in the store."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._launcher.start(self._preload_after)
        self._work.set()
        self._thread.start()

    def wake(self) -> None:
        """Look at the jobs now: one was added, or a request asks for its end."""
        self._work.set()

    def stop(self, reason: str) -> None:
        """End all jobs as failed, for this reason, and then the thread; no process is left."""
        for job in self._store.active():
            self._store.change(job.id, lambda one: _ask_to_fail(one, reason))
        self._stopping = True
        self._launcher.stop()
        self.wake()
        self._thread.join()

    def child(self, job_id: str) -> Child:
        """Return the process of a job, whether it has been started or not."""
        return self._children.get(job_id) or Child(self._folder / job_id, self._launcher)

    def _follow(self) -> None:
        while True:
            active = self._store.active()
            for job in active:
                try:
                    self._step(job)
                except (OSError, sqlite3.Error):
                    logger.exception("Job %s cannot be followed; trying again", job.id)
                    time.sleep(_PAUSE_SECONDS)
            if self._stopping and not active:
                return
            if self._work.wait(_TICK_SECONDS if active else None):
                self._work.clear()
                self._delete_superseded()

    def _delete_superseded(self) -> None:
        try:
            for job_id in self._store.superseded():
                self.child(job_id).delete()
                self._store.delete(job_id)
        except sqlite3.Error:
            logger.exception("Old jobs cannot be deleted; trying again at the next launch")

    def _step(self, job: Job) -> None:
        child = self._children.setdefault(job.id, self.child(job.id))
        if job.state is JobState.QUEUED:
            if self._is_due(job, self._launch_seconds / 2) and not self._waits_for_the_job_it_replaces(job):
                self._enter(job, JobState.PENDING)
                self.wake()
        elif not child.was_started:
            if job.asked_for:
                self._end(job, JobState(job.asked_for))
            elif self._is_due(job, self._launch_seconds):
                self._start(job, child)
        elif job.state is JobState.PENDING and child.has_begun and not job.asked_for:
            self._enter(job, JobState.RUNNING)
            self.wake()
        else:
            ended = child.exit()
            self._read_log(job, child, ended=ended is not None)
            child.keep_logs_small(read=job.stderr_offset)
            if ended is not None:
                child.clear()
                self._end(job, end_state(ended.code, job.asked_for), _why(ended, messages.last_line(child.stderr)))
            elif job.asked_for and child.has_begun:
                self._signal(job, child, job.asked_for)

    def _is_due(self, job: Job, seconds: float) -> bool:
        return self._now() >= datetime.fromisoformat(job.resource["createTime"]) + timedelta(seconds=seconds)

    def _waits_for_the_job_it_replaces(self, job: Job) -> bool:
        return job.resource.get("replaceJobId") in {one.id for one in self._store.active()}

    def _start(self, job: Job, child: Child) -> None:
        environment = {
            **_environment(),
            "DATAFLOW_EMULATOR_JOB_ID": job.id,
            "DATAFLOW_EMULATOR_METRICS_FILE": str(child.metrics),
        }
        account = job.resource.get("environment", {}).get("serviceAccountEmail", "")
        if token := self._access.token_of(account):
            environment["GOOGLE_APPLICATION_CREDENTIALS"] = str(child.credentials(token))
            environment.pop("DATAFLOW_EMULATOR_TOKEN", None)
        try:
            child.start(job.command, environment)
        except (OSError, ValueError) as error:
            self._end(job, JobState.FAILED, f"The job's process could not be started: {error}")

    def _read_log(self, job: Job, child: Child, *, ended: bool) -> None:
        while True:
            lines, offset = messages.read_log(child.stderr, job.stderr_offset, ended=ended)
            if offset == job.stderr_offset:
                return
            job.stderr_offset = offset
            self._store.add_log(job.id, lines, offset)

    def _signal(self, job: Job, child: Child, asked_for: JobState) -> None:
        # A drain may take as long as it needs; SIGINT tells the job's process to take no more input and to finish.
        gently = asked_for in (JobState.DRAINED, JobState.UPDATED)
        since = self._signalled.get((job.id, asked_for))
        if since is None:
            self._signalled[job.id, asked_for] = time.monotonic()
            child.send(signal.SIGINT if gently else signal.SIGTERM)
        elif not gently and time.monotonic() - since > self._grace_seconds:
            child.send(signal.SIGKILL)

    def _enter(self, job: Job, state: JobState) -> None:
        def edit(current: Job) -> None:
            if not current.asked_for and may_follow(current.state, state):
                current.enter(state)

        with self._store.transaction():
            if self._store.change(job.id, edit).state is state:
                self._store.add_messages(job.id, [(messages.BASIC, _WORDS[state])])

    def _end(self, job: Job, state: JobState, why: str = "") -> None:
        def edit(current: Job) -> None:
            current.enter(state)

        with self._store.transaction():
            current = self._store.change(job.id, edit)
            failure = [(messages.ERROR, current.reason or why)] if state is JobState.FAILED else []
            self._store.add_messages(job.id, [*failure, (messages.BASIC, _WORDS[state])])
        self._children.pop(job.id, None)
        self._signalled = {key: since for key, since in self._signalled.items() if key[0] != job.id}
        logger.info("Job %s (%s) ended as %s", job.id, job.name, state)


def _environment() -> dict[str, str]:
    """Return the variables of all jobs."""
    return {
        **os.environ,
        # Entry points are found where the emulator was started, as with `python -m`.
        "PYTHONPATH": os.pathsep.join(filter(None, (str(Path.cwd()), os.environ.get("PYTHONPATH")))),
        "PYTHONUNBUFFERED": "1",
    }


def _ask_to_fail(job: Job, reason: str) -> None:
    if job.is_terminal:
        return
    job.asked_for, job.reason = JobState.FAILED, reason
    if job.state is JobState.QUEUED:
        job.enter(JobState.PENDING)


def _why(ended: Exit, last_line: str) -> str:
    """Return why a job failed: the last line of its log, or the signal that killed it."""
    return last_line if ended.code is not None and ended.code > 0 and last_line else ended.describe()
