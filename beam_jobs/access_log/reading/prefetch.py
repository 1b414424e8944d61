"""Work of a second thread that releases the interpreter lock: reading and decompressing, ahead of who needs it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, Generic, TypeVar

from beam_jobs.access_log.reading.line_blocks import RangeReader

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


class LargeRanges:
    """Reads an object in large ranges, each while the one before is used, whatever is asked for at a time.

    Use it as a context manager, and call it as a `RangeReader`: leaving it stops the thread.

    Args:
        read: Reads a range of the object.
        size: The bytes of the object.
        range_bytes: How many of them are read at once; two ranges are held at most.
    """

    def __init__(self, read: RangeReader, size: int, range_bytes: int) -> None:
        self._read = read
        self._size = size
        self._range_bytes = range_bytes
        self._ranges: dict[int, Future[bytes]] = {}
        self._thread = ThreadPoolExecutor(1, "large-ranges")

    def __enter__(self) -> LargeRanges:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._thread.shutdown(cancel_futures=True)

    def __call__(self, start: int, end: int) -> bytes:
        """Return the bytes [start, end), fewer only where the object ends earlier."""
        pieces = []
        while start < min(end, self._size):
            number = start // self._range_bytes
            first = number * self._range_bytes
            piece = self._range(number)[start - first : end - first]
            pieces.append(piece)
            start += len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _range(self, number: int) -> bytes:
        wanted = [one for one in (number, number + 1) if one * self._range_bytes < self._size]
        for one in self._ranges.keys() - set(wanted):
            self._ranges.pop(one).cancel()
        for one in wanted:
            if one not in self._ranges:
                first = one * self._range_bytes
                last = min(first + self._range_bytes, self._size)
                self._ranges[one] = self._thread.submit(self._read, first, last)
        return self._ranges[number].result()
