"""The simulated world of the backfill: a bucket, runs that read it, and what happens to both.

The tasks of the DAGs, the statements of their templates, the job's steps and Google's clients are the real ones; Cloud
Storage and BigQuery answer in this process, and what Airflow and Dataflow do is done by tests/histories, whose oracle
holds the tables against the bytes that were in the bucket. A seed decides on uploads, deletions, runs, looks of
`sweep` and `arrivals`, cleared tasks, and what comes between any two requests of a task: a kill, another run, an object
that is replaced.

After each step no object's rows are of an older content than before, and ledger and rows agree; at rest each line of
the newest content that can be read is in `backfilled_requests` once, and `reconciliation` says so. Meanwhile days that
have changed are built; then a stream brings copies of lines of the files and others, late and twice. In the end each
line is in `requests` as often as the files have it, or as often as the stream has brought it where that is more.
"""

from __future__ import annotations

import atexit
import logging
import random
from collections import Counter, deque
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from itertools import count

import structlog

from tests.histories.dataflow import Dataflow
from tests.histories.history import History
from tests.histories.installation import Installation
from tests.histories.logs import DAYS, Content
from tests.histories.requests_made import AFTER, BEFORE, Interruption, Killed, RequestsMade
from tests.histories.scheduler import PLAN, UNIT_TASKS, Run, Scheduler
from tests.simulation.batch_job import run_batch_job
from tests.simulation.in_process import in_process_stack
from tests.simulation.scheduler import Fault
from tests.simulation.summaries import Summaries

_NAMES = ("logs/2026-11-01/a.log", "logs/2026-11-01/b.log.gz", "logs/2026-11-02/a b%20ü.log", "logs/2026-11-03/c.log")
_LINES = ("1", "12", "123", "33", "2_2", "23", "3", "112", "1111111111x", "22x", "_", "", "x")
# Most can be read: what has landed is what can go wrong next.
_FORMS = ("plain", "gzip", "plain", "gzip", "plain", "gzip", "cut", "binary")
_LATER = 1_000
"""The number of the first deed while a stream is there."""
_REQUESTS = 12
"""A task makes about as many requests that change something."""


@dataclass
class Record:
    """What has happened.

    Attributes:
        faults: Each deed of a history, by its number; one that is left out changes no other.
        trace: The deeds, and what came of them.
        steps: How many tasks were run.
        now: Hours play no part here.
    """

    faults: list[Fault] = field(default_factory=list)
    trace: deque[str] = field(default_factory=lambda: deque(maxlen=400))
    steps: int = 0
    now: float = 0.0


