import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from beam_jobs.access_log import BlockParser, get_format
from beam_jobs.stream import metrics as stream_metrics
from beam_jobs.stream.messages import Message, parse_messages
from beam_jobs.stream.metrics import APPEND_STEP, PARSE_STEP, READ_STEP, StreamMetrics, write_metrics

LINE = b'192.0.2.1 - - [22/Nov/2026:10:05:03] "GET /a?b HTTP/1.1" [200] 523 "-" "curl/8.0"'


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 10, 6, 3, tzinfo=UTC).timestamp()

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    fake = Clock()
    monkeypatch.setattr(stream_metrics, "time", fake)
    return fake


def lag(metrics: StreamMetrics, oldest_held: float | None = None) -> tuple[int, int]:
    read = metrics.values(held=0, oldest_held=oldest_held, appends=0, retries=0)[READ_STEP]
    return read["system_lag"], read["data_watermark_age"]


def test_lag_while_messages_are_in_hand_is_the_age_of_the_oldest(clock: Clock) -> None:
    assert lag(StreamMetrics(), clock.now - 42) == (42, 42)


def test_a_pull_that_waits_quietly_means_that_nothing_is_left(clock: Clock) -> None:
    metrics = StreamMetrics()
    with metrics.pulling():
        clock.now += 25
        assert lag(metrics) == (0, 0)
    clock.now += 3
    assert lag(metrics) == (0, 3)


def test_while_pubsub_does_not_answer_the_watermark_stands_still(clock: Clock) -> None:
    metrics = StreamMetrics()
    for _ in range(10):
        clock.now += 5
        with pytest.raises(ConnectionError), metrics.pulling():
            raise ConnectionError
    assert lag(metrics) == (0, 50)


def test_the_file_holds_every_counter_with_its_step(
    clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metrics = StreamMetrics()
    messages = [Message(LINE, "1"), Message(b"bad", "2"), Message(b"", "3")]
    parsed = parse_messages(messages, BlockParser(get_format("article")), "s", datetime.now(UTC))
    metrics.wrote(parsed.counts, parsed)
    metrics.acknowledged(3)
    path = tmp_path / "metrics.json"
    monkeypatch.setenv("DATAFLOW_EMULATOR_METRICS_FILE", str(path))
    write_metrics(metrics.values(held=7, oldest_held=None, appends=2, retries=1))
    counters = json.loads(path.read_text())["counters"]
    assert {one["namespace"] for one in counters} == {"logline"}
    assert {(one["step"], one["name"]): one["value"] for one in counters} == {
        (READ_STEP, "acknowledged"): 3,
        (READ_STEP, "unacknowledged_messages"): 7,
        (READ_STEP, "system_lag"): 0,
        (READ_STEP, "data_watermark_age"): 0,
        (PARSE_STEP, "messages"): 3,
        (PARSE_STEP, "lines"): 3,
        (PARSE_STEP, "blank"): 1,
        (PARSE_STEP, "bytes"): len(LINE) + 3,
        (APPEND_STEP, "rows"): 1,
        (APPEND_STEP, "rejected"): 1,
        (APPEND_STEP, "refused"): 0,
        (APPEND_STEP, "appends"): 2,
        (APPEND_STEP, "append_retries"): 1,
        (APPEND_STEP, "oldest_event_age_seconds"): 60,
    }
