"""Whatever happens to the objects of the bucket and to the runs that read them, the tables are what the bucket holds.

Each history is a sequence of uploads, deletions, runs, looks of `sweep` and `arrivals`, cleared tasks and kills, drawn
by Hypothesis; after each step an oracle of its own compares the tables with the bytes that were in the bucket.
`make histories N=300` draws more of them than `make test`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from local_stack.running import RunningStack
from tests.histories.history import History
from tests.histories.installation import Installation
from tests.histories.logs import Content
from tests.histories.requests_made import AFTER, BEFORE, Interruption, RequestsMade
from tests.histories.scheduler import PLAN, UNIT_TASKS, Place, Run, Scheduler

pytestmark = [pytest.mark.integration, pytest.mark.timeout(4 * 3600)]

HISTORIES = int(os.environ.get("HISTORIES", "12"))
NAMES = ("logs/2026-11-01/a.log", "logs/2026-11-01/b.log.gz", "logs/2026-11-02/a b%20ü.log", "logs/2026-11-03/c.log")
LINES = ("1", "12", "123", "33", "2_2", "23", "3", "112", "1111111111x", "22x", "_", "", "x")
# Most can be read: what has landed is what can go wrong next.
FORMS = ("plain", "gzip", "plain", "gzip", "plain", "gzip", "cut", "binary")
names = st.sampled_from(NAMES)
contents = st.builds(Content, st.sampled_from(LINES), st.sampled_from(FORMS))
changes = st.tuples(names, contents | st.none())
confs = st.fixed_dictionaries(
    {},
    optional={
        "new_only": st.just(True),
        "remove_deleted": st.just(True),
        "unreadable": st.just("stop"),
        "allow_empty": st.just(True),
        "max_rejected_percent": st.just(100),
        "end_date": st.sampled_from(("2026-11-02", "2026-11-03")),
    },
)
kills = st.builds(Interruption, st.integers(0, 12), st.sampled_from((BEFORE, AFTER)))


class Histories(RuleBasedStateMachine):
    """Draws histories."""

    installation: Installation
    scheduler: Scheduler

    def __init__(self) -> None:
        super().__init__()
        self.history = History(self.installation, self.scheduler)

    @rule(changed=st.lists(changes, min_size=1, max_size=3))
    def change(self, changed: list[tuple[str, Content | None]]) -> None:
        for name, content in changed:
            self.history.change(name, content)

    @rule(changed=st.lists(st.tuples(names, contents), min_size=1, max_size=3), by_hand=st.booleans())
    def change_and_read(self, changed: list[tuple[str, Content]], by_hand: bool) -> None:
        self.change(changed)
        if by_hand:
            self.history.trigger({"max_rejected_percent": 100, "allow_empty": True})
        else:
            self.history.look("arrivals")

    @rule(conf=confs, everything=st.booleans(), ends=st.booleans())
    def trigger(self, conf: dict[str, Any], everything: bool, ends: bool) -> None:
        self.history.trigger(conf, everything=everything, ends=ends)

    @rule(days=st.integers(1, 3), ends=st.booleans())
    def backfill(self, days: int, ends: bool) -> None:
        self.history.backfill({}, days=days, ends=ends)

    @rule(dag_id=st.sampled_from(("sweep", "arrivals")), ends=st.booleans())
    def look(self, dag_id: str, ends: bool) -> None:
        self.history.look(dag_id, ends=ends)

    @precondition(lambda self: self.history.open)
    @rule(data=st.data(), steps=st.integers(1, 6), refused=st.just("") | names)
    def work(self, data: st.DataObject, steps: int, refused: str) -> None:
        run = data.draw(st.sampled_from(self.history.open), label="run")
        for _ in range(steps):
            self.history.step(run, refused=refused)

    @precondition(lambda self: self.history.open)
    @rule(data=st.data(), kill=kills, of_job=st.booleans())
    def kill(self, data: st.DataObject, kill: Interruption, of_job: bool) -> None:
        self.history.step(data.draw(st.sampled_from(self.history.open), label="run"), kill, of_job=of_job)

    @precondition(lambda self: self.history.open)
    @rule(data=st.data(), at=st.integers(0, 12), change=changes, of_job=st.booleans())
    def change_meanwhile(self, data: st.DataObject, at: int, change: tuple[str, Content | None], of_job: bool) -> None:
        run = data.draw(st.sampled_from(self.history.open), label="run")
        self.history.step(run, Interruption(at, meanwhile=lambda: self.history.change(*change)), of_job=of_job)

    @precondition(lambda self: len(self.history.open) > 1)
    @rule(data=st.data(), at=st.integers(0, 12), steps=st.integers(1, 6))
    def work_meanwhile(self, data: st.DataObject, at: int, steps: int) -> None:
        run = data.draw(st.sampled_from(self.history.open), label="run")
        other = data.draw(st.sampled_from([one for one in self.history.open if one is not run]), label="other")

        def work() -> None:
            for _ in range(steps):
                self.history.step(other)

        self.history.step(run, Interruption(at, meanwhile=work))

    @precondition(lambda self: self.history.ended)
    @rule(
        data=st.data(),
        task=st.sampled_from((PLAN, *UNIT_TASKS[:-1])),
        scope=st.sampled_from(("downstream", "task", "unit")),
        ends=st.booleans(),
    )
    def clear(self, data: st.DataObject, task: str, scope: str, ends: bool) -> None:
        run = data.draw(st.sampled_from(self.history.ended), label="run")
        self.history.clear(run, task, scope, ends=ends)

    def teardown(self) -> None:
        self.history.settle()


@pytest.fixture(scope="module")
def world(emulators: RunningStack) -> Iterator[tuple[Installation, Scheduler]]:
    """Tables and a bucket that no other test uses, and what runs the tasks."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in emulators.env.items():
            environment.setenv(name, value)
        logging.disable(logging.WARNING)
        scheduler = Scheduler.of_repository(RequestsMade())
        installation = Installation(emulators, scheduler.settings)
        with scheduler.in_force():
            yield installation, scheduler
        installation.close()
        logging.disable(logging.NOTSET)


