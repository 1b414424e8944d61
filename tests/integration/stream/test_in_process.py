"""The local runner's parts together, in this process: poison, refused rows, drain, and the same steps under Beam."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import apache_beam as beam
import pytest
from apache_beam.io.gcp.pubsub import PubsubMessage
from apache_beam.metrics.metric import MetricsFilter
from apache_beam.options.pipeline_options import PipelineOptions

from beam_jobs.access_log import BlockParser, get_format
from beam_jobs.gcp.append_connection import AppendConnection
from beam_jobs.gcp.bigquery_write import TableAppender
from beam_jobs.gcp.clients import make_write_client
from beam_jobs.gcp.retry import RetryPolicy
from beam_jobs.stream.heartbeats import HEARTBEAT_ATTRIBUTE
from beam_jobs.stream.local_runner import LocalRunner
from beam_jobs.stream.messages import STREAMED_SCHEMA, Message, parse_messages
from beam_jobs.stream.metrics import StreamMetrics
from beam_jobs.stream.options import parse_stream_options
from beam_jobs.stream.sink import StreamSink
from beam_jobs.stream.subscription import Subscription
from beam_jobs.stream.transforms import AppendToBigQuery, ParseMessages, decode_messages
from tests.integration.stream.world import Stream, eventually, good_line
from tests.partitions import every_row

pytestmark = pytest.mark.integration

# What may come over a subscription that anybody may publish to, by event id.
POISON = {
    "empty": b"",
    "blank": b" \t\r\n",
    "binary": bytes(range(256)).replace(b"\n", b""),
    "nul": b"\0" * 1000,
    "not-utf8": good_line(1).replace(b"/page/1", b"/\xff\xfe\x00"),
    "cut": good_line(1)[:60],
    "long": b"x" * (1 << 21),
    "several": good_line(2) + b"\nbad\n" + good_line(3) + b"\r\n",
    "only-ends": b"\n\n\n",
    "quote": good_line(4).replace(b'"', b'\\"'),
    "far-size": good_line(5).replace(b"523", b"9" * 23),
}
ROWS = {"not-utf8", "several:1", "several:3"}
REJECTED = {"binary", "nul", "cut", "long", "several:2", "quote", "far-size"}


@contextmanager
def running(stream: Stream, abort: threading.Event | None = None) -> Iterator[tuple[LocalRunner, StreamMetrics]]:
    """The runner in a thread, drained at the end."""
    abort = abort or threading.Event()
    settings, _ = parse_stream_options(stream.options)
    subscription = Subscription(settings.subscription)
    subscription.check(RetryPolicy())
    connection = AppendConnection(make_write_client())
    sink = StreamSink(connection, settings, RetryPolicy(abort=abort))
    parser = BlockParser(get_format(settings.log_format), settings.max_line_bytes)
    metrics = StreamMetrics()
    runner = LocalRunner(subscription, parser, sink, metrics, abort)
    thread = threading.Thread(target=runner.run, args=(lambda: None,))
    thread.start()
    try:
        yield runner, metrics
    finally:
        runner.drain()
        thread.join(60)
        is_drained = not thread.is_alive()
        abort.set()
        thread.join()
        assert is_drained
        connection.close()
        subscription.close()


def test_poison_blocks_nobody(stream: Stream) -> None:
    stream.publish(**{f"before{n}": good_line(n) for n in range(50)})
    stream.publish(**POISON)
    stream.publish(**{f"after{n}": good_line(n) for n in range(50)})
    with running(stream) as (runner, metrics):
        eventually(lambda: metrics.messages_acknowledged == 100 + len(POISON))
    good = {f"{when}{n}" for when in ("before", "after") for n in range(50)}
    assert stream.ids("streamed_requests") == good | ROWS
    assert stream.ids("rejected_streamed") == REJECTED
    kept = dict(stream.sql(f"SELECT event_id, raw_line FROM `{stream.dataset}.rejected_streamed`"))
    assert kept["binary"] == POISON["binary"]
    assert kept["several:2"] == b"bad"
    assert len(kept["long"]) == 1 << 20
    counts = metrics.counts
    assert counts.lines == counts.rows + counts.rejected + counts.blank
    assert (counts.rows, counts.rejected, counts.blank) == (100 + len(ROWS), len(REJECTED), 5)
    assert runner.held() == (0, None)
    assert stream.ledger() == {name: getattr(counts, name) for name in stream.ledger()}
    by_day = f"SELECT log_date, SUM(`rows`) FROM `{stream.dataset}.stream_batches` GROUP BY 1 HAVING SUM(`rows`) > 0"
    rows = f"`{stream.dataset}.streamed_requests` WHERE {every_row('streamed_requests')}"
    landed = f"SELECT log_date, COUNT(*) FROM {rows} GROUP BY 1"
    assert sorted(stream.sql(by_day)) == sorted(stream.sql(landed))


def test_heartbeats_land_and_cost_nothing_to_the_counts(stream: Stream) -> None:
    """One that is delivered twice has two rows, and a batch of heartbeats alone has no entry in the ledger."""
    first, second = datetime(2026, 11, 22, 12, tzinfo=UTC), datetime(2026, 11, 22, 12, 5, tzinfo=UTC)
    landed = f"SELECT published_at, landed_at, job_id FROM `{stream.dataset}.stream_heartbeats` ORDER BY 1, 2"
    with running(stream) as (runner, metrics):
        stream.beat(first)
        eventually(lambda: len(stream.sql(landed)) == 1)
        eventually(lambda: runner.held() == (0, None))
        assert stream.sql(f"SELECT * FROM `{stream.dataset}.stream_batches`") == []
        stream.publish(row=good_line(1), bad=b"bad", blank=b"")
        stream.beat(first, second)
        eventually(lambda: len(stream.sql(landed)) == 3)
        eventually(lambda: metrics.messages_acknowledged == 3)
    assert [at for at, _, _ in stream.sql(landed)] == [first, first, second]
    assert all((datetime.now(UTC) - at).total_seconds() < 600 and job for _, at, job in stream.sql(landed))
    assert stream.ids("streamed_requests") == {"row"}
    assert stream.ids("rejected_streamed") == {"bad"}
    assert (metrics.counts.messages, metrics.counts.lines, metrics.counts.blank) == (3, 3, 1)
    assert stream.ledger() == {name: getattr(metrics.counts, name) for name in stream.ledger()}
    assert stream.unacknowledged() == 0


def test_messages_without_the_attribute_are_known_by_their_message_id(stream: Stream) -> None:
    published = stream.publisher.api.publish(topic=stream.topic, messages=[{"data": good_line(1)}, {"data": b"bad"}])
    good, bad = published.message_ids
    with running(stream) as (_, metrics):
        eventually(lambda: metrics.messages_acknowledged == 2)
    assert stream.ids("streamed_requests") == {good}
    assert stream.ids("rejected_streamed") == {bad}


def test_rows_that_bigquery_refuses_are_rejected_lines_and_the_others_are_written(stream: Stream) -> None:
    """The table's path is changed to a number, so that BigQuery takes some rows and not others."""
    columns = ", ".join("0 AS path" if name == "path" else name for name in STREAMED_SCHEMA.names)
    table = f"`{stream.dataset}.streamed_requests`"
    stream.sql(f"CREATE OR REPLACE TABLE {table} AS SELECT {columns} FROM {table} WHERE log_date IS NULL")
    lines = {f"row{n}": good_line(n) for n in range(64)}
    for name in ("row0", "row17", "row18", "row63"):
        lines[name] = lines[name].replace(b"GET /page/", b"GET 1")
    stream.publish(**lines)
    with running(stream) as (_, metrics):
        eventually(lambda: metrics.messages_acknowledged == 64)
    assert stream.ids("streamed_requests") == {"row0", "row17", "row18", "row63"}
    refused = stream.sql(f"SELECT event_id, raw_line, error_type FROM `{stream.dataset}.rejected_streamed`")
    assert {event_id for event_id, _, _ in refused} == lines.keys() - {"row0", "row17", "row18", "row63"}
    assert all(lines[event_id] == raw_line for event_id, raw_line, _ in refused)
    assert {error_type for _, _, error_type in refused} == {"write_refused"}
    assert (metrics.counts.rows, metrics.counts.rejected, metrics.counts.refused) == (4, 60, 60)
    assert stream.ledger() == {name: getattr(metrics.counts, name) for name in stream.ledger()}


