"""Dataflow in the simulated world: the stream's jobs, each with a process while it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from google.api_core.exceptions import Conflict

from logline.stream.jobs import ENDED, RUNNING, Observation, StreamJob
from tests.simulation.scheduler import Process, Scheduler, Violation, WallClock

JOB_NAME = "log-stream"
_LAUNCH_SECONDS = (2, 60)
_SLOW_LAUNCH_SECONDS = (150, 900)
_CANCEL_SECONDS = (1, 60)
_NOTICED_SECONDS = (0.5, 5)


@dataclass(eq=False)
class Worker:
    """The process of a running job.

    Attributes:
        drain: Ask it to end, as SIGINT does.
        terminate: Make it end at once, as SIGTERM does.
        has_ended: By itself, or killed and noticed.
        drained: It ended as it was asked to.
    """

    process: Process
    drain: Callable[[], None] = lambda: None
    terminate: Callable[[], None] = lambda: None
    has_ended: bool = False
    drained: bool = False


class SimulatedDataflow:
    """Launches, updates and drains jobs of one name.

    Args:
        start: Makes a worker for a job.
    """

    def __init__(self, scheduler: Scheduler, start: Callable[[StreamJob], Worker]) -> None:
        self._scheduler, self._start = scheduler, start
        self._service = Process("dataflow")
        self.jobs: dict[str, StreamJob] = {}
        self.workers: dict[str, Worker] = {}

    def now(self) -> datetime:
        """Return the service's time."""
        return datetime.fromtimestamp(self._scheduler.time(), UTC)

    def observe(self, version: str, clock: WallClock) -> Observation:
        """Return what a supervisor sees, at the time of its own clock."""
        at = datetime.fromtimestamp(self._scheduler.time(clock), UTC)
        return Observation(at=at, job_name=JOB_NAME, template_version=version, jobs=list(self.jobs.values()))

    def active(self) -> list[StreamJob]:
        """Return the jobs that have not ended."""
        return [job for job in self.jobs.values() if job.state not in ENDED]

    def launch(self, version: str | None) -> None:
        """Launch a job; one that is launched by hand has no version.

        Raises:
            Conflict: One of its name is active.
        """
        if self.active():
            raise Conflict(f"{JOB_NAME} is active")
        self._begin(version, None)

    def update(self, version: str) -> None:
        """Launch a job that replaces the running one.

        Raises:
            Conflict: There is not one job that runs.
        """
        active = self.active()
        if [job.state for job in active] != [RUNNING]:
            raise Conflict("there is not one job that runs")
        self._begin(version, active[0])

    def drain(self, job_id: str) -> None:
        """Ask a job to drain."""
        job = self.jobs[job_id]
        if job.state == RUNNING:
            self._set(job_id, state="JOB_STATE_DRAINING")
            self.workers[job_id].drain()

    def cancel(self, job_id: str) -> None:
        """End a job without what it has read, as its workers' machines are taken away."""
        if self.jobs[job_id].state == RUNNING:
            self._set(job_id, state="JOB_STATE_CANCELLING")
            self._scheduler.start(self._service, f"cancel {job_id}", lambda: self._take_away(job_id))

    def _take_away(self, job_id: str) -> None:
        self._scheduler.wait(seconds=self._scheduler.random.uniform(*_CANCEL_SECONDS))
        self._scheduler.kill(self.workers[job_id].process)

    def _begin(self, version: str | None, replaced: StreamJob | None) -> None:
        job = StreamJob(
            id=f"job-{len(self.jobs) + 1}",
            state="JOB_STATE_QUEUED",
            created=self.now(),
            since=self.now(),
            version=version,
            replaces=replaced and replaced.id,
        )
        self.jobs[job.id] = job
        self._scheduler.start(self._service, job.id, lambda: self._live(job.id, replaced and replaced.id))

    def _live(self, job_id: str, replaced: str | None) -> None:
        """Take a job from its launch to its end."""
        is_slow = self._scheduler.happens(f"the launch of {job_id} is slow", 0.03)
        self._scheduler.wait(
            seconds=self._scheduler.random.uniform(*_SLOW_LAUNCH_SECONDS if is_slow else _LAUNCH_SECONDS)
        )
        if self._scheduler.happens(f"the launch of {job_id} fails", 0.1):
            self._set(job_id, state="JOB_STATE_FAILED", error="no worker could be started")
            return
        if replaced is not None:
            if self._scheduler.happens(f"{job_id} is not compatible", 0.3):
                self._set(job_id, state="JOB_STATE_FAILED", error="the new job is not compatible")
                return
            if self._scheduler.happens(f"{job_id} cannot replace", 0.1) or self.jobs[replaced].state != RUNNING:
                self._set(job_id, state="JOB_STATE_FAILED", error="the job to replace is not there, or no quota")
                return
            self._set(replaced, replaced_by=job_id)
            self.workers[replaced].drain()
            self._scheduler.wait(lambda: self.workers[replaced].has_ended)
            self._scheduler.wait(lambda: self.jobs[replaced].state in ENDED)
        alive = [worker for worker in self.workers.values() if not worker.has_ended and not worker.process.is_dead]
        if alive:
            raise Violation(f"{job_id} starts while {alive[0].process.name} streams: two streams")
        worker = self._start(self.jobs[job_id])
        self.workers[job_id] = worker
        self._set(job_id, state=RUNNING)
        self._scheduler.wait(lambda: worker.has_ended or worker.process.is_dead)
        self._scheduler.wait(seconds=self._scheduler.random.uniform(*_NOTICED_SECONDS))
        worker.has_ended = True
        if self.jobs[job_id].state == "JOB_STATE_CANCELLING":
            self._set(job_id, state="JOB_STATE_CANCELLED")
        elif not worker.drained:
            self._set(job_id, state="JOB_STATE_FAILED", error="the worker died")
        elif self.jobs[job_id].replaced_by:
            self._set(job_id, state="JOB_STATE_UPDATED")
        else:
            self._set(job_id, state="JOB_STATE_DRAINED")

    def _set(self, job_id: str, **changes: str | None) -> None:
        since = self.now() if "state" in changes else self.jobs[job_id].since
        self.jobs[job_id] = replace(self.jobs[job_id], since=since, **changes)  # type: ignore[arg-type]
        self._scheduler.say(f"{job_id}: {changes}")
