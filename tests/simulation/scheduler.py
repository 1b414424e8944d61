"""Threads of a simulated world: one runs at a time, in an order and with faults that a seed decides.

A thread is a greenlet: it runs until it waits for something. Time passes only while all threads wait, so hours take
seconds, and the same seed gives the same history to the last step.
"""

from __future__ import annotations

import contextlib
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from typing import Any

from greenlet import getcurrent, greenlet


class Violation(AssertionError):  # noqa: N818 - not an error of the simulation, but what it looks for
    """The world is as it must never be."""


class Killed(BaseException):
    """Unwinds the threads of a process that was killed; all that they still try is refused by it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One that happened; its number stays the same while a seed's other faults are left out."""

    number: int
    at: float
    what: str

    def __str__(self) -> str:
        return f"{self.at:9.2f} s  fault {self.number}: {self.what}"


MIDNIGHT = 1_790_035_200.0
"""The day boundary that histories begin some minutes before: 2026-09-22 00:00 UTC, in seconds since the epoch."""
_BEFORE_MIDNIGHT_SECONDS = (30, 500)


@dataclass(eq=False)
class WallClock:
    """The time of day on one machine, which somebody may set; `offset` is by how much it is wrong."""

    offset: float = 0.0
    right_again: float = 0.0


@dataclass(eq=False)
class Process:
    """Some threads that are killed and frozen together."""

    name: str
    clock: WallClock = field(default_factory=WallClock)
    is_dead: bool = False
    frozen_until: float = 0.0


class Thread:
    """A thread; what the modules under test use of `threading.Thread`."""

    def __init__(self, scheduler: Scheduler, process: Process, name: str, target: Callable[[], None]) -> None:
        self.process = process
        self.name = name
        self.greenlet = greenlet(target, scheduler.hub)
        self.ready: Callable[[], bool] | None = None
        self.wakes = 0.0
        self._scheduler = scheduler

    def is_alive(self) -> bool:
        return not self.greenlet.dead

    def join(self, timeout: float | None = None) -> None:
        self._scheduler.wait(lambda: not self.is_alive(), timeout)


