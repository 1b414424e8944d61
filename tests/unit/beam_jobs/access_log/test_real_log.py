"""A real log, 10,000 lines of a public site; its facts were counted with awk, sort and uniq."""

from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from beam_jobs.access_log import BlockParser, ParsedBlock, detect_format
from tests.unit.beam_jobs.access_log.oracle import assert_parsed_as, expected_block

NAME = "semicomplete-2015-05.access.log"


@pytest.fixture(scope="module")
def log(real_logs: Path) -> bytes:
    return (real_logs / NAME).read_bytes()


@pytest.fixture(scope="module")
def parsed(log: bytes) -> ParsedBlock:
    return BlockParser(detect_format(log)).parse(log)


def test_every_line_is_accounted_for(log: bytes, parsed: ParsedBlock) -> None:
    assert detect_format(log).name == "combined"
    assert (parsed.lines, parsed.rows.num_rows, parsed.rejected.num_rows, parsed.blank) == (10_000, 9_999, 1, 0)
    (rejected,) = parsed.rejected.to_pylist()
    assert rejected["error_type"] == "not_matching_format"
    assert rejected["raw_line"].startswith(b"46.118.127.106 - - [20/May/2015:12:05:17 +0000]")
    assert rejected["error_message"] == ("not a combined line: no '\"' ends the user_agent that begins at byte 111")
    start = rejected["source_offset"]
    assert log[start : start + len(rejected["raw_line"])] == rejected["raw_line"]


def test_counts(parsed: ParsedBlock) -> None:
    # The rejected line is of 20 May and has status 200 and a byte count.
    assert Counter(parsed.rows.column("log_date").to_pylist()) == {
        date(2015, 5, 17): 1632,
        date(2015, 5, 18): 2893,
        date(2015, 5, 19): 2896,
        date(2015, 5, 20): 2578,
    }
    assert Counter(parsed.rows.column("status").to_pylist()) == {
        200: 9125, 304: 445, 404: 213, 301: 164, 206: 45, 500: 3, 416: 2, 403: 2,
    }  # fmt: skip
    assert parsed.rows.column("body_bytes_sent").null_count == 669
    assert len(set(parsed.rows.column("remote_addr").to_pylist())) == 1753
    hashes = Counter(parsed.rows.column("raw_line_hash").to_pylist())
    assert sum(count > 1 for count in hashes.values()) == 17


def test_compiled_path_agrees_with_reference(log: bytes, parsed: ParsedBlock) -> None:
    assert_parsed_as(parsed, expected_block(detect_format(log), log))