@pytest.fixture
def history(world: tuple[Installation, Scheduler]) -> History:
    """A history that begins."""
    return History(*world)


def test_what_cloud_storage_did_not_give_is_read_another_time(history: History) -> None:
    given, refused = NAMES[0], NAMES[2]
    for name in (given, refused):
        history.change(name, Content("12"))
    first = history.look("arrivals", ends=False)
    assert isinstance(first, Run)
    history.finish(first, refused=refused)
    assert "1 of 2 objects could not be read" in " ".join(first.reasons.values())
    again = history.look("sweep")
    assert isinstance(again, Run), "it is unread"
    assert (again.units or [{}])[0]["objects"] == 1
    history.settle()


def test_files_that_are_all_empty_are_named(history: History) -> None:
    history.change(NAMES[0], Content("2_2", "cut"))
    history.change(NAMES[2], Content(""))
    run = history.look("sweep")
    assert isinstance(run, Run)
    assert NAMES[2] in " ".join(run.reasons.values())
    history.settle()


def test_the_first_run_of_a_backfill_is_killed_and_the_next_one_reads_for_the_others(history: History) -> None:
    for name in NAMES:
        history.change(name, Content("12"))
    history.backfill({}, days=3, ends=False)
    first, second, third = history.open
    history.step(first, Interruption(0, BEFORE))
    history.step(first)
    history.step(second)
    assert second.next_place == Place(PLAN), "it waits"
    history.step(first, Interruption(2, AFTER), of_job=True)
    history.finish(first)
    assert first.has_failed
    history.finish(second)
    history.finish(third)
    assert ([len(run.units or ()) for run in (second, third)], third.has_failed) == ([1, 0], False)
    history.settle()


def test_the_tables_are_what_the_bucket_holds(world: tuple[Installation, Scheduler]) -> None:
    installation, scheduler = world
    machine = type("Histories", (Histories,), {"installation": installation, "scheduler": scheduler})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=HISTORIES,
            stateful_step_count=10,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize="HISTORIES" not in os.environ,
            print_blob=True,
        ),
    )
