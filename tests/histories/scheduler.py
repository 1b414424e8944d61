"""Airflow for histories: it runs the operators of the DAGs themselves, in this process, whenever it is told to.

What it knows of Airflow is which tasks run after which, what clearing does, and what a task may ask.
"""

from __future__ import annotations

import copy
import importlib.util
import itertools
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from tests.airflow_environment import ROOT

# isort: split
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskDeferred

from logline.arrivals.start import new_only
from logline.failures import reason_of
from logline.settings import Settings
from logline.task_ids import DROP_STAGING, LAND, LOAD, PARSE, PLAN, REPORT, UNIT_GROUP
from tests.histories.dataflow import Dataflow
from tests.histories.requests_made import Interruption, Killed, RequestsMade

UNIT_TASKS = (PARSE, LOAD, LAND, REPORT, DROP_STAGING)
NEEDS_STAGING = (LAND, REPORT)
# Of a task, as long as it fails for a reason that may pass.
TRIES = 3
NOW = datetime(2026, 11, 27, tzinfo=UTC)


@dataclass(frozen=True)
class Place:
    """A task of a run; `unit` is its map index, -1 of `plan`."""

    task: str
    unit: int = -1


@dataclass
class Run:
    """A run of log_backfill.

    Attributes:
        states: of its tasks: `success`, `failed`, `upstream_failed`, `retry` (killed), `deferred`; nothing yet: none.
        units: what `plan` has returned.
        reasons: why tasks have failed.
        logical_date: as Airflow's own backfill gives it.
        has_started: whether Airflow has let it run: of the runs of a backfill, those that somebody works on.
    """

    run_id: str
    conf: dict[str, Any]
    run_type: str
    logical_date: datetime = NOW
    has_started: bool = True
    states: dict[Place, str] = field(default_factory=dict)
    tries: dict[Place, int] = field(default_factory=lambda: defaultdict(int))
    units: list[dict[str, Any]] | None = None
    reasons: dict[Place, str] = field(default_factory=dict)

    @property
    def places(self) -> Iterator[Place]:
        """Return its tasks, in their order."""
        yield Place(PLAN)
        for unit in range(len(self.units or ())):
            for task in UNIT_TASKS:
                yield Place(task, unit)

    @property
    def next_place(self) -> Place | None:
        """Return the task that Airflow runs next."""
        return next((place for place in self.places if self.states.get(place) in (None, "retry", "deferred")), None)

    @property
    def has_failed(self) -> bool:
        """Return whether a task has failed."""
        return "failed" in self.states.values()


