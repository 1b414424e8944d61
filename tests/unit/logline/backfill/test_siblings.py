import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

from logline.backfill import siblings
from logline.backfill.siblings import RunEndTrigger, find_siblings
from logline.params import MAX_DAYS

FIRST = datetime(2024, 1, 2, 0, 15, tzinfo=UTC)


def at(day):
    return FIRST + timedelta(days=day)


class Runs(SimpleNamespace):
    """Runs by their days; asks are counted."""

    def get_dr_count(self, dag_id, logical_dates, states):
        self.asked += 1
        return sum(self.states.get((date - FIRST).days) in states for date in logical_dates)


@pytest.mark.parametrize(
    ("states", "own", "days", "first_running"),
    [
        ({}, 5, range(5, 6), None),
        ({4: "queued", 6: "queued", 8: "queued"}, 5, range(4, 7), None),
        ({3: "success", 4: "running", 6: "queued"}, 5, range(4, 7), 4),
        ({2: "queued", 3: "running", 4: "running"}, 5, range(2, 6), 3),
        ({6: "running"}, 5, range(5, 7), None),
        (dict.fromkeys(range(1000), "queued"), 0, range(MAX_DAYS), None),
        (dict.fromkeys(range(1000), "queued"), 500, range(500, 500 + MAX_DAYS), None),
        (dict.fromkeys(range(100), "queued") | {0: "running"}, 99, range(100), 0),
    ],
)
def test_the_days_without_a_gap_and_the_first_that_runs(states, own, days, first_running):
    runs = Runs(states=states, asked=0)
    found = find_siblings(runs, at(own))
    assert found.dates == [at(day) for day in days]
    assert found.first_running == (None if first_running is None else at(first_running))
    assert runs.asked < 40


def test_the_trigger_fires_when_the_run_has_ended(monkeypatch):
    answers = [1, 1, 0]
    asked = []

    def count(**given):
        asked.append(given["logical_dates"])
        return answers.pop(0)

    monkeypatch.setattr(siblings, "POLL_SECONDS", 0)
    monkeypatch.setattr(RuntimeTaskInstance, "get_dr_count", staticmethod(count))
    trigger = RunEndTrigger(at(0).isoformat())
    path, arguments = trigger.serialize()
    assert (path, RunEndTrigger(**arguments).serialize()) == (
        "logline.backfill.siblings.RunEndTrigger",
        (path, arguments),
    )

    async def first_event():
        return await anext(trigger.run())

    assert asyncio.run(first_event()).payload["status"] == "success"
    assert (answers, asked[0]) == ([], [at(0)])
