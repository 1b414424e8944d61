"""The wiring of `stream_supervisor`: which tasks a decision leads to, and that none of them can stop the stream."""

import json

import pytest

from logline.stream.decide import Action, Decision
from tests.airflow_environment import ROOT


@pytest.fixture(scope="module")
def dag(dags):
    return dags["stream_supervisor"]


def test_it_looks_every_five_minutes_one_run_at_a_time(dag):
    assert dag.timetable.expression == "*/5 * * * *"
    assert dag.max_active_runs == 1
    assert not dag.catchup


def test_no_task_is_tried_again_or_hangs(dag):
    waiting = {"approve_update", "approve_drain"}
    assert all(task.retries == 0 for task in dag.tasks)
    assert all(task.execution_timeout is not None for task in dag.tasks if task.task_id not in waiting)
    assert all(dag.get_task(task_id).response_timeout is not None for task_id in waiting)


def test_killing_a_launch_leaves_the_job_alone(dag):
    for task_id in ("launch", "update"):
        task = dag.get_task(task_id)
        assert (task.cancel_on_kill, task.deferrable, task.wait_until_finished) == (False, False, False)
        assert task.append_job_name is False, "the service's 409 guards against a second job"
        task.on_kill()


def test_a_drain_is_asked_for_by_id_and_not_waited_for(dag):
    drain = dag.get_task("drain")
    assert (drain.stop_timeout, drain.drain_pipeline, drain.job_name) == (None, True, None)
    assert "job_id" in drain.job_id


def test_launch_and_update_differ_in_one_word(dag):
    launch, update = (dag.get_task(task_id).body["launchParameter"] for task_id in ("launch", "update"))
    assert (launch["update"], update["update"]) == (False, True)
    assert launch | {"update": True} == update


def test_the_launch_gives_what_the_template_wants(dag):
    metadata = json.loads((ROOT / "dags/templates/stream.json").read_text(encoding="utf-8"))
    given = dag.get_task("launch").body["launchParameter"]["parameters"]
    assert {one["name"] for one in metadata["parameters"] if not one["isOptional"]} <= set(given)
    assert set(given) <= {one["name"] for one in metadata["parameters"]}


@pytest.mark.parametrize(
    ("action", "runbook", "approval", "tasks"),
    [
        (Action.LAUNCH, None, False, ["launch", "record"]),
        (Action.LAUNCH, None, True, ["launch", "record"]),
        (Action.UPDATE, None, False, ["update", "record"]),
        (Action.UPDATE, None, True, ["approve_update", "record"]),
        (Action.DRAIN, None, False, ["drain", "record"]),
        (Action.DRAIN, None, True, ["approve_drain", "record"]),
        (Action.WAIT, None, False, ["record"]),
        (Action.WAIT, "crash-loop", False, ["check", "record"]),
        (Action.KEEP, None, False, ["check", "record"]),
        (Action.KEEP, "lag", False, ["check", "record"]),
    ],
)
def test_the_tasks_of_a_decision(dag, action, runbook, approval, tasks):
    from logline.stream.tasks import tasks_after

    chosen = tasks_after(Decision(action, "why", runbook), approval=approval)
    assert chosen == tasks
    assert set(chosen) <= dag.get_task("decide").downstream_task_ids


def test_approval_stands_before_the_change_it_is_for(dag):
    for change in ("update", "drain"):
        assert dag.get_task(f"approve_{change}").downstream_task_ids == {change}
        assert dag.get_task(change).upstream_task_ids == {"decide", f"approve_{change}"}