@dataclass(eq=False)
class Scheduler:
    """Runs the threads.

    Args:
        seed: Decides.
        only: Numbers of the faults that may happen this time; None: all.
    """

    seed: int
    only: frozenset[int] | None = None
    now: float = 0.0
    is_quiet: bool = False
    """No more faults."""
    faults: list[Fault] = field(default_factory=list)
    trace: deque[str] = field(default_factory=lambda: deque(maxlen=400))
    steps: int = 0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self._of_faults = random.Random(f"faults of {self.seed}")
        self._epoch = MIDNIGHT - self.random.uniform(*_BEFORE_MIDNIGHT_SECONDS)
        self._drawn = 0
        self.hub = getcurrent()
        self._threads: list[Thread] = []
        self._current: Thread | None = None

    def start(self, process: Process, name: str, target: Callable[[], None]) -> Thread:
        """Start a thread. An error that it raises ends the simulation; Killed ends the thread alone."""

        def guarded() -> None:
            with contextlib.suppress(Killed):
                target()

        thread = Thread(self, process, name, guarded)
        self._threads.append(thread)
        return thread

    def happens(self, what: str, probability: float) -> bool:
        """Decide whether a fault happens here."""
        self._drawn += 1
        is_left_out = self.only is not None and self._drawn not in self.only
        if self._of_faults.random() >= probability or self.is_quiet or is_left_out:
            return False
        self.faults.append(Fault(self._drawn, self.now, what))
        self.say(f"FAULT {self._drawn}: {what}")
        return True

    def time(self, clock: WallClock | None = None) -> float:
        """Return the time of day, in seconds since the epoch: by a machine's clock, or the true one."""
        return self._epoch + self.now + (clock.offset if clock else 0.0)

    def say(self, what: str) -> None:
        """Add a line to the history."""
        who = f"{self._current.process.name}/{self._current.name}" if self._current else "world"
        self.trace.append(f"{self.now:9.2f} s  {who}: {what}")

    def wait(self, ready: Callable[[], bool] | None = None, seconds: float | None = None) -> bool:
        """Let others run until something is so or the time is over; tell which.

        Raises:
            Killed: The process of the thread was killed meanwhile.
        """
        thread = self._current
        assert thread is not None, "only threads wait"
        self.require_alive()
        thread.ready, thread.wakes = ready, inf if seconds is None else self.now + seconds
        self.hub.switch()
        self.require_alive()
        return ready is not None and ready()

    def require_alive(self) -> None:
        """Refuse whatever a killed process still tries."""
        if self._current is not None and self._current.process.is_dead:
            raise Killed

    def kill(self, process: Process) -> None:
        """End a process as SIGKILL does; a thread of its own does not return from this."""
        process.is_dead = True
        self.require_alive()

    def freeze(self, process: Process, seconds: float) -> None:
        """Stop a process as SIGSTOP does, and let it go on later."""
        process.frozen_until = self.now + seconds

    def run(self, until: Callable[[], bool], seconds: float) -> bool:
        """Run threads until something is so or so much time has passed; tell which.

        Raises:
            Exception: One that a thread has raised.
        """
        ends = self.now + seconds
        while not until():
            if self.now >= ends:
                return False
            self._step(ends)
        return True

    def end(self) -> None:
        """End all threads, for one that waits keeps its whole world in memory."""
        self.is_quiet = True
        for thread in self._threads:
            thread.process.is_dead = True
        for thread in self._threads:
            self._current = thread
            while thread.is_alive():
                # What is done while it ends is of no world any more.
                with contextlib.suppress(Killed, Exception):
                    thread.greenlet.throw(Killed)
        self._current = None
        self._threads.clear()

    def _step(self, ends: float) -> None:
        now = self.now
        runnable = [
            thread
            for thread in self._threads
            if thread.process.is_dead
            or (
                thread.process.frozen_until <= now
                and (thread.wakes <= now or (thread.ready is not None and thread.ready()))
            )
        ]
        if not runnable:
            wakes = (max(thread.wakes, thread.process.frozen_until) for thread in self._threads)
            thaws = (t.process.frozen_until for t in self._threads if t.process.frozen_until > now)
            self.now = min(ends, min(wakes, default=inf), min(thaws, default=inf))
            return
        thread = self.random.choice(runnable)
        self.steps += 1
        self._current = thread
        try:
            if thread.process.is_dead:
                # From one that has not begun yet it comes out again.
                with contextlib.suppress(Killed):
                    thread.greenlet.throw(Killed)
            else:
                thread.greenlet.switch()
        finally:
            self._current = None
        if not thread.is_alive():
            self._threads.remove(thread)


class Event:
    """What the modules under test use of `threading.Event`."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._is_set = False

    def set(self) -> None:
        self._is_set = True

    def is_set(self) -> bool:
        return self._is_set

    def wait(self, timeout: float | None = None) -> bool:
        self._scheduler.wait(self.is_set, timeout)
        return self._is_set


class Condition:
    """What the modules under test use of `threading.Condition`: no thread is interrupted, so nothing is locked."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._notified = 0

    def __enter__(self) -> bool:
        return True

    def __exit__(self, *_: object) -> None:
        pass

    def notify_all(self) -> None:
        self._notified += 1

    def wait(self, timeout: float | None = None) -> bool:
        before = self._notified
        return self._scheduler.wait(lambda: self._notified > before, timeout)


class Queue:
    """What the modules under test use of `queue.SimpleQueue`."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._items: deque[Any] = deque()

    def put(self, item: Any) -> None:
        self._items.append(item)

    def get(self) -> Any:
        self._scheduler.wait(lambda: bool(self._items))
        return self._items.popleft()


class SimulatedRuntime:
    """The clocks and threads of one process; in place of `beam_jobs.stream.runtime.Runtime`."""

    def __init__(self, scheduler: Scheduler, process: Process) -> None:
        self._scheduler, self._process = scheduler, process

    def now(self) -> float:
        return self._scheduler.time(self._process.clock)

    def monotonic(self) -> float:
        return self._scheduler.now

    def event(self) -> Event:
        return Event(self._scheduler)

    def condition(self) -> Condition:
        return Condition(self._scheduler)

    def queue(self) -> Queue:
        return Queue(self._scheduler)

    def start(self, name: str, target: Callable[[], None]) -> Thread:
        return self._scheduler.start(self._process, name, target)
