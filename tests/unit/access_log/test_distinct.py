"""Columns with many different texts, and what one block leaves to the next."""

from collections.abc import Sequence

import pyarrow as pa

from beam_jobs.access_log import BlockParser, get_format
from beam_jobs.access_log.distinct import _BLOCKS, MAX_TEXTS, MIN_TEXTS, _of_thread

PARSER = BlockParser(get_format("combined"))


def parsed(referers: Sequence[str | None]) -> pa.RecordBatch:
    """The rows of lines that differ in their referers only."""
    lines = [
        f'192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "{referer or "-"}" "curl/7.88.1"\n'
        for referer in referers
    ]
    rows = PARSER.parse("".join(lines).encode()).rows
    assert rows.column("referer").to_pylist() == list(referers)
    return rows


def distinct(rows: pa.RecordBatch, name: str) -> int:
    return len(rows.column(name).dictionary)


def test_each_text_is_there_once() -> None:
    rows = parsed(["https://a.example/", None, "https://b.example/" + "x" * 300, "https://a.example/"])
    assert (distinct(rows, "referer"), distinct(rows, "path"), distinct(rows, "remote_user")) == (2, 1, 0)


def test_texts_that_are_not_as_they_stand_in_the_line_are_numbered_too() -> None:
    lines = b"".join(
        b'192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "%s" "-"\n' % referer
        for referer in (rb"a\"b", b"a", b"\xff", rb"a\"b", b"\\xff", b"a")
    )
    rows = PARSER.parse(lines).rows
    assert rows.column("referer").to_pylist() == ['a"b', "a", "\\xff", 'a"b', "\\xff", "a"]
    assert distinct(rows, "referer") == 3


def test_a_column_in_which_most_texts_are_different() -> None:
    referers = [None if number % 100 == 0 else f"https://{number}.example/" for number in range(2 * MIN_TEXTS)]
    rows = parsed([*referers, "https://1.example/"])
    assert rows.column("referer").null_count == len(referers) // 100 + 1
    assert distinct(rows, "user_agent") == 1
    assert rows.column("browser").to_pylist() == ["curl"] * len(rows)


def test_a_column_with_more_texts_than_are_numbered() -> None:
    parsed([f"https://{number // 2}.example/" for number in range(2 * MAX_TEXTS + 100)])
    parsed([f"https://{number % 9}.example/" for number in range(100)])


def test_no_block_sees_the_texts_of_one_before_however_many_there_were() -> None:
    parsed(["https://a.example/", "https://b.example/"])
    _of_thread.tables.block = _BLOCKS - 2
    for number in range(4):
        rows = parsed([f"https://{number}.example/", "https://a.example/"])
        assert distinct(rows, "referer") == 2
