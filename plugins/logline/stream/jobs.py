"""The jobs of the stream's name, as an observation finds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

RUNNING = "JOB_STATE_RUNNING"
# Cf. Job.JobState in the v1b3 API; STOPPED means "not yet started to run" there. PAUSING and PAUSED are left out on
# purpose, like any state added later: only whoever paused the job knows what is wanted then.
CHANGING = frozenset(
    {
        "JOB_STATE_STOPPED",
        "JOB_STATE_QUEUED",
        "JOB_STATE_PENDING",
        "JOB_STATE_DRAINING",
        "JOB_STATE_CANCELLING",
    }
)
ENDED_ON_REQUEST = frozenset({"JOB_STATE_DRAINED", "JOB_STATE_UPDATED"})
# A streaming job does not end by itself; and what cancels it again and again would also start it again and again.
ENDED_UNASKED = frozenset({"JOB_STATE_FAILED", "JOB_STATE_DONE", "JOB_STATE_CANCELLED"})
ENDED = ENDED_ON_REQUEST | ENDED_UNASKED


@dataclass(frozen=True, kw_only=True)
class StreamJob:
    """A Dataflow job of the stream's name."""

    id: str
    state: str
    created: datetime
    # When it entered its state.
    since: datetime
    # A job that is queued may not know yet.
    streaming: bool = True
    # Its label of the template's version; a job that was launched by hand has none.
    version: str | None = None
    # Ids of the job that it updates, and of the one that updates it.
    replaces: str | None = None
    replaced_by: str | None = None
    # The last line of a failed job, where it was asked for.
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class StreamCounters:
    """What the running job says of itself since it started; None where it does not say."""

    messages: int | None = None
    rows: int | None = None
    rejected: int | None = None


@dataclass(frozen=True, kw_only=True)
class Observation:
    """Everything a decision rests on: every job of exactly the stream's name, and the counters of the running one."""

    at: datetime
    job_name: str
    # As the value of a label.
    template_version: str
    jobs: Sequence[StreamJob]
    counters: StreamCounters = StreamCounters()

    @property
    def active(self) -> list[StreamJob]:
        """Return the jobs that have not ended, the newest first."""
        return sorted((job for job in self.jobs if job.state not in ENDED), key=lambda job: job.created, reverse=True)

    @property
    def current(self) -> StreamJob | None:
        """Return the newest active job, else the one that ended last."""
        if self.active:
            return self.active[0]
        return max(self.jobs, key=lambda job: job.since, default=None)
