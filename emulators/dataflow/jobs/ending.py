"""How a request ends a job: `requestedState` of `projects.locations.jobs.update`."""

from emulators.dataflow.errors import failed_precondition, invalid_argument, traced
from emulators.dataflow.jobs.job import Job
from emulators.dataflow.jobs.states import JobState, display_name

#: What a request may ask for: what that does, what the job ends as, and its state until then. The Python SDK and the
#: console ask for DRAINING, gcloud and Airflow for DRAINED.
_REQUESTS = {
    JobState.CANCELLED: ("cancel", JobState.CANCELLED, JobState.CANCELLING),
    JobState.DONE: ("cancel", JobState.DONE, JobState.CANCELLING),
    JobState.DRAINED: ("drain", JobState.DRAINED, JobState.DRAINING),
    JobState.DRAINING: ("drain", JobState.DRAINED, JobState.DRAINING),
}


def request_end(job: Job, requested: str) -> str:
    """Ask a job for an end state; asking again for the same changes nothing.

    Args:
        job: Is changed.
        requested: A state's name.

    Returns:
        What the service says about it among the job's messages.

    Raises:
        ApiError: 400, the state cannot be asked for, or not any more, or not of this job.
    """
    if requested not in _REQUESTS:
        raise invalid_argument(traced(f"A job cannot be asked for the state {requested!r}: {', '.join(_REQUESTS)}."))
    verb, end, meanwhile = _REQUESTS[JobState(requested)]
    refusal = f"Workflow modification failed. Causes: Operation {verb} not allowed for JOB {job.id}."
    if job.is_terminal:
        raise failed_precondition(f"{refusal} Job has terminated in state {display_name(job.state)}.")
    if verb == "drain" and not job.is_streaming:
        raise failed_precondition(f"{refusal} Only streaming jobs can be drained; cancel a batch job instead.")
    if job.state is JobState.CANCELLING and verb == "drain":
        raise failed_precondition(f"{refusal} The job is being cancelled.")
    job.resource["requestedState"] = str(end)
    if job.state is JobState.QUEUED:
        job.enter(end)
    elif job.state is not meanwhile:
        job.asked_for = end
        job.enter(meanwhile)
    return f"{verb.capitalize()} request is committed for workflow job: {job.id}."
