"""An iterator run by a second thread, for work that releases the interpreter lock: reading and decompressing."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Generic, TypeVar

_Item = TypeVar("_Item")
_LOOK_SECONDS = 0.1  # between checks whether anybody still wants what is read


class ReadAhead(Generic[_Item]):
    """The items of an iterator, made by a second thread up to `held` of them before they are asked for.

    Use it as a context manager: leaving it stops the thread, whatever has been taken. An error of the iterator comes
    up where its item would have.
    """

    def __init__(self, items: Iterator[_Item], held: int) -> None:
        self._items = items
        self._made: queue.Queue[tuple[_Item] | BaseException | None] = queue.Queue(held)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._make, name="read-ahead", daemon=True)

    def __enter__(self) -> Iterator[_Item]:
        self._thread.start()
        return self._take()

    def __exit__(self, *_exception: object) -> None:
        self._stop.set()
        self._thread.join()

    def _take(self) -> Iterator[_Item]:
        while (made := self._made.get()) is not None:
            if isinstance(made, BaseException):
                raise made
            yield made[0]

    def _make(self) -> None:
        try:
            for item in self._items:
                if not self._put((item,)):
                    return
            self._put(None)
        except BaseException as error:  # noqa: BLE001 - it is raised again where the items are taken
            self._put(error)

    def _put(self, made: tuple[_Item] | BaseException | None) -> bool:
        while not self._stop.is_set():
            try:
                self._made.put(made, timeout=_LOOK_SECONDS)
            except queue.Full:
                continue
            return True
        return False