def test_a_line_of_a_day_whose_partition_takes_no_appends_is_rejected_before_bigquery_refuses_it(
    stream: Stream,
) -> None:
    old = good_line(1).replace(b"22/Nov/2026", b"22/Nov/2006")
    settings, _ = parse_stream_options(stream.options)
    connection = AppendConnection(make_write_client())
    table = TableAppender(connection, settings.rows_table, RetryPolicy())
    parser = BlockParser(get_format(settings.log_format))
    rows = parse_messages([Message(good_line(1), "1")], parser, settings.subscription, datetime.now(UTC)).rows
    long_ago = parse_messages(
        [Message(old, "1")], parser, settings.subscription, datetime(2006, 11, 22, tzinfo=UTC)
    ).rows
    assert table.append(rows) == []
    ((_, why),) = table.append(long_ago)
    assert why.startswith("You can only stream to date range")
    connection.close()
    stream.publish(now=good_line(2), old=old)
    with running(stream) as (_, metrics):
        eventually(lambda: metrics.messages_acknowledged == 2)
    assert stream.ids("streamed_requests") == {"1", "now"}
    assert stream.sql(f"SELECT event_id, raw_line, error_type FROM `{stream.dataset}.rejected_streamed`") == [
        ("old", old, "date_not_streamable")
    ]


