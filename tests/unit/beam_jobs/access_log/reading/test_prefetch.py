"""A second thread makes what the first takes: in order, errors included, and no thread is left behind."""

import itertools
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_jobs.access_log.reading.prefetch import LargeRanges, ReadAhead
from beam_jobs.access_log.reading.range_file import RangeFile
from local_stack.waiting import wait_for


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


CONTENT = bytes(range(256)) * 4


class Requests:
    """A reader of `CONTENT` that keeps what it is asked for."""

    def __init__(self, content: bytes = CONTENT) -> None:
        self.content = content
        self.ranges: list[tuple[int, int]] = []

    def __call__(self, start: int, end: int) -> bytes:
        self.ranges.append((start, end))
        return self.content[start:end]


@given(
    st.integers(1, 2000),
    st.lists(st.tuples(st.integers(0, 1100), st.integers(0, 1100)).map(sorted).map(tuple), max_size=9),
)
def test_any_ranges_of_large_ranges_are_those_of_the_object(range_bytes: int, asked: list[tuple[int, int]]) -> None:
    with LargeRanges(Requests(), len(CONTENT), range_bytes) as read:
        for start, end in asked:
            assert read(start, end) == CONTENT[start:end]


def test_an_object_is_read_once_in_large_requests_one_ahead() -> None:
    requests = Requests()
    with LargeRanges(requests, len(CONTENT), 300) as read:
        assert b"".join(read(start, start + 10) for start in range(0, 300, 10)) == CONTENT[:300]
        wait_for(lambda: (300, 600) in requests.ranges, seconds=60, what="the next range, before it is asked for")
        ahead = list(requests.ranges)
        assert b"".join(read(start, start + 10) for start in range(300, 1024, 10)) == CONTENT[300:]
    assert ahead[0] == (0, 300)
    assert (600, 900) not in ahead
    assert requests.ranges == [(0, 300), (300, 600), (600, 900), (900, 1024)]


def test_a_zip_file_is_read_from_its_end_in_large_requests(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "zip", "w") as archive:
        archive.writestr("x.log", b"x" * 10_000)
    requests = Requests((tmp_path / "zip").read_bytes())
    with LargeRanges(requests, len(requests.content), 3000) as read:
        file = RangeFile(read, len(requests.content))
        with zipfile.ZipFile(cast(IO[bytes], file)) as archive:
            assert archive.read("x.log") == b"x" * 10_000
    assert len(requests.ranges) <= 6


def test_an_error_of_a_request_comes_up_where_its_bytes_are_asked_for() -> None:
    def fails(start: int, end: int) -> bytes:
        if start:
            raise ValueError("broken")
        return CONTENT[start:end]

    with LargeRanges(fails, len(CONTENT), 100) as read:
        assert read(0, 100) == CONTENT[:100]
        with pytest.raises(ValueError, match="broken"):
            read(99, 101)


def test_large_ranges_leave_no_thread() -> None:
    before = set(threading.enumerate())
    with LargeRanges(Requests(), len(CONTENT), 100) as read:
        read(0, 1)
    assert set(threading.enumerate()) <= before
