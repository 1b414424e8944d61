"""The states of a job and the transitions between them, by the names of the v1b3 API (`projects.jobs#JobState`)."""

from enum import StrEnum


class JobState(StrEnum):
    """States that a job of this emulator can be in; the real API has a few more (paused, resource clean-up)."""

    QUEUED = "JOB_STATE_QUEUED"
    PENDING = "JOB_STATE_PENDING"
    RUNNING = "JOB_STATE_RUNNING"
    CANCELLING = "JOB_STATE_CANCELLING"
    DRAINING = "JOB_STATE_DRAINING"
    DONE = "JOB_STATE_DONE"
    FAILED = "JOB_STATE_FAILED"
    CANCELLED = "JOB_STATE_CANCELLED"
    DRAINED = "JOB_STATE_DRAINED"
    UPDATED = "JOB_STATE_UPDATED"


class JobType(StrEnum):
    """Batch jobs end by themselves, streaming jobs when they are drained, updated or cancelled."""

    BATCH = "JOB_TYPE_BATCH"
    STREAMING = "JOB_TYPE_STREAMING"


ACTIVE = frozenset({JobState.QUEUED, JobState.PENDING, JobState.RUNNING, JobState.CANCELLING, JobState.DRAINING})
TERMINAL = frozenset(JobState) - ACTIVE

#: How the real service names an end state in its error texts ("Job has terminated in state SUCCESS"), which Beam's
#: DataflowPipelineJob.cancel() looks for.
_DISPLAY_NAMES = {JobState.DONE: "SUCCESS"}

_NEXT = {
    JobState.QUEUED: {JobState.PENDING} | TERMINAL,
    JobState.PENDING: {JobState.RUNNING, JobState.CANCELLING, JobState.DRAINING} | TERMINAL,
    JobState.RUNNING: {JobState.CANCELLING, JobState.DRAINING} | TERMINAL,
    JobState.DRAINING: {JobState.CANCELLING} | TERMINAL,
    JobState.CANCELLING: TERMINAL,
}


def may_follow(current: JobState, following: JobState) -> bool:
    """Tell whether a job may go from one state to the other; a terminal state is never left."""
    return following in _NEXT.get(current, frozenset())


def display_name(state: JobState) -> str:
    """Return the state as the service's messages name it: `SUCCESS`, `FAILED`, `CANCELLED`..."""
    return _DISPLAY_NAMES.get(state, state.removeprefix("JOB_STATE_"))


def end_state(exit_code: int | None, asked_for: JobState | None) -> JobState:
    """Return the state of a job whose process has ended.

    Args:
        exit_code: Of the entry point; negative for a signal, None where the process vanished without one.
        asked_for: The end state that a request asked for, if any did.

    Returns:
        The state asked for; but a drain or an update whose process failed is a failure, not a success.
    """
    if asked_for in (JobState.DRAINED, JobState.UPDATED):
        return asked_for if exit_code == 0 else JobState.FAILED
    if asked_for is not None:
        return asked_for
    return JobState.DONE if exit_code == 0 else JobState.FAILED
