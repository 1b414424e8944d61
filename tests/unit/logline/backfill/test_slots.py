import asyncio
from types import SimpleNamespace

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import TaskDeferred
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

from logline.backfill.slots import SlotTrigger, units_at_work
from logline.backfill.tasks import ParseUnitOperator
from logline.dataflow.operators import RunFlexTemplateOperator
from logline.settings import Settings

SETTINGS = Settings.from_environment({"GOOGLE_CLOUD_PROJECT": "logline-local", "LOGLINE_BUCKET": "logs"})
LAST = "unit.drop_staging"


def test_a_unit_is_at_work_until_its_last_task_has_ended_in_whatever_way():
    states = {f"{LAST}_0": "success", f"{LAST}_1": "failed", f"{LAST}_2": "running", f"{LAST}_4": "success"}
    assert units_at_work(states, LAST, before=4) == 2, "the fourth has no state yet, the fifth is not before it"


@pytest.fixture
def states(monkeypatch):
    """The states that Airflow tells of, one answer after the other."""
    answers = []
    monkeypatch.setattr(RuntimeTaskInstance, "get_task_states", staticmethod(lambda **_: {"r": answers.pop(0)}))
    return answers


def test_the_trigger_fires_when_a_slot_is_free(states):
    states += [{}, {f"{LAST}_0": "running"}, {f"{LAST}_0": "success"}]
    trigger = SlotTrigger("log_backfill", "r", LAST, map_index=2, slots=2, poll_sleep=0)
    path, arguments = trigger.serialize()
    assert (path, SlotTrigger(**arguments).serialize()) == ("logline.backfill.slots.SlotTrigger", (path, arguments))

    async def first_event():
        return await anext(trigger.run())

    assert asyncio.run(first_event()).payload["message"] == "1 earlier unit at work"
    assert states == []


@pytest.mark.parametrize(("map_index", "ended", "waits"), [(0, 0, False), (1, 0, False), (2, 0, True), (2, 1, False)])
def test_only_a_unit_beyond_the_slots_waits(monkeypatch, states, map_index, ended, waits):
    monkeypatch.setattr(RunFlexTemplateOperator, "execute", lambda *_: "job-1")
    states.append({f"{LAST}_{index}": "success" for index in range(ended)})
    unit = {"label": "all", "output": "", "job_name": "", "suffix": "", "objects": 1, "size": 1, "removes": False}
    ti = SimpleNamespace(
        dag_id="log_backfill",
        run_id="r",
        map_index=map_index,
        xcom_pull=lambda task_ids: [unit] * 3,
        get_task_states=RuntimeTaskInstance.get_task_states,
    )
    with DAG("d", schedule=None):
        task = ParseUnitOperator(
            task_id="parse", settings=SETTINGS, body={}, total_bytes="1", last_task_id=LAST, slots="2"
        )
    if waits:
        with pytest.raises(TaskDeferred):
            task.execute({"ti": ti})
    else:
        assert task.execute({"ti": ti}) == "job-1"
