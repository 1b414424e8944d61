"""A second thread makes what the first takes: in order, errors included, and no thread is left behind."""

import itertools
import threading
from collections.abc import Iterator

import pytest

from beam_jobs.access_log.reading.prefetch import ReadAhead


def _fails() -> Iterator[int]:
    yield 1
    raise ValueError("broken")


def test_items_come_in_order() -> None:
    with ReadAhead(iter(range(1000)), 3) as items:
        assert list(items) == list(range(1000))


def test_another_thread_makes_them() -> None:
    with ReadAhead((threading.get_ident() for _ in range(2)), 2) as items:
        assert threading.get_ident() not in set(items)


def test_an_error_comes_up_behind_the_items_before_it() -> None:
    with ReadAhead(_fails(), 5) as items:
        assert next(items) == 1
        with pytest.raises(ValueError, match="broken"):
            next(items)


def test_who_stops_early_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    with ReadAhead(itertools.count(), 2) as items:
        assert next(items) == 0
    assert set(threading.enumerate()) <= before
