"""Small objects together give the rows, rejected lines and counts that each gives alone."""

import bz2
import gzip
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from beam_jobs.backfill import small_objects
from beam_jobs.backfill.options import BackfillSettings, parse_backfill_options
from beam_jobs.backfill.parse_blocks import _ParseTask
from beam_jobs.backfill.small_objects import (
    MAX_OBJECTS,
    LargerObject,
    SmallObject,
    SmallObjects,
    blocks_of,
    open_small,
    pack,
)
from beam_jobs.backfill.source_blocks import plan_blocks
from beam_jobs.options.anonymisation import AnonymisingSettings
from beam_jobs.output.manifest import RunInfo
from beam_jobs.output.records import SourceFailed, SourceRecord, SourceSummary
from beam_jobs.storage.files import list_objects
from beam_jobs.storage.objects import InputError, StoredObject

GIVEN, _ = parse_backfill_options(["--source=unused", "--output=unused", "--run_id=unused"])
COMMON = b'192.0.2.1 - - [17/May/2015:23:59:59 +0000] "GET /a?token=x HTTP/1.1" 200 5\n'
COMBINED = b'192.0.2.7 - - [18/May/2015:00:00:01 +0000] "GET /b HTTP/1.1" 404 - "http://a/" "curl/8"\n'
CRI = b"2026-03-07T09:15:01.5Z stdout "
LINES = (
    COMMON,
    COMMON.replace(b"\n", b"\r\n"),
    COMBINED,
    b'192.0.2.1 - - [17/May/2015:10:05:03] "GET /a HTTP/1.1" [200] 5 "http://a/" "curl/8"\n',
    b"spoilt\n",
    b"\n",
    b" \t\r\n",
    b"x" * 1500 + b"\n",
    b"\xef\xbb\xbf" + COMMON,
    CRI + b"F " + COMMON,
    CRI + b"P " + COMMON[:40] + b"\n",
    CRI + b"F " + COMMON[40:],
    b"web-1  | " + COMMON,
    b"#Fields: date time c-ip cs-method cs-uri-stem sc-status\n",
    b"2015-05-17 10:05:03 192.0.2.1 GET /c 200\n",
    b"# a comment\n",
    b'{"ClientHost":"192.0.2.1","DownstreamStatus":200,"RequestMethod":"GET","RequestPath":"/a","StartUTC":'
    b'"2020-01-01T10:00:00Z"}\n',
)
WRAPPED = {
    "plain": bytes,
    "cut": lambda content: content[:-3],
    "gzip": lambda content: gzip.compress(content, mtime=0),
    "followed": lambda content: gzip.compress(content, mtime=0) + b"rubbish",
    "bzip2": bz2.compress,
    "truncated": lambda content: gzip.compress(content, mtime=0)[:-9],
    "damaged": lambda content: gzip.compress(content, mtime=0)[:-8] + b"12345678",
    "twice": lambda content: gzip.compress(gzip.compress(content)),
    "binary": lambda content: bytes(range(256)) + content,
}
MORE_THAN_A_CONTENT = 50_000


def contents_of(lines: Sequence[bytes]) -> st.SearchStrategy[list[bytes]]:
    content = st.builds(
        lambda wrapped, lines: WRAPPED[wrapped](b"".join(line * times for line, times in lines)),
        st.sampled_from(sorted(WRAPPED)),
        st.lists(st.tuples(st.sampled_from(lines), st.integers(1, 5)), max_size=4),
    )
    return st.lists(content, min_size=1, max_size=12)


def contents_and_block_bytes() -> st.SearchStrategy[tuple[list[bytes], int]]:
    """Parts of a line are joined inside a block, so where there are any, no block ends within a content."""
    whole = [line for line in LINES if not line.startswith(CRI + b"P ")]
    return st.tuples(contents_of(LINES), st.just(MORE_THAN_A_CONTENT)) | st.tuples(
        contents_of(whole), st.integers(200, 5000)
    )


def stored(folder: Path, contents: Sequence[bytes]) -> list[StoredObject]:
    for number, content in enumerate(contents):
        (folder / f"{number:04d}.log").write_bytes(content)
    return list_objects(f"{folder}/*.log")


def read(
    tasks: Sequence[object], planned: Sequence[tuple[str, SourceRecord]], given: BackfillSettings, output: Path
) -> tuple[dict[str, object], *tuple[dict[str, list[Any]], ...]]:
    """Let the step parse elements; each object's summary or errors, its rows and its rejected lines, in order."""
    run = RunInfo("run", "job", None, "source", str(output), "1", datetime(2026, 11, 22, tzinfo=UTC))
    step = _ParseTask(given, run)
    step.setup()
    step.start_bundle()
    records = [*planned, *(record for task in tasks for record in step.process(task))]
    records += [windowed.value for windowed in step.finish_bundle()]
    step.teardown()
    summaries = [
        SourceSummary.of(uri, [record for of_uri, record in records if of_uri == uri])
        for uri in sorted({uri for uri, _ in records})
    ]
    whole = [summary for summary in summaries if not summary.failures]
    found = {
        summary.source_uri: summary.failures or replace(summary, rows_files=[], rejected_files=[], warnings=[])
        for summary in summaries
    }
    rows = by_object({name for summary in whole for name in summary.rows_files})
    return found, rows, by_object({name for summary in whole for name in summary.rejected_files})


def by_object(files: Collection[str]) -> dict[str, list[Any]]:
    """Return the lines of each object, those of one file in the order of the file."""
    lines: dict[str, list[Any]] = {}
    # The blocks of an object have names in the order of the blocks.
    for name in sorted(files):
        for line in pq.read_table(name).to_pylist():
            line.pop("reading", None)  # of each run another one
            lines.setdefault(line["source_uri"], []).append(line)
    return lines


