"""The stream's steps on Dataflow. Beam is only wiring here; the work is done by plain functions of other modules.

`local_runner.py` calls the same functions on one machine.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import apache_beam as beam
from apache_beam.io.gcp.pubsub import ReadFromPubSub
from apache_beam.metrics.metric import Metrics
from apache_beam.pvalue import PCollection
from apache_beam.transforms.window import GlobalWindows
from apache_beam.utils.shared import Shared
from google.pubsub_v1.types import PubsubMessage

from beam_jobs.gcp.append_connection import AppendConnection
from beam_jobs.gcp.clients import make_write_client
from beam_jobs.gcp.retry import RetryPolicy
from beam_jobs.output.counters import METRICS_NAMESPACE
from beam_jobs.stream.messages import (
    CHUNK_BYTES,
    CHUNK_MESSAGES,
    Message,
    ParsedMessages,
    StreamCounts,
    message_of,
    parse_each,
)
from beam_jobs.stream.options import StreamSettings
from beam_jobs.stream.sink import StreamSink

_RETRY_SECONDS = 300.0  # then the bundle fails, and Dataflow retries it


_published: Any = PubsubMessage.pb()  # protobuf's own class


class ReadMessages(ReadFromPubSub):
    """Read the messages of a subscription.

    Beam decodes them by proto-plus, which takes more CPU time than everything else that becomes of a line
    (docs/decisions/0245-protobuf-without-proto-plus.md).
    """

    def __init__(self, subscription: str) -> None:
        super().__init__(subscription=subscription, with_attributes=True)
        self.with_attributes = False  # in the steps behind the source, which has read them

    def expand(self, pvalue: Any) -> PCollection[Any]:
        """Connect the steps; the last has the name of Beam's own, by which a running job is updated."""
        messages: PCollection[Any] = super().expand(pvalue) | "Map(_from_proto_str)" >> decode_messages()
        return messages


def decode_messages() -> Any:
    """Return the step that decodes serialised PubsubMessages."""
    return beam.Map(_decode).with_output_types(Any)


def _decode(received: bytes) -> Message:
    return message_of(_published.FromString(received))


class ParseMessages(beam.PTransform[Any, Any]):
    """Parse Pub/Sub messages into Arrow batches, one for each bundle unless that is large."""

    def __init__(self, settings: StreamSettings) -> None:
        super().__init__()
        self._settings = settings

    def expand(self, messages: PCollection[Any]) -> PCollection[Any]:
        """Connect the steps."""
        parsed: PCollection[Any] = messages | "Parse" >> beam.ParDo(_ParseMessages(self._settings))
        return parsed


class AppendToBigQuery(beam.PTransform[Any, Any]):
    """Append Arrow batches to BigQuery durably before their bundles end; emit the counts of each batch."""

    def __init__(self, settings: StreamSettings) -> None:
        super().__init__()
        self._settings = settings

    def expand(self, parsed: PCollection[Any]) -> PCollection[Any]:
        """Connect the steps."""
        counts: PCollection[Any] = parsed | "Append" >> beam.ParDo(_Append(self._settings))
        return counts


class _ParseMessages(beam.DoFn):
    """Collects the messages of a bundle, which Dataflow acknowledges only after the whole bundle."""

    def __init__(self, settings: StreamSettings) -> None:
        super().__init__()
        self._settings = settings

    def setup(self) -> None:
        self._parser = self._settings.make_parser()

    def start_bundle(self) -> None:
        self._messages: list[Message] = []
        self._bytes = 0

    def process(self, element: Message) -> Iterator[ParsedMessages]:
        self._messages.append(element)
        self._bytes += len(element.data)
        if len(self._messages) >= CHUNK_MESSAGES or self._bytes >= CHUNK_BYTES:
            yield from self._parse()

    def finish_bundle(self) -> Iterator[Any]:
        for parsed in self._parse():
            yield GlobalWindows.windowed_value_at_end_of_window(parsed)

    def _parse(self) -> Iterator[ParsedMessages]:
        messages, self._messages, self._bytes = self._messages, [], 0
        if messages:
            yield from parse_each(messages, self._parser, self._settings.subscription, datetime.now(UTC))


class _Append(beam.DoFn):
    def __init__(self, settings: StreamSettings) -> None:
        super().__init__()
        self._settings = settings
        self._connection = Shared()  # by all threads of a process

    def setup(self) -> None:
        settings = self._settings.in_worker()
        connection = self._connection.acquire(lambda: AppendConnection(make_write_client()))
        self._sink = StreamSink(connection, settings, RetryPolicy(seconds=_RETRY_SECONDS))
        self._counters = {name: Metrics.counter(METRICS_NAMESPACE, name) for name in StreamCounts.__slots__}
        self._appends = Metrics.counter(METRICS_NAMESPACE, "appends")
        self._retries = Metrics.counter(METRICS_NAMESPACE, "append_retries")
        self._publish_age = Metrics.distribution(METRICS_NAMESPACE, "publish_to_append_milliseconds")
        self._event_age = Metrics.distribution(METRICS_NAMESPACE, "oldest_event_age_seconds")

    def process(self, parsed: ParsedMessages) -> Iterator[StreamCounts]:
        appends, retries = self._sink.appends, self._sink.retries
        try:
            counts = self._sink.write(parsed)
        finally:
            self._appends.inc(self._sink.appends - appends)
            self._retries.inc(self._sink.retries - retries)
        for name, counter in self._counters.items():
            counter.inc(getattr(counts, name))
        now = time.time()
        if parsed.oldest_publish_time:
            self._publish_age.update(max(0, int(1000 * (now - parsed.oldest_publish_time))))
        if parsed.oldest_event_time is not None:
            self._event_age.update(max(0, int(now - parsed.oldest_event_time)))
        yield counts
