"""Share one answer among all who ask the same thing within a few seconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from math import inf
from typing import Any

# How long a failure, or the answer that there is nothing yet, is handed out at most.
SOON_SECONDS = 5.0


class SharedResults:
    """Keep results, and failures, for some seconds; callers share a fetch that is under way.

    To be used within one event loop.

    Args:
        seconds: how long a result is handed out after it came.
        clock: seconds that only grow.
        is_something: False for a result that says there is nothing yet, which may change soon.
    """

    def __init__(
        self,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
        is_something: Callable[[Any], bool] = lambda _: True,
    ) -> None:
        self._seconds = seconds
        self._is_something = is_something
        self._clock = clock
        self._entries: dict[Hashable, _Entry] = {}

    async def get(self, key: Hashable, fetch: Callable[[], Awaitable[Any]]) -> Any:
        """Return the result of `fetch` for `key`: a recent one, the one that is being fetched, or a new one.

        Raises:
            Exception: what `fetch` raised.
        """
        now = self._clock()
        self._entries = {name: entry for name, entry in self._entries.items() if entry.until > now}
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = _Entry(asyncio.ensure_future(self._fetched(key, fetch)))
        # A caller that leaves must not cancel the fetch for the others.
        return await asyncio.shield(entry.result)

    async def _fetched(self, key: Hashable, fetch: Callable[[], Awaitable[Any]]) -> Any:
        seconds = min(self._seconds, SOON_SECONDS)
        try:
            result = await fetch()
            if self._is_something(result):
                seconds = self._seconds
            return result
        finally:
            self._entries[key].until = self._clock() + seconds


@dataclass
class _Entry:
    result: asyncio.Future[Any]
    until: float = inf
