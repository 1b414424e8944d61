"""An iterator run by a second thread, for work that releases the interpreter lock: reading and decompressing."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic, TypeVar

_Item = TypeVar("_Item")
_END: Any = object()


class ReadAhead(Generic[_Item]):
    """The items of an iterator, made by a second thread up to `held` of them before they are asked for.

    Use it as a context manager: leaving it stops the thread, whatever has been taken. An error of the iterator comes
    up where its item would have.
    """

    def __init__(self, items: Iterator[_Item], held: int) -> None:
        self._items = items
        self._held = held
        self._thread = ThreadPoolExecutor(1, "read-ahead")

    def __enter__(self) -> Iterator[_Item]:
        return self._take()

    def __exit__(self, *_exception: object) -> None:
        self._thread.shutdown(cancel_futures=True)

    def _take(self) -> Iterator[_Item]:
        ahead = deque(self._thread.submit(next, self._items, _END) for _ in range(self._held))
        while (item := ahead.popleft().result()) is not _END:
            ahead.append(self._thread.submit(next, self._items, _END))
            yield item
