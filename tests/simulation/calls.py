"""Calls from a process to a service: they take time, fail, and lose their answers; the process may die in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from google.api_core.exceptions import (
    Aborted,
    DeadlineExceeded,
    GoogleAPICallError,
    InternalServerError,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    ServiceUnavailable,
    Unauthenticated,
)

from tests.simulation.scheduler import Process, Scheduler

R = TypeVar("R")
_REFUSALS: tuple[type[GoogleAPICallError], ...] = (
    ServiceUnavailable,
    DeadlineExceeded,
    ResourceExhausted,
    PermissionDenied,
    NotFound,
    InternalServerError,
    Unauthenticated,
    Aborted,
)
_LOST_ANSWERS: tuple[type[GoogleAPICallError], ...] = (ServiceUnavailable, DeadlineExceeded)


class Calls:
    """All calls of the world.

    Args:
        rate: What the probabilities of the faults are multiplied with.
    """

    def __init__(self, scheduler: Scheduler, rate: float) -> None:
        self._scheduler, self._rate = scheduler, rate
        self._down: dict[str, tuple[float, type[GoogleAPICallError]]] = {}

    def make(self, process: Process, name: str, effect: Callable[[], R]) -> R:
        """Make a call.

        Raises:
            GoogleAPICallError: It failed, before or after its effect.
            Killed: The process was killed, before or after the effect.
        """
        draw = self._scheduler.random
        self._travel(process, f"before {name}")
        refusal = draw.choice(_REFUSALS)
        if self._scheduler.happens(f"{name} is refused: {refusal.__name__}", 0.02 * self._rate):
            raise refusal("this once")
        if self._scheduler.happens(f"{name} is refused for a while: {refusal.__name__}", 0.003 * self._rate):
            self.refuse(name, draw.uniform(1, 90), refusal)
        until, refused = self._down.get(name, (0.0, refusal))
        if self._scheduler.now < until and not self._scheduler.is_quiet:
            raise refused("for a while")
        answer = effect()
        self._scheduler.say(name)
        self._travel(process, f"after {name}")
        lost = draw.choice(_LOST_ANSWERS)
        if self._scheduler.happens(f"the answer to {name} is lost: {lost.__name__}", 0.02 * self._rate):
            raise lost("the answer is lost")
        return answer

    def refuse(self, name: str, seconds: float, refusal: type[GoogleAPICallError]) -> None:
        """Let the calls of a name fail for some time."""
        self._down[name] = (self._scheduler.now + seconds, refusal)

    def _travel(self, process: Process, when: str) -> None:
        if self._scheduler.happens(f"{process.name} is killed {when}", 0.004 * self._rate):
            self._scheduler.kill(process)
        if self._scheduler.happens(f"{process.name} is frozen {when}", 0.003 * self._rate):
            self._scheduler.freeze(process, self._scheduler.random.uniform(0.5, 60))
        seconds = self._scheduler.random.expovariate(1 / 0.02)
        if self._scheduler.happens(f"slow {when}", 0.01 * self._rate):
            seconds = self._scheduler.random.uniform(1, 40)
        self._scheduler.wait(seconds=seconds)
