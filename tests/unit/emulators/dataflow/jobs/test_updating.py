"""What `updateMask` of `jobs.update` changes, and what it refuses."""

from typing import Any

import pytest

from emulators.dataflow.errors import ApiError
from emulators.dataflow.jobs.job import Job, new_resource
from emulators.dataflow.jobs.states import JobState, JobType
from emulators.dataflow.jobs.updating import update_fields

PARAMS = "runtimeUpdatableParams"


def a_job(job_type: JobType = JobType.STREAMING) -> Job:
    return Job(new_resource("p", "us-central1", "stream", job_type))


def update(job: Job, mask: str, **params: Any) -> Any:
    """What gcloud sends: the options by the names of the mask."""
    update_fields(job, mask, {PARAMS: params})
    return job.resource.get(PARAMS)


def test_the_options_of_the_mask_change_and_no_others() -> None:
    job = a_job()
    mask = "runtime_updatable_params.min_num_workers,runtime_updatable_params.max_num_workers"
    assert update(job, mask, minNumWorkers=2, maxNumWorkers=10, workerUtilizationHint=0.5) == {
        "minNumWorkers": 2,
        "maxNumWorkers": 10,
    }
    hint = f"{PARAMS}.workerUtilizationHint"
    assert update(job, hint, workerUtilizationHint=0.7)["workerUtilizationHint"] == 0.7
    assert update(job, hint) == {"minNumWorkers": 2, "maxNumWorkers": 10}
    assert update(job, "runtime_updatable_params", maxNumWorkers=3) == {"minNumWorkers": 2, "maxNumWorkers": 3}
    update_fields(job, "labels", {"labels": {"a": "b"}})
    assert job.resource["labels"] == {"a": "b"}


@pytest.mark.parametrize(
    ("mask", "params", "why"),
    [
        (f"{PARAMS}.maxNumWorkers", {"maxNumWorkers": 1001}, "maxNumWorkers': 1001 is not between 1 and 1000"),
        (f"{PARAMS}.minNumWorkers", {"minNumWorkers": 0}, "minNumWorkers': 0 is not between 1 and 1000"),
        (f"{PARAMS}.minNumWorkers", {"minNumWorkers": True}, "minNumWorkers': True is not"),
        (f"{PARAMS}.minNumWorkers", {"minNumWorkers": 1.5}, "minNumWorkers': 1.5 is not"),
        (f"{PARAMS}.workerUtilizationHint", {"workerUtilizationHint": "high"}, "'high' is not between 0.1 and 0.9"),
        (PARAMS, {"minNumWorkers": 9, "maxNumWorkers": 3}, "must not be greater than maxNumWorkers"),
        ("environment.maxWorkers", {}, "'environment.maxWorkers' cannot be updated"),
    ],
)
def test_bad_updates_change_nothing(mask: str, params: dict[str, Any], why: str) -> None:
    job = a_job()
    before = dict(job.resource)
    with pytest.raises(ApiError, match=why) as refusal:
        update(job, mask, **params)
    assert refusal.value.code == 400
    assert job.resource == before


def test_an_option_that_is_not_offered_is_named() -> None:
    with pytest.raises(ApiError, match="does not offer the update of latencyTier") as refusal:
        update(a_job(), f"{PARAMS}.latency_tier", latencyTier="low-latency")
    assert refusal.value.status == "UNIMPLEMENTED"


def test_only_streaming_jobs_that_have_not_ended() -> None:
    ended = a_job()
    ended.enter(JobState.FAILED)
    for job, why in ((a_job(JobType.BATCH), "Only the options of streaming jobs"), (ended, "has terminated")):
        with pytest.raises(ApiError, match=why) as refusal:
            update(job, f"{PARAMS}.max_num_workers", maxNumWorkers=3)
        assert refusal.value.status == "FAILED_PRECONDITION"
