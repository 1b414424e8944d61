import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException, TaskDeferralTimeout, TaskDeferred

from logline.dataflow import operators
from logline.dataflow.operators import RunFlexTemplateOperator, launch_body
from logline.settings import Settings

SETTINGS = Settings.from_environment({"GOOGLE_CLOUD_PROJECT": "logline-local", "LOGLINE_BUCKET": "logline-local"})


def task(total_bytes: str | None = None) -> RunFlexTemplateOperator:
    body = launch_body(SETTINGS, "replay", job_name="logline-replay-1", day="2015-05-17", parameters={})
    with DAG("d", schedule=None):
        return RunFlexTemplateOperator(task_id="parse", settings=SETTINGS, body=body, total_bytes=total_bytes)


def test_a_task_that_waited_in_vain_says_for_what() -> None:
    with pytest.raises(AirflowFailException) as error:
        task().resume_execution("__fail__", {"error": "Trigger timeout"}, context={})
    line = "Dataflow job logline-replay-1 has not ended after 24 h: cancel it, then clear this task"
    assert str(error.value) == line
    assert isinstance(error.value.__context__, TaskDeferralTimeout)


@pytest.mark.parametrize(("given", "known"), [(None, None), ("17", 17)])
def test_the_bytes_of_a_job_may_be_unknown(given: str | None, known: int | None, monkeypatch) -> None:
    monkeypatch.setattr(operators, "is_done", lambda hook, job_id, **_: False)
    waiting = task(given)
    waiting.__dict__["hook"] = None
    with pytest.raises(TaskDeferred) as deferred:
        waiting.execute_complete({}, {"status": "success", "message": ""}, job_id="j1")
    assert deferred.value.trigger.total_bytes == known