def test_after_abort_what_cannot_be_written_is_given_back(stream: Stream) -> None:
    abort = threading.Event()
    stream.sql(f"DROP TABLE `{stream.dataset}.streamed_requests`")
    stream.publish(**{f"row{n}": good_line(n) for n in range(20)})
    with running(stream, abort) as (runner, metrics):
        eventually(lambda: runner.held()[0] == 20)
        abort.set()
    assert metrics.messages_acknowledged == 0
    assert eventually(stream.unacknowledged, seconds=8) > 0, "sooner than their lease would end"


def test_leases_outlive_the_ack_deadline_while_bigquery_cannot_write(stream: Stream) -> None:
    """Nothing is delivered twice although nothing can be acknowledged for longer than the subscription's 10 s."""
    table = f"{stream.dataset}.streamed_requests"
    stream.sql(f"ALTER TABLE `{table}` RENAME TO away")
    stream.publish(**{f"row{n}": good_line(n) for n in range(20)})
    with running(stream) as (runner, metrics):
        eventually(lambda: runner.held()[0] == 20)
        _, oldest = runner.held()
        assert oldest is not None
        eventually(lambda: _lag(metrics, oldest) > 12)
        assert stream.unacknowledged() == 0
        stream.sql(f"ALTER TABLE `{stream.dataset}.away` RENAME TO streamed_requests")
        eventually(lambda: metrics.messages_acknowledged == 20)
    assert stream.sql(f"SELECT COUNT(*) FROM `{table}` WHERE log_date >= '1970-01-01'") == [(20,)]


def test_the_steps_on_beam_write_the_same_tables(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, _ = parse_stream_options(stream.options)
    # A launcher has made the settings; its job's id only the workers are told.
    monkeypatch.setenv("JOB_ID", "2026-11-27_00_00_00-1")
    messages = [PubsubMessage(good_line(n), {"event_id": f"row{n}"}, message_id=str(n)) for n in range(200)]
    messages += [PubsubMessage(data, {"event_id": name}, message_id=name) for name, data in POISON.items()]
    messages.append(PubsubMessage(good_line(1), {}, message_id="by-message-id"))
    beat = datetime(2026, 11, 22, 12, tzinfo=UTC)
    heartbeat = PubsubMessage(b"", {HEARTBEAT_ATTRIBUTE: beat.isoformat()}, message_id="heartbeat")
    pipeline = beam.Pipeline(options=PipelineOptions(["--runner=FnApiRunner"]))
    _ = (
        pipeline
        | "Messages" >> beam.Create([message._to_proto_str() for message in (*messages, heartbeat)])
        | "Decode" >> decode_messages()
        | "Parse messages" >> ParseMessages(settings)
        | "Append to BigQuery" >> AppendToBigQuery(settings)
    )
    result = pipeline.run()
    result.wait_until_finish()
    good = {f"row{n}" for n in range(200)} | {"by-message-id"}
    assert stream.ids("streamed_requests") == good | ROWS
    assert stream.ids("rejected_streamed") == REJECTED
    counters = result.metrics().query(MetricsFilter().with_namespace("logline"))["counters"]
    counted = {one.key.metric.name: one.result for one in counters}
    assert counted["messages"] == len(messages)
    assert counted["lines"] == counted["rows"] + counted["rejected"] + counted["blank"]
    assert counted["rows"] == len(good) + len(ROWS)
    jobs = stream.sql(f"SELECT DISTINCT job_id FROM `{stream.dataset}.stream_batches`")
    assert jobs == [("2026-11-27_00_00_00-1",)]
    landed = stream.sql(f"SELECT published_at, job_id FROM `{stream.dataset}.stream_heartbeats`")
    assert landed == [(beat, "2026-11-27_00_00_00-1")]
    assert stream.ledger() == {name: counted[name] for name in stream.ledger()}


def test_a_connection_takes_many_appends_and_several_megabytes(stream: Stream) -> None:
    settings, _ = parse_stream_options(stream.options)
    parser = BlockParser(get_format("article"))
    connection = AppendConnection(make_write_client())
    table = TableAppender(connection, settings.rejected_table, RetryPolicy(seconds=30))
    for name, size in (("small", 10), ("large", 1 << 20), ("again", 10)):
        messages = [Message(bytes([65 + n]) * size, f"{name}{n}") for n in range(20)]
        parsed = parse_messages(messages, parser, settings.subscription, datetime.now(UTC))
        assert table.append(parsed.rejected) == []
    connection.close()
    assert table.appends >= 5
    assert stream.count("rejected_streamed") == 60


def _lag(metrics: StreamMetrics, oldest: float) -> int:
    return metrics.values(held=0, oldest_held=oldest, appends=0, retries=0)["Read from Pub/Sub"]["system_lag"]
