"""Which messages are heartbeats, and what becomes of them among lines."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_jobs.access_log import BlockParser, get_format
from beam_jobs.stream.heartbeats import HEARTBEAT_ATTRIBUTE, heartbeat_of
from beam_jobs.stream.messages import Message, StreamCounts, parse_each, parse_messages
from logline.stream import heartbeat as published

AT = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)
LINE = b'192.0.2.1 - - [22/Nov/2026:10:05:03] "GET /a HTTP/1.1" [200] 5 "-" "curl"'
PARSER = BlockParser(get_format("article"))


def test_the_supervisor_and_the_job_mean_the_same_attribute() -> None:
    assert published.HEARTBEAT_ATTRIBUTE == HEARTBEAT_ATTRIBUTE


def test_a_heartbeat_has_no_data_and_says_when_it_was_published() -> None:
    said = AT.astimezone(timezone(timedelta(hours=2))).isoformat()
    assert heartbeat_of(b"", {HEARTBEAT_ATTRIBUTE: said}) == AT


@pytest.mark.parametrize(
    ("data", "attributes"),
    [
        (b"", None),
        (b"", {}),
        (b"", {"event_id": "1"}),
        (b"", {HEARTBEAT_ATTRIBUTE: ""}),
        (b"", {HEARTBEAT_ATTRIBUTE: "yes"}),
        (b"", {HEARTBEAT_ATTRIBUTE: "0001-01-01T00:00:00+14:00"}),
        (LINE, {HEARTBEAT_ATTRIBUTE: AT.isoformat()}),
        (b" ", {HEARTBEAT_ATTRIBUTE: AT.isoformat()}),
    ],
)
def test_anything_else_is_lines(data: bytes, attributes: dict[str, str] | None) -> None:
    assert heartbeat_of(data, attributes) is None


@given(st.text())
def test_no_value_of_the_attribute_stops_the_stream(value: str) -> None:
    heartbeat_of(b"", {HEARTBEAT_ATTRIBUTE: value})


def test_heartbeats_are_set_apart_before_anything_is_parsed_or_counted() -> None:
    messages = [Message(LINE, "1"), Message(b"", "2", heartbeat=AT), Message(b"", "3"), Message(b"bad\nbad", "4")]
    parsed = parse_messages(messages, PARSER, "s", AT)
    without = parse_messages([messages[0], *messages[2:]], PARSER, "s", AT)
    assert parsed.heartbeats == [AT]
    assert (parsed.rows, parsed.rejected, parsed.counts) == (without.rows, without.rejected, without.counts)
    (alone,) = parse_each([messages[1]], PARSER, "s", AT)
    assert (alone.heartbeats, alone.counts, alone.rows.num_rows) == ([AT], StreamCounts(), 0)
