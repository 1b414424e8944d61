import asyncio
import logging
from types import SimpleNamespace

import pytest
from google.api_core.exceptions import PermissionDenied
from google.cloud.dataflow_v1beta3 import JobMetrics, MetricStructuredName, MetricUpdate
from google.protobuf.struct_pb2 import Value

from logline.dataflow import triggers
from logline.dataflow.triggers import DataflowJobEndTrigger, Progress


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
                name=MetricStructuredName(origin="user", name=name, context=context),
                scalar=Value(number_value=1_000),
            )
            for name in ("lines", "bytes", "rows")
            for context in (
                {"namespace": "logline", "step": "a"},
                {"namespace": "logline", "step": "a", "tentative": "true"},
                {"namespace": "logline", "step": "b"},
                {"namespace": "beam"},
            )
        ]
        return JobMetrics(metrics=lines)


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    """Nothing ends the process of a task here."""
    monkeypatch.setattr(triggers, "FIRST_LOOK_SECONDS", 0.0)


def watched(hook, caplog, total_bytes=None):
    trigger = DataflowJobEndTrigger(
        "j1", {"JOB_STATE_DONE"}, "project", "us-central1", poll_sleep=0, total_bytes=total_bytes
    )
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
    monkeypatch.setattr(triggers, "PAUSE_SECONDS", 0.0)
    _, said = watched(Hook(*["JOB_STATE_RUNNING"] * 5, "JOB_STATE_DONE"), caplog)
    assert len(said) == 5


def test_a_job_of_known_size_says_its_share(caplog):
    _, said = watched(Hook("JOB_STATE_RUNNING", "JOB_STATE_DONE"), caplog, total_bytes=8_000)
    assert said == ["Dataflow job j1 after 0 s: JOB_STATE_RUNNING, lines 2,000, 25% of 0.0 MB"]


def test_progress_has_rate_share_and_time_left():
    earlier = Progress(10, {"blocks": 1, "lines": 1_000, "bytes": 10_000_000, "rows": 900})
    now = Progress(30, {"blocks": 5, "lines": 41_000, "bytes": 50_000_000, "rows": 900, "rejected": 3})
    assert now.text(earlier, 100_000_000) == (
        "blocks 5, lines 41,000, rejected 3, 2,000 lines/s, 50% of 100.0 MB, 25 s left"
    )
    assert now.text(None, None) == "blocks 5, lines 41,000, rejected 3"
    assert now.text(now, 10_000_000) == "blocks 5, lines 41,000, rejected 3, 100% of 10.0 MB"
    assert Progress(1, {}).text(None, 10) == ""


def test_metrics_that_may_not_be_read_are_left_out(caplog):
    status, said = watched(Hook("JOB_STATE_RUNNING", "JOB_STATE_DONE", error=PermissionDenied("no metrics")), caplog)
    assert (status, said) == ("success", ["Dataflow job j1 after 0 s: JOB_STATE_RUNNING"])


def test_the_triggerer_finds_the_trigger_again():
    path, arguments = DataflowJobEndTrigger("j1", {"JOB_STATE_DONE"}, "project", total_bytes=5).serialize()
    assert path == "logline.dataflow.triggers.DataflowJobEndTrigger"
    assert DataflowJobEndTrigger(**arguments).serialize() == (path, arguments)