class Scheduler:
    """Runs of the DAGs of an installation.

    Attributes:
        runs: of log_backfill, the oldest first.
        dataflow: where their jobs are.
    """

    def __init__(
        self, settings: Settings, dags: Mapping[str, DAG], made: RequestsMade, dataflow: Dataflow | None = None
    ) -> None:
        self.settings = settings
        self.dags = dags
        self.made = made
        self.dataflow = dataflow or Dataflow(made)
        self.runs: list[Run] = []
        self._numbers = itertools.count()
        # How many tasks `land` are at work: Airflow starts one at a time.
        self._landing = 0
        self._at_work = 0

    @property
    def is_at_rest(self) -> bool:
        """Return whether no task is at work."""
        return self._at_work == 0

    @classmethod
    def of_repository(cls, made: RequestsMade, dataflow: Dataflow | None = None) -> Scheduler:
        """Return one with the DAGs of the repository."""
        modules = [_module(name) for name in ("log_backfill", "sweep", "arrivals", "daily_summary")]
        return cls(modules[0].SETTINGS, {module.dag.dag_id: module.dag for module in modules}, made, dataflow)

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Let the operators ask Dataflow here, and not sleep."""
        with ExitStack() as stack:
            stack.enter_context(self.made.in_force())
            stack.enter_context(self.dataflow.in_force())
            # One listing after the other: what is told by numbers of requests happens again.
            stack.enter_context(patch("logline.backfill.listing._AT_ONCE", 1))
            brief = SimpleNamespace(monotonic=time.monotonic, sleep=lambda _: time.sleep(0.01))
            stack.enter_context(patch("logline.warehouse.load.time", brief))
            yield

    def clear_all(self) -> None:
        """Forget all runs and jobs."""
        self.runs.clear()
        self.dataflow.jobs.clear()

    def trigger(self, conf: Mapping[str, Any]) -> Run:
        """Start a run of log_backfill."""
        run = Run(f"manual__{next(self._numbers)}", dict(conf), "manual")
        self.runs.append(run)
        return run

    def backfill(self, conf: Mapping[str, Any], logical_dates: Sequence[datetime]) -> list[Run]:
        """Start a backfill of Airflow's own."""
        runs = [
            Run(f"backfill__{next(self._numbers)}", dict(conf), "backfill", at, has_started=False)
            for at in logical_dates
        ]
        self.runs += runs
        return runs

    def look(self, dag_id: str) -> Run | str:
        """Let `sweep` or `arrivals` look into the bucket; return the run that it starts, or why it starts none."""
        run = Run(f"{dag_id}__{next(self._numbers)}", {}, "scheduled")
        try:
            with self.made.process(None):
                self._execute(self.dags[dag_id].get_task("find_unread"), run, Place("find_unread"))
        except AirflowSkipException as skipped:
            return str(skipped)
        except TaskDeferred:
            return "it waits"
        return self.trigger(new_only(self.settings)["conf"])

    def can_step(self, run: Run) -> bool:
        """Return whether there is a task to run next, and it may be run now."""
        place = run.next_place
        return place is not None and not (place.task == LAND and self._landing)

    def step(self, run: Run, interruption: Interruption | None = None) -> Place:
        """Run the next task of a run."""
        place = run.next_place
        assert place is not None
        if self._is_upstream_failed(run, place):
            run.states[place] = "upstream_failed"
            return place
        run.has_started = True
        run.tries[place] += 1
        run.reasons.pop(place, None)
        task = self.dags["log_backfill"].get_task(PLAN if place.task == PLAN else f"{UNIT_GROUP}.{place.task}")
        self._landing += place.task == LAND
        self._at_work += 1
        try:
            with self.made.process(interruption) as watch:
                returned = self._execute(task, run, place)
                if watch.is_dead:  # pragma: no cover (nothing may catch a kill)
                    raise AssertionError(f"{place.task} went on after it was killed")
            if place.task == PLAN:
                run.units = returned
            run.states[place] = "success"
        except Killed:
            run.states[place] = "retry"
        except TaskDeferred:
            run.states[place] = "deferred"
        except Exception as error:  # noqa: BLE001 (as Airflow does)
            is_final = isinstance(error, AirflowFailException) or run.tries[place] >= TRIES
            run.states[place] = "failed" if is_final else "retry"
            run.reasons[place] = reason_of(error)
        finally:
            self._landing -= place.task == LAND
            self._at_work -= 1
        return place

    def clear(self, run: Run, place: Place, scope: str) -> None:
        """Clear an ended task.

        Args:
            run: its run.
            place: the task.
            scope: `downstream`: with all that follow it; `task`: alone, of all units; `unit`: alone, of its unit.
        """
        if place.task == PLAN:
            run.tries.clear()
            if scope == "downstream":
                run.states.clear()
                run.units = None
            else:
                del run.states[place]
            return
        names = UNIT_TASKS[UNIT_TASKS.index(place.task) :] if scope == "downstream" else (place.task,)
        if scope != "unit" and not set(NEEDS_STAGING).isdisjoint(names):
            names = (LOAD, *names, DROP_STAGING)
        units = [place.unit] if scope == "unit" else range(len(run.units or ()))
        for unit in units:
            for name in names:
                run.states.pop(Place(name, unit), None)
                run.tries.pop(Place(name, unit), None)

    def _is_upstream_failed(self, run: Run, place: Place) -> bool:
        if place.task in (PLAN, PARSE):
            return False
        if place.task == DROP_STAGING:
            return run.states.get(Place(LOAD, place.unit)) != "success"
        before = UNIT_TASKS[UNIT_TASKS.index(place.task) - 1]
        return run.states.get(Place(before, place.unit)) != "success"

    def _execute(self, task: Any, run: Run, place: Place) -> Any:
        task = copy.copy(task)
        params = {name: run.conf.get(name, param) for name, param in task.dag.params.dump().items()}
        dag_run = SimpleNamespace(
            conf=run.conf, run_type=run.run_type, run_id=run.run_id, start_date=datetime.now(UTC),
            logical_date=run.logical_date, run_after=NOW,
        )  # fmt: skip
        context: Any = {
            "ti": _TaskInstance(self, run, task, place),
            "task": task,
            "dag": task.dag,
            "dag_run": dag_run,
            "run_id": run.run_id,
            "params": params,
            "outlet_events": defaultdict(lambda: SimpleNamespace(extra={})),
        }
        task.render_template_fields(context)
        return task.execute(context)


class _TaskInstance:
    """What operators ask of theirs."""

    def __init__(self, scheduler: Scheduler, run: Run, task: Any, place: Place) -> None:
        self.task, self.task_id, self.dag_id, self.run_id = task, task.task_id, task.dag_id, run.run_id
        self.map_index, self.try_number = place.unit, run.tries[place]
        self._scheduler, self._run = scheduler, run

    def xcom_pull(self, task_ids: str, key: str = "return_value") -> Any:
        assert (task_ids, key) == (PLAN, "return_value")
        return self._run.units

    def xcom_push(self, key: str, value: Any) -> None:
        """What is pushed, only people read."""

    def get_task_states(
        self, dag_id: str, task_ids: Sequence[str], run_ids: Sequence[str]
    ) -> dict[str, dict[str, str]]:
        states = {f"{UNIT_GROUP}.{place.task}_{place.unit}": state for place, state in self._run.states.items()}
        return {self.run_id: states}

    def get_dr_count(self, dag_id: str, states: Sequence[str], logical_dates: Sequence[datetime] | None = None) -> int:
        active = [run for run in self._scheduler.runs if dag_id == "log_backfill" and run.next_place is not None]
        return sum(
            ("running" if run.has_started else "queued") in states
            and (logical_dates is None or run.logical_date in logical_dates)
            for run in active
        )

    def get_ti_count(self, dag_id: str, task_ids: Sequence[str], states: Sequence[str]) -> int:
        planning = [run for run in self._scheduler.runs if run.next_place == Place(PLAN)]
        return sum(run.has_started and run.states.get(Place(PLAN)) != "deferred" for run in planning)


def _module(name: str) -> Any:
    spec: Any = importlib.util.spec_from_file_location(f"{name}_of_histories", ROOT / "dags" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
