"""StreamingPull, through the client library's `subscribe()` and bare."""

import queue
import threading
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud.pubsub_v1.subscriber.exceptions import AcknowledgeError, AcknowledgeStatus
from google.pubsub_v1.types import StreamingPullRequest

from tests.integration.emulators.pubsub.targets import Target, take


class BareStream:
    """One StreamingPull call without the client library's leasing."""

    def __init__(self, target: Target, subscription: str, **first: Any) -> None:
        self._requests: queue.Queue[StreamingPullRequest | None] = queue.Queue()
        self.send(subscription=subscription, stream_ack_deadline_seconds=60, **first)
        self._responses = target.subscriber.api.streaming_pull(iter(self._requests.get, None), timeout=30)
        self.received: queue.Queue[Any] = queue.Queue()
        self.errors: queue.Queue[Exception] = queue.Queue()
        self.responses: queue.Queue[Any] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        try:
            for response in self._responses:
                self.responses.put(response)
                for message in response.received_messages:
                    self.received.put(message)
        except exceptions.GoogleAPICallError as error:
            self.errors.put(error)

    def send(self, **fields: Any) -> None:
        self._requests.put(StreamingPullRequest(**fields))

    def finish(self) -> None:
        """Send no more, and wait until the emulator has ended the stream."""
        self._requests.put(None)
        self._reader.join(timeout=15)
        assert not self._reader.is_alive()

    def close(self) -> None:
        self._requests.put(None)
        self._responses.cancel()
        self._reader.join(timeout=15)


@pytest.fixture
def open_stream(target: Target) -> Any:
    streams: list[BareStream] = []

    def open_(subscription: str, **first: Any) -> BareStream:
        streams.append(BareStream(target, subscription, **first))
        return streams[-1]

    yield open_
    for stream in streams:
        stream.close()


def test_callback_gets_every_message_once(target: Target) -> None:
    topic, subscription = target.pair()
    got: queue.Queue[bytes] = queue.Queue()

    def receive(message: Any) -> None:
        got.put(message.data)
        message.ack()

    expected = {b"%d" % number for number in range(3000)}
    bodies = sorted(expected)
    with target.stream(subscription, receive):
        for start in range(0, 3000, 1000):
            target.publish(topic, *bodies[start : start + 1000])
        assert set(take(got, 3000)) == expected
    assert got.empty()
    assert target.pull_once(subscription) == []


def test_nacked_message_is_called_back_again(target: Target) -> None:
    topic, subscription = target.pair()
    got: queue.Queue[str] = queue.Queue()
    seen: set[str] = set()

    def receive(message: Any) -> None:
        got.put(message.message_id)
        if message.message_id in seen:
            message.ack()
        else:
            seen.add(message.message_id)
            message.nack()

    with target.stream(subscription, receive):
        target.publish(topic, b"twice")
        first, second = take(got, 2)
    assert first == second


def test_flow_control_by_messages(target: Target, open_stream: Any) -> None:
    topic, subscription = target.pair()
    target.publish(topic, *[b"%d" % number for number in range(20)])
    stream = open_stream(subscription, max_outstanding_messages=5)
    held = take(stream.received, 5)
    with pytest.raises(queue.Empty):
        stream.received.get(timeout=0.3)
    stream.send(ack_ids=[message.ack_id for message in held[:2]])
    more = take(stream.received, 2)
    with pytest.raises(queue.Empty):
        stream.received.get(timeout=0.3)
    assert len({message.message.message_id for message in held + more}) == 7


def test_flow_control_by_bytes(target: Target, open_stream: Any) -> None:
    topic, subscription = target.pair()
    target.publish(topic, *[b"x" * 1000] * 10)
    stream = open_stream(subscription, max_outstanding_bytes=3500)
    held = take(stream.received, 3)
    while True:
        try:
            held.append(stream.received.get(timeout=0.3))
        except queue.Empty:
            break
    assert len(held) in (3, 4)
    stream.send(ack_ids=[message.ack_id for message in held])
    take(stream.received, 3)


def test_lease_on_a_stream_ends_and_is_extended(target: Target, open_stream: Any) -> None:
    topic, subscription = target.pair()
    target.publish(topic, b"kept", b"given back")
    stream = open_stream(subscription)
    received = {message.message.data: message for message in take(stream.received, 2)}
    ids = [received[b"given back"].ack_id, received[b"kept"].ack_id]
    stream.send(modify_deadline_ack_ids=ids, modify_deadline_seconds=[0, 60])
    again = stream.received.get(timeout=15)
    assert again.message.data == b"given back"
    with pytest.raises(queue.Empty):
        stream.received.get(timeout=0.3)


