from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import mmh3
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from beam_jobs.access_log import BlockParser, ParsedBlock, get_format
from beam_jobs.access_log.framing import unframed, without_compose
from beam_jobs.output.identity import REJECTED_SCHEMA, ROWS_SCHEMA
from beam_jobs.stream.messages import (
    CHUNK_BYTES,
    CHUNK_MESSAGES,
    DAYS_AHEAD,
    DAYS_BACK,
    STREAMED_SCHEMA,
    Message,
    ParsedMessages,
    StreamCounts,
    chunks_of_messages,
    parse_each,
    parse_messages,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
URI = "projects/p/subscriptions/s"
GOOD = b'192.0.2.1 - - [22/Nov/2026:10:05:03] "GET /a?b HTTP/1.1" [200] 523 "http://example.com/" "curl/8.0"'
PARSER = BlockParser(get_format("article"))


def parse(*messages: Message) -> ParsedMessages:
    return parse_messages(messages, PARSER, URI, NOW)


def ids(batch: Any) -> list[str]:
    return batch.column("event_id").to_pylist()


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\r"])
def test_a_message_is_one_line_with_or_without_its_end(end: bytes) -> None:
    parsed = parse(Message(GOOD + end, "17", "", 5.0), Message(b"bad" + end, "18", "mine"))
    assert ids(parsed.rows) == ["17"]
    assert ids(parsed.rejected) == ["mine"]
    assert parsed.rejected.column("raw_line").to_pylist() == [b"bad"]
    assert parsed.rows.column("raw_line_hash") == PARSER.parse(GOOD).rows.column("raw_line_hash").cast("binary")
    size = len(GOOD) + 3 + 2 * len(end)
    assert parsed.counts == StreamCounts(messages=2, lines=2, rows=1, rejected=1, bytes=size)
    assert parsed.oldest_publish_time == 5.0


def test_several_lines_of_a_message_are_numbered() -> None:
    parsed = parse(Message(GOOD + b"\nbad\n\n" + GOOD + b"\n", "17"), Message(b"worse", "18"), Message(b"\n\n", "19"))
    assert ids(parsed.rows) == ["17:1", "17:4"]
    assert ids(parsed.rejected) == ["17:2", "18"]
    assert parsed.counts.lines == 7
    assert parsed.counts.blank == 3


def test_an_empty_message_is_one_blank_line() -> None:
    assert parse(Message(b"", "1"), Message(b"\n", "2"), Message(b" ", "3")).counts == StreamCounts(
        messages=3, lines=3, blank=3, bytes=2
    )


def test_columns_are_those_of_the_tables() -> None:
    parsed = parse(Message(GOOD, "1"), Message(b"bad", "2"))
    assert parsed.rows.schema == STREAMED_SCHEMA
    assert STREAMED_SCHEMA.names == ROWS_SCHEMA.names
    assert parsed.rejected.schema == REJECTED_SCHEMA
    row = parsed.rows.to_pylist()[0]
    assert (row["source"], row["source_uri"], row["source_offset"]) == ("stream", URI, None)
    assert row["ingested_at"] == NOW
    assert parsed.oldest_event_time == datetime(2026, 11, 22, 10, 5, 3, tzinfo=UTC).timestamp()
    assert parse(Message(b"bad", "2")).oldest_event_time is None


PIECES = st.sampled_from([GOOD, b"bad", b"\n", b"\r", b"\r\n", b" ", b"", b"\x00\xff", b'"'])
DATA = st.one_of(st.binary(max_size=40), st.lists(PIECES, max_size=6).map(b"".join))


@given(st.lists(DATA, max_size=12))
@example([b"-|", b"a|", b"web-1  | ", b"\xef\xbb\xbf"])
def test_any_bytes_add_up_and_no_line_changes_its_owner(data: list[bytes]) -> None:
    parsed = parse(*(Message(one, str(number)) for number, one in enumerate(data)))
    counts = parsed.counts
    assert counts.lines == counts.rows + counts.rejected + counts.blank
    assert counts.messages == len(data)
    owners: dict[str, bytes] = {}
    for number, one in enumerate(data):
        lines = one.removesuffix(b"\n").split(b"\n")
        for place, line in enumerate(lines, start=1):
            owners[str(number) if len(lines) == 1 else f"{number}:{place}"] = line.removesuffix(b"\r")
    assert counts.lines == len(owners)
    landed = ids(parsed.rows) + ids(parsed.rejected)
    assert len(set(landed)) == len(landed)
    rejected = zip(ids(parsed.rejected), parsed.rejected.column("raw_line").to_pylist(), strict=True)
    assert all(owners[event_id] == line for event_id, line in rejected)
    rows = zip(ids(parsed.rows), parsed.rows.column("raw_line_hash").to_pylist(), strict=True)
    assert all(mmh3.hash_bytes(owners[event_id]) == known for event_id, known in rows)
    blank = owners.keys() - set(landed)
    assert all(not inside_frames(owners[event_id]).strip(b" \t") for event_id in blank)
    assert not {b"-|", b"a|"} & {owners[event_id] for event_id in blank}, "no name of a service"


def inside_frames(line: bytes) -> bytes:
    framed = unframed(line) or without_compose(line)
    return framed.content if framed else line


def test_refused_rows_become_rejected_lines_with_their_bytes() -> None:
    other = GOOD.replace(b"/a?b", b"/other")
    parsed = parse(Message(GOOD, "1"), Message(b"bad", "2"), Message(other + b"\r\n", "3", "mine"))
    refused = parsed.refuse([(1, "too old")])
    assert refused.schema == REJECTED_SCHEMA
    line = refused.to_pylist()[0]
    assert (line["raw_line"], line["error_type"], line["error_message"]) == (other, "write_refused", "too old")
    assert (line["event_id"], line["source_uri"], line["ingested_at"]) == ("mine", URI, NOW)


def test_lines_of_days_whose_partitions_take_no_appends_are_rejected_with_their_bytes() -> None:
    def of(day: date) -> bytes:
        return GOOD.replace(b"22/Nov/2026", f"{day:%d/%b/%Y}".encode())

    first, last = NOW.date() - timedelta(DAYS_BACK), NOW.date() + timedelta(DAYS_AHEAD)
    days = [first - timedelta(1), first, NOW.date(), last, last + timedelta(1)]
    parsed = parse(*(Message(of(day), str(number)) for number, day in enumerate(days)), Message(b"bad", "5"))
    assert ids(parsed.rows) == ["1", "2", "3"]
    assert parsed.rows.column("log_date").to_pylist() == days[1:4]
    _, too_old, too_new = parsed.rejected.to_pylist()
    assert (too_old["event_id"], too_new["event_id"]) == ("0", "4")
    assert (too_old["raw_line"], too_new["raw_line"]) == (of(days[0]), of(days[4]))
    assert {too_old["error_type"], too_new["error_type"]} == {"date_not_streamable"}
    assert too_old["error_message"].startswith(f"{days[0]} is more than 10 years back")
    assert (parsed.counts.lines, parsed.counts.rows, parsed.counts.rejected) == (6, 3, 3)
    refused = parsed.refuse([(2, "?")]).to_pylist()[0]
    assert (refused["event_id"], refused["raw_line"]) == ("3", of(last))


class FailingParser(BlockParser):
    """Fails at one line, as no parser should."""

    def parse(self, data: bytes | memoryview, base_offset: int = 0) -> ParsedBlock:
        if b"poison" in bytes(data):
            raise ValueError("no such line\nwas foreseen")
        return super().parse(data, base_offset)


def test_a_message_at_which_the_parser_fails_blocks_no_other() -> None:
    messages = [Message(b"poison\nx" if n == 37 else GOOD, str(n)) for n in range(100)]
    batches = list(parse_each(messages, FailingParser(get_format("article")), URI, NOW))
    assert [event_id for batch in batches for event_id in ids(batch.rows)] == [str(n) for n in range(100) if n != 37]
    rejected = [line for batch in batches for line in batch.rejected.to_pylist()]
    assert [line["event_id"] for line in rejected] == ["37:1", "37:2"]
    assert [line["raw_line"] for line in rejected] == [b"poison", b"x"]
    assert {line["error_type"] for line in rejected} == {"parser_failed"}
    assert rejected[0]["error_message"] == "the parser failed: ValueError: no such line"
    total = sum((batch.counts for batch in batches), StreamCounts())
    assert total.messages == 100
    assert total.lines == total.rows + total.rejected


def test_chunks_are_bounded_by_messages_and_by_bytes() -> None:
    def many() -> Iterator[Message]:
        yield from (Message(b"x", str(n)) for n in range(CHUNK_MESSAGES + 1))

    assert [len(chunk) for chunk in chunks_of_messages(many())] == [CHUNK_MESSAGES, 1]
    large = Message(bytes(CHUNK_BYTES // 2), "1")
    assert [len(chunk) for chunk in chunks_of_messages([large] * 5)] == [2, 2, 1]
    assert list(chunks_of_messages([])) == []
