"""The clocks and threads of the process that streams, all of them: a simulation puts its own in their place."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable


class Runtime:
    """Those of the operating system."""

    def now(self) -> float:
        """Return the time of day, in seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Return the seconds of a clock that nobody sets."""
        return time.monotonic()

    def event(self) -> threading.Event:
        """Make an event."""
        return threading.Event()

    def condition(self) -> threading.Condition:
        """Make a condition."""
        return threading.Condition()

    def queue(self) -> queue.SimpleQueue:  # type: ignore[type-arg]
        """Make a queue without bound."""
        return queue.SimpleQueue()

    def start(self, name: str, target: Callable[[], None]) -> threading.Thread:
        """Start a thread, which does not keep the process alive."""
        thread = threading.Thread(target=target, name=name, daemon=True)
        thread.start()
        return thread
