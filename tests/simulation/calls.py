"""Calls from a process to a service: they take time, fail, and lose their answers; the process may die in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from google.api_core.exceptions import DeadlineExceeded, GoogleAPICallError, ServiceUnavailable

from tests.simulation.scheduler import Process, Scheduler

R = TypeVar("R")
_REFUSED: tuple[GoogleAPICallError, ...] = (ServiceUnavailable("try again"), DeadlineExceeded("too late"))


class Calls:
    """All calls of the world.

    Args:
        rate: What the probabilities of the faults are multiplied with.
    """

    def __init__(self, scheduler: Scheduler, rate: float) -> None:
        self._scheduler, self._rate = scheduler, rate
        self._down_until: dict[str, float] = {}

    def make(self, process: Process, name: str, effect: Callable[[], R]) -> R:
        """Make a call.

        Raises:
            GoogleAPICallError: It failed, before or after its effect.
            Killed: The process was killed, before or after the effect.
        """
        self._travel(process, f"before {name}")
        if self._scheduler.happens(f"{name} fails", 0.02 * self._rate):
            raise self._scheduler.random.choice(_REFUSED)
        if self._scheduler.happens(f"{name} is out of order for a while", 0.003 * self._rate):
            self.fail(name, self._scheduler.random.uniform(1, 90))
        if self._scheduler.now < self._down_until.get(name, 0.0) and not self._scheduler.is_quiet:
            raise ServiceUnavailable("out of order")
        answer = effect()
        self._scheduler.say(name)
        self._travel(process, f"after {name}")
        if self._scheduler.happens(f"the answer to {name} is lost", 0.02 * self._rate):
            raise ServiceUnavailable("connection reset")
        return answer

    def fail(self, name: str, seconds: float) -> None:
        """Let the calls of a name fail for some time."""
        self._down_until[name] = self._scheduler.now + seconds

    def _travel(self, process: Process, when: str) -> None:
        if self._scheduler.happens(f"{process.name} is killed {when}", 0.004 * self._rate):
            self._scheduler.kill(process)
        if self._scheduler.happens(f"{process.name} is frozen {when}", 0.003 * self._rate):
            self._scheduler.freeze(process, self._scheduler.random.uniform(0.5, 60))
        seconds = self._scheduler.random.expovariate(1 / 0.02)
        if self._scheduler.happens(f"slow {when}", 0.01 * self._rate):
            seconds = self._scheduler.random.uniform(1, 40)
        self._scheduler.wait(seconds=seconds)
