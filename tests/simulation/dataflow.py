"""Dataflow in the simulated world: the stream's jobs, each with a process while it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from google.api_core.exceptions import Conflict

from logline.stream.jobs import ENDED, RUNNING, Observation, StreamJob
from tests.simulation.scheduler import Process, Scheduler, SimulatedRuntime, Violation

JOB_NAME = "log-stream"
_LAUNCH_SECONDS = (2, 150)
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
        return datetime.fromtimestamp(SimulatedRuntime.EPOCH + self._scheduler.now, UTC)

    def observe(self, version: str) -> Observation:
        """Return what the supervisor sees."""
        return Observation(at=self.now(), job_name=JOB_NAME, template_version=version, jobs=list(self.jobs.values()))

    def active(self) -> list[StreamJob]:
        """Return the jobs that have not ended."""
        return [job for job in self.jobs.values() if job.state not in ENDED]

    def launch(self, version: str) -> None:
        """Launch a job.

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

    def _begin(self, version: str, replaced: StreamJob | None) -> None:
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
        self._scheduler.wait(seconds=self._scheduler.random.uniform(*_LAUNCH_SECONDS))
        if self._scheduler.happens(f"the launch of {job_id} fails", 0.1):
            self._set(job_id, state="JOB_STATE_FAILED", error="no worker could be started")
            return
        if replaced is not None:
            if self._scheduler.happens(f"{job_id} is not compatible", 0.3) or self.jobs[replaced].state != RUNNING:
                self._set(job_id, state="JOB_STATE_FAILED", error="the new job is not compatible")
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
        if not worker.drained:
            self._set(job_id, state="JOB_STATE_FAILED", error="the worker died")
        elif self.jobs[job_id].replaced_by:
            self._set(job_id, state="JOB_STATE_UPDATED")
        else:
            self._set(job_id, state="JOB_STATE_DRAINED")

    def _set(self, job_id: str, **changes: str | None) -> None:
        since = self.now() if "state" in changes else self.jobs[job_id].since
        self.jobs[job_id] = replace(self.jobs[job_id], since=since, **changes)  # type: ignore[arg-type]
        self._scheduler.say(f"{job_id}: {changes}")
