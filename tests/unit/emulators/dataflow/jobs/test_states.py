import pytest

from emulators.dataflow.errors import ApiError
from emulators.dataflow.jobs.ending import request_end
from emulators.dataflow.jobs.job import Job, new_resource
from emulators.dataflow.jobs.states import ACTIVE, TERMINAL, JobState, JobType, end_state, may_follow


def job(state: JobState, job_type: JobType = JobType.STREAMING) -> Job:
    return Job({**new_resource("project", "us-central1", "name", job_type), "currentState": str(state)})


def test_a_terminal_state_is_never_left() -> None:
    assert not [(one, other) for one in TERMINAL for other in JobState if may_follow(one, other)]


def test_every_active_state_can_end() -> None:
    assert all(may_follow(one, other) for one in ACTIVE for other in TERMINAL)


def test_no_state_is_entered_twice() -> None:
    assert not [state for state in JobState if may_follow(state, state)]


@pytest.mark.parametrize(
    ("exit_code", "asked_for", "state"),
    [
        (0, None, JobState.DONE),
        (1, None, JobState.FAILED),
        (-9, None, JobState.FAILED),
        (None, None, JobState.FAILED),
        (0, JobState.CANCELLED, JobState.CANCELLED),
        (None, JobState.CANCELLED, JobState.CANCELLED),
        (0, JobState.DRAINED, JobState.DRAINED),
        (1, JobState.DRAINED, JobState.FAILED),
        (None, JobState.DRAINED, JobState.FAILED),
        (0, JobState.UPDATED, JobState.UPDATED),
        (-2, JobState.UPDATED, JobState.FAILED),
        (0, JobState.FAILED, JobState.FAILED),
    ],
)
def test_end_state(exit_code: int | None, asked_for: JobState | None, state: JobState) -> None:
    assert end_state(exit_code, asked_for) is state


@pytest.mark.parametrize("state", sorted(TERMINAL))
def test_an_ended_job_cannot_be_asked_again(state: JobState) -> None:
    with pytest.raises(ApiError, match="Job has terminated in state") as refusal:
        request_end(job(state), "JOB_STATE_CANCELLED")
    assert refusal.value.status == "FAILED_PRECONDITION"


@pytest.mark.parametrize("requested", ["JOB_STATE_DRAINED", "JOB_STATE_DRAINING"])
def test_a_drain_can_become_a_cancel_and_not_the_other_way(requested: str) -> None:
    running = job(JobState.RUNNING)
    request_end(running, requested)
    request_end(running, requested)
    assert (running.state, running.asked_for) == (JobState.DRAINING, JobState.DRAINED)
    request_end(running, "JOB_STATE_CANCELLED")
    assert (running.state, running.asked_for) == (JobState.CANCELLING, JobState.CANCELLED)
    with pytest.raises(ApiError, match="The job is being cancelled"):
        request_end(running, requested)


def test_a_queued_job_ends_at_once() -> None:
    queued = job(JobState.QUEUED)
    request_end(queued, "JOB_STATE_CANCELLED")
    assert queued.state is JobState.CANCELLED


def test_a_job_cannot_jump() -> None:
    with pytest.raises(ValueError, match="cannot go from JOB_STATE_DONE to JOB_STATE_RUNNING"):
        job(JobState.DONE).enter(JobState.RUNNING)
