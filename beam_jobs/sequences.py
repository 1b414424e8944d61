"""Sequences cut into chunks of a good size, or halved until the items at fault stand alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def chunks_of(
    items: Iterable[T], size_of: Callable[[T], int], *, most_bytes: int, most_items: int | None = None
) -> Iterator[list[T]]:
    """Cut items into chunks; one ends with the item that reaches `most_bytes` or `most_items`."""
    chunk: list[T] = []
    size = 0
    for item in items:
        chunk.append(item)
        size += size_of(item)
        if size >= most_bytes or len(chunk) == most_items:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def bisect(
    items: Sequence[T],
    work: Callable[[Sequence[T]], R],
    faults: type[Exception] | tuple[type[Exception], ...],
    alone: Callable[[T, Exception], R],
) -> Iterator[R]:
    """Work on all items at once, or on halves of them until those at fault stand alone.

    Args:
        items: at least one.
        work: handles some items, all or nothing.
        faults: errors of `work` that an item may have caused; a `MemoryError` never counts as one.
        alone: handles the error of a single item.

    Yields:
        The results, in the order of the items.
    """
    try:
        result = work(items)
    except MemoryError:
        raise
    except faults as error:
        if len(items) > 1:
            middle = len(items) // 2
            yield from bisect(items[:middle], work, faults, alone)
            yield from bisect(items[middle:], work, faults, alone)
            return
        result = alone(items[0], error)
    yield result
