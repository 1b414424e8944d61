import asyncio
import logging
from types import SimpleNamespace

from google.api_core.exceptions import PermissionDenied
from google.cloud.dataflow_v1beta3 import JobMetrics, MetricStructuredName, MetricUpdate
from google.protobuf.struct_pb2 import Value

from logline.dataflow import triggers
from logline.dataflow.triggers import DataflowJobEndTrigger


class Hook:
    """A job that is in one state after the other, and has counted some lines."""

    def __init__(self, *states, error=None):
        self.states = list(states)
        self.error = error

    async def get_job_status(self, **_):
        return SimpleNamespace(name=self.states.pop(0))

    async def get_job_metrics(self, **_):
        if self.error:
            raise self.error
        lines = [
            MetricUpdate(
                name=MetricStructuredName(origin="user", name="lines", context=context),
                scalar=Value(number_value=1_000),
            )
            for context in (
                {"namespace": "logline", "step": "a"},
                {"namespace": "logline", "step": "a", "tentative": "true"},
                {"namespace": "logline", "step": "b"},
                {"namespace": "beam"},
            )
        ]
        return JobMetrics(metrics=lines)


def watched(hook, caplog):
    trigger = DataflowJobEndTrigger("j1", {"JOB_STATE_DONE"}, "project", "us-central1", poll_sleep=0)
    trigger.__dict__ |= {"async_hook": hook, "_log": logging.getLogger(__name__)}

    async def first_event():
        return await anext(trigger.run())

    with caplog.at_level(logging.INFO):
        event = asyncio.run(first_event())
    return event.payload["status"], [line for line in caplog.messages if "j1" in line]


def test_the_log_has_a_line_for_each_state_and_not_for_each_look(caplog):
    states = ["JOB_STATE_QUEUED"] * 20 + ["JOB_STATE_RUNNING"] * 40 + ["JOB_STATE_DONE"]
    status, said = watched(Hook(*states), caplog)
    assert status == "success"
    assert said == [
        "Dataflow job j1 after 0 s: JOB_STATE_QUEUED, lines 2,000",
        "Dataflow job j1 after 0 s: JOB_STATE_RUNNING, lines 2,000",
    ]


def test_a_job_that_takes_long_says_how_far_it_is(monkeypatch, caplog):
    monkeypatch.setattr(triggers, "FIRST_PAUSE", 0.0)
    _, said = watched(Hook(*["JOB_STATE_RUNNING"] * 5, "JOB_STATE_DONE"), caplog)
    assert len(said) == 5


def test_metrics_that_may_not_be_read_are_left_out(caplog):
    status, said = watched(Hook("JOB_STATE_RUNNING", "JOB_STATE_DONE", error=PermissionDenied("no metrics")), caplog)
    assert (status, said) == ("success", ["Dataflow job j1 after 0 s: JOB_STATE_RUNNING"])


def test_the_triggerer_finds_the_trigger_again():
    path, arguments = DataflowJobEndTrigger("j1", {"JOB_STATE_DONE"}, "project").serialize()
    assert path == "logline.dataflow.triggers.DataflowJobEndTrigger"
    assert DataflowJobEndTrigger(**arguments).serialize() == (path, arguments)
