"""What a task asks of the services, and what happens to it between two of these requests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from unittest.mock import patch
from urllib.parse import quote

import requests

T = TypeVar("T")
BEFORE, AFTER = "before", "after"


class Killed(BaseException):
    """The process is gone: no code of a task may catch it, and nothing that it asks from now on is sent."""


class JobKilledError(OSError):
    """The process of a Dataflow job is gone; an OSError, for Beam does not end well with others in its threads."""


@dataclass
class Interruption:
    """What happens at one of the requests that change something.

    Attributes:
        at: which of them, from 0.
        kill: whether the process is killed there: `before` the request is sent, `after` it, or not at all.
        meanwhile: what happens elsewhere before it is sent.
    """

    at: int
    kill: str = ""
    meanwhile: Callable[[], None] | None = None


@dataclass
class _Watch:
    interruption: Interruption | None
    killed_by: Callable[[], BaseException]
    seen: int = 0
    is_dead: bool = False
    lock: Any = field(default_factory=threading.RLock)


class RequestsMade:
    """Counts requests of the one process that is at work, and interrupts it.

    Attributes:
        refused: name of an object that Cloud Storage does not give; empty for none.
    """

    def __init__(self) -> None:
        self.refused = ""
        self._watch: _Watch | None = None
        self._send = requests.adapters.HTTPAdapter.send

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Look at every request of this process."""
        made = self

        def send(adapter: Any, request: requests.PreparedRequest, **options: Any) -> requests.Response:
            return made._sent(adapter, request, options)

        with patch.object(requests.adapters.HTTPAdapter, "send", send):
            yield

    @contextmanager
    def process(self, interruption: Interruption | None, *, is_job: bool = False) -> Iterator[_Watch]:
        """What is run inside is a process of its own."""
        outer, self._watch = self._watch, _Watch(interruption, JobKilledError if is_job else Killed)
        try:
            yield self._watch
        finally:
            self._watch = outer

    @contextmanager
    def elsewhere(self) -> Iterator[None]:
        """What is run inside is no part of the process at work."""
        outer, self._watch = self._watch, None
        try:
            yield
        finally:
            self._watch = outer

    def make(self, send: Callable[[], T]) -> T:
        """Make a request that changes something, unless the process is killed here."""
        watch = self._watch
        if watch is None:
            return send()
        with watch.lock:
            if watch.is_dead:
                raise watch.killed_by()
            here, watch.seen = watch.seen, watch.seen + 1
            interruption = watch.interruption
            if interruption is None or here != interruption.at:
                return send()
            if interruption.meanwhile:
                with self.elsewhere():
                    interruption.meanwhile()
            answer = send() if interruption.kill != BEFORE else None
            if interruption.kill or answer is None:
                watch.is_dead = True
                raise watch.killed_by()
            return answer

    def _sent(self, adapter: Any, request: requests.PreparedRequest, options: dict[str, Any]) -> requests.Response:
        if request.method != "GET":
            return self.make(lambda: self._send(adapter, request, **options))
        if self._watch is not None and self._watch.is_dead:
            raise self._watch.killed_by()
        if self.refused and f"{quote(self.refused, safe='')}?" in str(request.url) and "alt=media" in str(request.url):
            raise PermissionError("403 the caller does not have storage.objects.get access")
        return self._send(adapter, request, **options)