class BackfillWorld:
    """One history.

    Args:
        seed: Decides on everything.
        only: Numbers of the deeds that happen; None: all.
    """

    def __init__(self, seed: int, only: frozenset[int] | None = None) -> None:
        self.record = Record()
        self._seed, self._only = seed, only
        self._scheduler, installation = _services()
        self._history = History(installation, self._scheduler)
        self._installation = installation
        self._summaries = Summaries(installation)
        self._builds = count(1)

    def run(self) -> None:
        """Live through the history.

        Raises:
            AssertionError: Something is as it must never be.
        """
        for number in range(random.Random(f"length of {self._seed}").randint(4, 14)):
            if self._only is None or number in self._only:
                self._do(number, random.Random(f"{self._seed} {number}"))
        self._say("everything comes to its end")
        self._history.settle()
        self._summarise()
        for number in range(_LATER, _LATER + random.Random(f"later of {self._seed}").randint(0, 6)):
            if self._only is None or number in self._only:
                self._do_later(number, random.Random(f"{self._seed} {number}"))
        self._say("the stream has ended")
        self._summarise()

    def _summarise(self) -> None:
        """Build whatever has changed, and hold `requests` against the lines."""
        self._summaries.look(f"look-{next(self._builds)}")
        self._summaries.build(f"build-{next(self._builds)}")
        self._summaries.check(self._installation.snapshot().rows)
        left = self._summaries.build("nothing-is-left")
        assert not left, f"{left} are built again"

    def _do(self, number: int, draw: random.Random) -> None:
        deeds: list[Callable[[random.Random], str]] = [
            *(self._change, self._change_and_read, self._change_and_read, self._trigger, self._backfill, self._look),
            *(self._work, self._work, self._kill, self._kill, self._change_meanwhile, self._change_meanwhile),
            *(self._work_meanwhile, self._work_meanwhile, self._clear, self._build),
        ]
        self._note(number, draw, draw.choice(deeds))

    def _do_later(self, number: int, draw: random.Random) -> None:
        self._note(number, draw, draw.choice((self._stream, self._stream, self._build, self._change_and_read)))

    def _note(self, number: int, draw: random.Random, deed: Callable[[random.Random], str]) -> None:
        self.record.faults.append(Fault(number, number, deed.__name__.strip("_")))
        self.record.faults[-1] = Fault(number, number, deed(draw))
        self._say(self.record.faults[-1].what)

    def _say(self, what: str) -> None:
        states = [f"{run.run_id} {Counter(run.states.values()) or ''}" for run in self._scheduler.runs]
        self.record.trace.append(f"{what}; runs: {', '.join(states)}")
        self.record.steps = sum(sum(run.tries.values()) for run in self._scheduler.runs)

    def _content(self, draw: random.Random) -> Content:
        return Content(draw.choice(_LINES), draw.choice(_FORMS))

    def _change(self, draw: random.Random) -> str:
        changed = []
        for _ in range(draw.randint(1, 3)):
            name, content = draw.choice(_NAMES), draw.choice((None, *[self._content(draw)] * 4))
            self._history.change(name, content)
            changed.append(f"{name}: {content}")
        return f"changed: {', '.join(changed)}"

    def _change_and_read(self, draw: random.Random) -> str:
        what = self._change(draw)
        if draw.random() < 0.5:
            self._history.trigger({"max_rejected_percent": 100, "allow_empty": True})
            return f"{what}; and a run by hand"
        self._history.look("arrivals")
        return f"{what}; and arrivals"

    def _trigger(self, draw: random.Random) -> str:
        all_of_it = {
            "new_only": True,
            "remove_deleted": True,
            "unreadable": "stop",
            "allow_empty": True,
            "max_rejected_percent": 100,
            "end_date": draw.choice(("2026-11-02", "2026-11-03")),
        }
        conf = {name: value for name, value in all_of_it.items() if draw.random() < 0.4}
        everything, ends = draw.random() < 0.5, draw.random() < 0.4
        self._history.trigger(conf, everything=everything, ends=ends)
        return f"a run with {conf}{' of everything' if everything else ''}{', to its end' if ends else ''}"

    def _backfill(self, draw: random.Random) -> str:
        days, ends = draw.randint(1, 3), draw.random() < 0.5
        self._history.backfill({}, days=days, ends=ends)
        return f"a backfill of Airflow's own of {days} days{', to its end' if ends else ''}"

    def _look(self, draw: random.Random) -> str:
        dag_id, ends = draw.choice(("sweep", "arrivals")), draw.random() < 0.4
        self._history.look(dag_id, ends=ends)
        return f"{dag_id}{', to its end' if ends else ''}"

    def _open(self, draw: random.Random) -> Run:
        """Return a run that has not ended, if need be a new one."""
        if not self._history.open:
            self._history.trigger({"allow_empty": True, "max_rejected_percent": 100}, ends=False)
        return draw.choice(self._history.open)

    def _work(self, draw: random.Random) -> str:
        run, steps = self._open(draw), draw.randint(1, 6)
        refused = draw.choice(("", *_NAMES))
        for _ in range(steps):
            self._history.step(run, refused=refused)
        return f"{steps} tasks of {run.run_id}{f', {refused} is refused' if refused else ''}"

    def _advanced(self, draw: random.Random) -> Run:
        """Return a run that stands before any of its tasks."""
        run = self._open(draw)
        for _ in range(draw.randint(0, 3)):
            if run.next_place is not None:
                self._history.step(run)
        return run if run.next_place is not None else self._open(draw)

    def _kill(self, draw: random.Random) -> str:
        run, of_job = self._advanced(draw), draw.random() < 0.4
        interruption = Interruption(draw.randrange(_REQUESTS), draw.choice((BEFORE, AFTER)))
        place = run.next_place
        self._history.step(run, interruption, of_job=of_job)
        what = "the job of " if of_job else ""
        return f"{what}{place} of {run.run_id} is killed {interruption.kill} request {interruption.at}"

    def _change_meanwhile(self, draw: random.Random) -> str:
        run, of_job = self._advanced(draw), draw.random() < 0.5
        at, name, content = draw.randrange(_REQUESTS), draw.choice(_NAMES), draw.choice((None, self._content(draw)))
        place = run.next_place
        kill = draw.choice(("", "", BEFORE, AFTER))
        change = Interruption(at, kill, meanwhile=lambda: self._history.change(name, content))
        self._history.step(run, change, of_job=of_job)
        return f"{name}: {content} before request {at} of {place} of {run.run_id}, which is killed {kill or 'not'}"

    def _work_meanwhile(self, draw: random.Random) -> str:
        run = self._advanced(draw)
        others = [one for one in self._history.open if one is not run]
        if not others:
            others = [self._history.trigger({"max_rejected_percent": 100, "allow_empty": True}, ends=False)]
        other, at, steps = draw.choice(others), draw.randrange(_REQUESTS), draw.randint(1, 6)
        place = run.next_place

        def work() -> None:
            for _ in range(steps):
                self._history.step(other)

        self._history.step(run, Interruption(at, meanwhile=work))
        return f"{steps} tasks of {other.run_id} before request {at} of {place} of {run.run_id}"

    def _build(self, draw: random.Random) -> str:
        run_id, at, kill = f"build-{next(self._builds)}", draw.randrange(_REQUESTS), draw.choice(("", BEFORE, AFTER))
        looks = draw.random() < 0.5
        try:
            with self._scheduler.made.process(Interruption(at, kill)):
                if looks:
                    self._summaries.look(run_id)
                self._summaries.build(run_id)
        except Killed:
            return f"{run_id} is killed {kill} request {at}"
        return f"{run_id}{' behind a look for late lines' if looks else ''}"

    def _stream(self, draw: random.Random) -> str:
        """Let the stream bring copies of what a file has, or lines that none has, each once to three times."""
        of_files = sorted({(day, path) for _, _, day, path in self._installation.snapshot().rows})
        brought = []
        for _ in range(draw.randint(1, 4)):
            line = draw.choice(of_files) if of_files and draw.random() < 0.6 else (draw.choice(DAYS), "/of/no/file")
            event = f"event-{draw.randrange(6)}"
            for _ in range(draw.randint(1, 3)):
                self._summaries.stream(*line, event)
            brought.append(f"{line} as {event}")
        return f"the stream brings {', '.join(brought)}"

    def _clear(self, draw: random.Random) -> str:
        if not self._history.ended:
            return "nothing to clear"
        run, task = draw.choice(self._history.ended), draw.choice((PLAN, *UNIT_TASKS[:-1]))
        scope, ends = draw.choice(("downstream", "task", "unit")), draw.random() < 0.6
        self._history.clear(run, task, scope, ends=ends)
        return f"{task} of {run.run_id} is cleared ({scope}){', to its end' if ends else ''}"


@cache
def _services() -> tuple[Scheduler, Installation]:
    """Return what all histories of this process share: tables and a bucket that each empties, and the DAGs."""
    logging.disable(logging.WARNING)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    in_force = ExitStack()
    atexit.register(in_force.close)
    stack = in_force.enter_context(in_process_stack())
    made = RequestsMade()
    scheduler = Scheduler.of_repository(made, Dataflow(made, run_batch_job))
    installation = Installation(stack, scheduler.settings)
    in_force.enter_context(scheduler.in_force())
    return scheduler, installation
