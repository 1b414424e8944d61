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
    """A Dataflow job of the stream's name.

    Attributes:
        id: its id.
        state: `JOB_STATE_...`.
        created: when it was created.
        since: when it entered its state.
        streaming: whether it is a streaming job; a job that is queued may not know yet.
        version: its label of the template's version; None for a job that was launched by hand.
        replaces: id of the job it updates.
        replaced_by: id of the job that updates it.
        error: the last error message of a failed job, one line; empty where it was not asked for.
    """

    id: str
    state: str
    created: datetime
    since: datetime
    streaming: bool = True
    version: str | None = None
    replaces: str | None = None
    replaced_by: str | None = None
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class StreamCounters:
    """What the running job says of itself.

    Attributes:
        lag_seconds: how far it is behind; None where it does not say.
        rows: rows written since it started.
        rejected: lines rejected since it started.
    """

    lag_seconds: int | None = None
    rows: int | None = None
    rejected: int | None = None


@dataclass(frozen=True, kw_only=True)
class Observation:
    """Everything a decision rests on.

    Attributes:
        at: when it was made.
        job_name: the stream's name.
        template_version: version of the template in the bucket, as a label's value.
        jobs: every job of exactly this name.
        counters: those of the running job.
    """

    at: datetime
    job_name: str
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