def test_messages_are_shared_between_streams(target: Target, open_stream: Any) -> None:
    topic, subscription = target.pair()
    streams = [open_stream(subscription, max_outstanding_messages=10) for _ in range(2)]
    target.publish(topic, *[b"%d" % number for number in range(20)])
    ids = [message.message.message_id for stream in streams for message in take(stream.received, 10)]
    assert len(set(ids)) == 20


BAD_STARTS = {
    "no_deadline": {"stream_ack_deadline_seconds": 0},
    "deadline_too_long": {"stream_ack_deadline_seconds": 601},
}


@pytest.mark.parametrize("first", BAD_STARTS.values(), ids=BAD_STARTS)
def test_stream_is_refused(target: Target, first: dict[str, Any]) -> None:
    _, subscription = target.pair()
    request = StreamingPullRequest(subscription=subscription, **first)
    with pytest.raises(exceptions.InvalidArgument):
        next(iter(target.subscriber.api.streaming_pull(iter([request]), timeout=15)))


def test_stream_of_a_missing_subscription(target: Target, open_stream: Any) -> None:
    stream = open_stream(target.name("subscriptions"))
    assert isinstance(stream.errors.get(timeout=15), exceptions.NotFound)


def test_stream_ends_with_its_subscription(target: Target, open_stream: Any) -> None:
    topic, subscription = target.pair()
    stream = open_stream(subscription)
    target.publish(topic, b"x")
    stream.received.get(timeout=15)
    target.subscriber.delete_subscription(subscription=subscription)
    assert isinstance(stream.errors.get(timeout=15), exceptions.NotFound)


def test_malformed_ack_id_ends_the_stream(target: Target, open_stream: Any) -> None:
    _, subscription = target.pair()
    stream = open_stream(subscription)
    stream.send(ack_ids=["not-an-ack-id"])
    assert isinstance(stream.errors.get(timeout=15), exceptions.InvalidArgument)


def test_exactly_once_acks_are_confirmed(target: Target) -> None:
    topic, subscription = target.pair(enable_exactly_once_delivery=True)
    got: queue.Queue[bytes] = queue.Queue()
    outcomes: queue.Queue[AcknowledgeStatus] = queue.Queue()

    def receive(message: Any) -> None:
        got.put(message.data)
        outcomes.put(message.ack_with_response().result(timeout=15))

    with target.stream(subscription, receive):
        target.publish(topic, *[b"%d" % number for number in range(50)])
        assert len(set(take(got, 50))) == 50
        assert take(outcomes, 50) == [AcknowledgeStatus.SUCCESS] * 50


def test_exactly_once_refuses_an_ended_lease(target: Target) -> None:
    topic, subscription = target.pair(enable_exactly_once_delivery=True)
    target.publish(topic, b"late")
    late = target.pull(subscription, 1)
    target.nack(subscription, late)
    again = target.pull(subscription, 1)
    for call in (target.ack, target.nack):
        with pytest.raises(exceptions.GoogleAPICallError) as refused:
            call(subscription, late)
        reasons = {reason for detail in refused.value.details for reason in detail.metadata.values()}
        assert reasons == {"PERMANENT_FAILURE_INVALID_ACK_ID"}
    target.ack(subscription, again)


def test_exactly_once_tells_the_client_library(target: Target) -> None:
    topic, subscription = target.pair(enable_exactly_once_delivery=True)
    outcomes: queue.Queue[Any] = queue.Queue()
    is_first = threading.Event()

    def receive(message: Any) -> None:
        if is_first.is_set():
            message.ack()
            return
        is_first.set()
        target.subscriber.modify_ack_deadline(
            subscription=subscription, ack_ids=[message.ack_id], ack_deadline_seconds=0
        )
        outcomes.put(message.ack_with_response())

    with target.stream(subscription, receive):
        target.publish(topic, b"x")
        with pytest.raises(AcknowledgeError) as refused:
            outcomes.get(timeout=15).result(timeout=15)
    assert refused.value.error_code == AcknowledgeStatus.INVALID_ACK_ID


def test_message_waits_while_nobody_streams(target: Target, open_stream: Any) -> None:
    topic, subscription = target.pair()
    stream = open_stream(subscription)
    target.publish(topic, b"one")
    first = stream.received.get(timeout=15)
    stream.send(ack_ids=[first.ack_id])
    stream.finish()
    target.publish(topic, b"two")
    assert open_stream(subscription).received.get(timeout=15).message.data == b"two"