def check(contents: Sequence[bytes], given: BackfillSettings) -> None:
    with tempfile.TemporaryDirectory() as folder:
        objects = stored(Path(folder), contents)
        alone = []
        planned: list[tuple[str, SourceRecord]] = []
        for one in objects:
            try:
                found, tasks = plan_blocks(one, given)
                planned.append((one.uri, found))
                alone += tasks
            except InputError as error:
                planned.append((one.uri, SourceFailed.of(one, error)))
        expected, rows, rejected = read(alone, planned, given, Path(folder, "alone"))
        packed = list(pack(objects, 1 << 24))
        assert all(isinstance(task, SmallObjects) for task in packed)
        assert read(packed, [], given, Path(folder, "together")) == (expected, rows, rejected)


@given(contents_and_block_bytes(), st.sampled_from(["auto", "common", "combined+common"]), st.booleans())
@example(([COMMON + CRI + b"P " + COMMON[:40] + b"\n", CRI + b"F " + COMMON[40:] + COMMON], 5000), "common", False)
@example(([COMMON[:-1], COMMON[:-1] + b"\r", b"", b"\n", COMMON], 5000), "auto", False)
@example(([LINES[13] + LINES[14], LINES[14], LINES[13] + LINES[14]], 5000), "auto", False)
@example(([gzip.compress(COMMON * 200), COMMON * 3], 5000), "auto", True)
@example(([gzip.compress(b"x" * 1500 + b"\n", mtime=0)[:-9]], 200), "auto", False)
@settings(max_examples=60)
def test_objects_together_give_what_each_gives_alone(
    contents_and_block: tuple[list[bytes], int], log_format: str, anonymised: bool
) -> None:
    contents, block_bytes = contents_and_block
    given = replace(
        GIVEN,
        block_bytes=block_bytes,
        max_line_bytes=1000,
        log_format=log_format,
        anonymising=AnonymisingSettings("truncate" if anonymised else "none", "", anonymised),
    )
    check(contents, given)


def sized(*sizes: tuple[str, int]) -> list[StoredObject]:
    return [StoredObject(uri, 1, size) for uri, size in sizes]


def test_objects_are_packed_up_to_a_block_by_what_they_are_likely_to_hold() -> None:
    objects = sized(
        ("/1.log", 40), ("/2.log", 101), ("/3.log.gz", 12), ("/4.LOG.GZ", 21), ("/5.log", 0), ("/6.log", 100)
    )
    assert list(pack(objects, 100)) == [
        objects[1],
        objects[3],
        SmallObjects((objects[0], objects[2])),
        SmallObjects((objects[4], objects[5])),
    ]


def test_no_element_has_more_than_a_thousand_objects() -> None:
    objects = [StoredObject(f"/{number}", 1, 1) for number in range(2 * MAX_OBJECTS + 1)]
    packed = [task for task in pack(objects, 1 << 24) if isinstance(task, SmallObjects)]
    assert [len(task.objects) for task in packed] == [MAX_OBJECTS, MAX_OBJECTS, 1]
    assert [stored for task in packed for stored in task.objects] == objects


@pytest.mark.parametrize("content", [gzip.compress(COMMON * 1000), bz2.compress(COMMON * 1000)])
def test_an_object_that_holds_more_than_a_block_is_read_in_blocks(content: bytes) -> None:
    source = StoredObject("/logs/a.log", 1, len(content))
    opened = open_small(source, content, replace(GIVEN, block_bytes=10_000))
    assert isinstance(opened, LargerObject)
    assert (opened.task.start, opened.task.end, opened.found.log_format) == (0, len(content), "common")
    whole = open_small(source, content, replace(GIVEN, block_bytes=len(COMMON) * 1000))
    assert isinstance(whole, SmallObject)
    assert (whole.lines, len(whole.content)) == (1000, len(COMMON) * 1000)


def test_very_short_lines_are_not_together_in_one_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small_objects, "MAX_LINES", 10)
    opened = [
        open_small(StoredObject(f"/{number}", 1, lines), b"\n" * lines, GIVEN)
        for number, lines in enumerate((4, 6, 1, 11))
    ]
    *small, larger = opened
    assert isinstance(larger, LargerObject)
    blocks = blocks_of([one for one in small if isinstance(one, SmallObject)], 1000)
    assert [[one.lines for one in block] for block in blocks] == [[4, 6], [1]]


def test_a_retry_writes_the_same_files_and_an_object_that_is_gone_another(tmp_path: Path) -> None:
    objects = stored(tmp_path, [COMMON, COMBINED * 2 + b"spoilt\n", gzip.compress(COMMON)])
    packed = [SmallObjects(tuple(objects))]

    def written() -> dict[str, bytes]:
        read(packed, [], GIVEN, tmp_path / "out")
        return {str(path): path.read_bytes() for path in (tmp_path / "out").rglob("*.parquet")}

    first = written()
    assert len(first) == 2
    assert written() == first
    Path(objects[0].uri).unlink()
    assert len(written()) == 4


def test_the_objects_of_a_file_are_those_that_could_be_read(tmp_path: Path) -> None:
    objects = stored(tmp_path, [COMMON, gzip.compress(COMMON * 9)[:-9], COMMON * 2])
    found, rows, rejected = read([SmallObjects(tuple(objects))], [], GIVEN, tmp_path / "out")
    assert {uri: len(lines) for uri, lines in rows.items()} == {objects[0].uri: 1, objects[2].uri: 2}
    assert rejected == {}
    assert isinstance(found[objects[1].uri], list)
    (file,) = (tmp_path / "out" / "rows").iterdir()
    assert pq.read_metadata(file).num_rows == 3
