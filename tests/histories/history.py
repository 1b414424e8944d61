"""A history: what has happened to bucket and runs, each step held against the oracle."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.histories.installation import Installation
from tests.histories.logs import DAYS, Content
from tests.histories.oracle import Oracle
from tests.histories.requests_made import Interruption
from tests.histories.scheduler import LAND, PLAN, Place, Run, Scheduler

_VERSIONS = itertools.count(1)


class History:
    """Begins with empty tables and an empty bucket."""

    def __init__(self, installation: Installation, scheduler: Scheduler) -> None:
        self.oracle = Oracle()
        self._installation, self._scheduler = installation, scheduler
        # What each run is sure to have listed: what was there when its `plan` began and when it ended.
        self._listed: dict[str, set[tuple[str, int]]] = {}
        self._replanned: set[str] = set()
        installation.clear()
        scheduler.clear_all()

    @property
    def open(self) -> list[Run]:
        """Return the runs that have not ended."""
        return [run for run in self._scheduler.runs if run.next_place is not None]

    @property
    def ended(self) -> list[Run]:
        """Return the runs that have ended."""
        return [run for run in self._scheduler.runs if run.next_place is None]

    def change(self, name: str, content: Content | None) -> None:
        """Upload an object, or delete it."""
        uri = self._installation.uri(name)
        if content is not None:
            stored = content.bytes_of(next(_VERSIONS))
            self.oracle.was_put(uri, self._installation.put(name, stored), content, stored)
        elif uri in self.oracle.bucket:
            self._installation.delete(name)
            self.oracle.was_deleted(uri)

    def backfill(self, conf: dict[str, Any], *, days: int, ends: bool) -> None:
        """Start a backfill of Airflow's own, for the days that have had none."""
        at = [datetime(2026, 11, 2 + day, 0, 15, tzinfo=UTC) for day in range(days)]
        had = {run.logical_date for run in self._scheduler.runs}
        for run in self._scheduler.backfill(conf, [date for date in at if date not in had]):
            if ends:
                self.finish(run)

    def trigger(self, conf: dict[str, Any], *, everything: bool = True, ends: bool = True) -> Run:
        """Start a run for some days, or for everything."""
        days = {"start_date": DAYS[0], "end_date": DAYS[0]} | conf
        conf = {**conf, "source": self._installation.uri("logs/**")} if everything else days
        run = self._scheduler.trigger(conf)
        if ends:
            self.finish(run)
        return run

    def look(self, dag_id: str, *, ends: bool = True) -> Run | str:
        """Let `sweep` or `arrivals` look."""
        run = self._scheduler.look(dag_id)
        found = self._installation.unread()
        assert found == self.oracle.unread(), f"unread_objects {found} instead of {self.oracle.unread()}"
        if isinstance(run, Run) and ends:
            self.finish(run)
        return run

    def step(
        self, run: Run, interruption: Interruption | None = None, *, of_job: bool = False, refused: str = ""
    ) -> None:
        """Run the next task of a run, if there is one that may be run.

        Args:
            run: the run.
            interruption: what happens meanwhile.
            of_job: whether the Dataflow job is interrupted that the task launches, not the task.
            refused: an object that Cloud Storage does not give meanwhile.
        """
        if not self._scheduler.can_step(run):
            return
        place = run.next_place
        assert place is not None
        self._scheduler.dataflow.interruption = interruption if of_job else None
        there = set(self._there(run))
        self._scheduler.made.refused = refused
        self._scheduler.step(run, None if of_job else interruption)
        self._scheduler.made.refused = ""
        if place == Place(PLAN):
            self._listed[run.run_id] = there & self._there(run)
        if self._scheduler.is_at_rest:
            # No other task changes these tables; where one is interrupted, anything may have happened meanwhile.
            if interruption is not None or place.task == LAND:
                self.check()
            if run.next_place is None:
                self._check_ended(run)

    def finish(self, run: Run, *, refused: str = "") -> None:
        """Run all tasks of a run that can be run."""
        while self._scheduler.can_step(run):
            self.step(run, refused=refused)
            if "deferred" in run.states.values():
                return

    def clear(self, run: Run, task: str, scope: str, *, ends: bool = True) -> None:
        """Clear a task of a run that has ended, of its first unit or of all."""
        place = Place(task, -1 if task == PLAN else 0)
        if place in run.states:
            # Without what follows it, a new plan promises nothing.
            if task == PLAN and scope != "downstream":
                self._replanned.add(run.run_id)
            self._scheduler.clear(run, place, scope)
            if ends:
                self.finish(run)

    def check(self) -> None:
        """Hold the landing tables and the ledger against the oracle."""
        self.oracle.check(self._installation.snapshot())

    def settle(self) -> None:
        """Let everything come to its end, read what is there, and hold all tables against the oracle."""
        for run in self.open:
            self.finish(run)
        self._scheduler.dataflow.run_all()
        self.check()
        conf = {"new_only": True, "remove_deleted": True, "allow_empty": True, "max_rejected_percent": 100}
        run = self.trigger(conf)
        for uri, version in self.oracle.bucket.items():
            if version.reading is not None:
                assert self.oracle.landed.get(uri) == (version.generation, False), f"{uri} has not landed: {run}"
        for uri in self.oracle.landed.keys() - self.oracle.bucket.keys():
            assert self.oracle.landed[uri][1], f"{uri} is gone, and its rows are not: {run}"
        self.look("sweep")
        self.oracle.check_reconciliation(self._installation.reconciliation())
        assert self._installation.unread() == set()

    def _there(self, run: Run) -> set[tuple[str, int]]:
        days = [f"{run.conf['start_date']}/", f"{run.conf['end_date']}/"] if "start_date" in run.conf else ["", "~"]
        if run.run_type == "backfill":
            days = [f"{run.logical_date - timedelta(days=1):%Y-%m-%d}/"] * 2
        logs = self._installation.uri("logs/")
        first, last = logs + days[0], logs + days[1] + "~"
        return {(uri, of.generation) for uri, of in self.oracle.bucket.items() if first <= uri <= last}

    def _check_ended(self, run: Run) -> None:
        for reason in run.reasons.values():
            assert reason, "a reason is empty"
            assert "\n" not in reason
        if run.units is None or run.run_id in self._replanned:
            return
        behind = {uri for uri, generation in self._listed[run.run_id] if not self.oracle.has(uri, generation)}
        unreadable = {uri for uri, generation in self._listed[run.run_id] if not self.oracle.can_read(uri, generation)}
        reasons = " ".join(run.reasons.values())
        if run.has_failed:
            # Of a killed job the name, which has its days, says enough; of a cleared task, that its tables are gone.
            # The object that is named is not always one that is behind: it may keep back the others of its unit.
            said = any(uri in reasons for uri, _ in self._listed[run.run_id]) or any(
                what in reasons for what in ("ended as JOB_STATE_FAILED", "staging tables are dropped when a run ends")
            )
            assert said or not behind, f"{behind} have not landed: {reasons}"
        else:
            assert behind <= unreadable, f"{behind} have not landed, and the run has succeeded"
