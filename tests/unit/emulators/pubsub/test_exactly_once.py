"""Exactly-once delivery together with ordering keys: what an acknowledgement ahead of its turn is answered."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2

from emulators.pubsub import wire
from emulators.pubsub.api.streaming import StreamingPull
from emulators.pubsub.errors import PubsubError
from tests.unit.emulators.pubsub.in_process import SUBSCRIPTION, TOPIC, Emulator, emulator


@pytest.fixture
def running() -> Iterator[Emulator]:
    with emulator() as started:
        started.create_topic()
        yield started


def publish_keyed(running: Emulator, *bodies: bytes) -> None:
    messages = [wire.PubsubMessage(data=body, ordering_key="k") for body in bodies]
    running.call(running.publisher, "publish", "PublishRequest", topic=TOPIC, messages=messages)


def error_info(error: PubsubError) -> Any:
    ((name, packed),) = error.trailing_metadata()
    assert name == "grpc-status-details-bin"
    status = status_pb2.Status.FromString(packed)
    assert status.code == grpc.StatusCode.FAILED_PRECONDITION.value[0]
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    return info


def test_ack_out_of_order_is_refused_until_its_turn(running: Emulator) -> None:
    running.create_subscription(enable_message_ordering=True, enable_exactly_once_delivery=True)
    publish_keyed(running, b"0", b"1", b"2")
    first, second, third = (message.ack_id for message in running.pull())
    with pytest.raises(PubsubError) as refused:
        running.acknowledge(second, third)
    assert refused.value.code == grpc.StatusCode.FAILED_PRECONDITION
    info = error_info(refused.value)
    assert info.reason == "TRANSIENT_FAILURE_UNORDERED_ACK_ID"
    assert dict(info.metadata) == dict.fromkeys((second, third), "TRANSIENT_FAILURE_UNORDERED_ACK_ID")
    running.acknowledge(first)
    running.acknowledge(third, second)
    running.restart()
    assert running.pull() == []


def test_each_refused_ack_id_has_its_own_reason(running: Emulator) -> None:
    running.create_subscription(enable_message_ordering=True, enable_exactly_once_delivery=True)
    publish_keyed(running, b"0", b"1", b"2")
    late = [message.ack_id for message in running.pull()][2]
    running.nack(late)
    leased = [message.ack_id for message in running.pull()]
    assert leased == []
    running.advance(10)
    first, second, _ = (message.ack_id for message in running.pull())
    with pytest.raises(PubsubError) as refused:
        running.acknowledge(second, late)
    assert dict(error_info(refused.value).metadata) == {
        late: "PERMANENT_FAILURE_INVALID_ACK_ID",
        second: "TRANSIENT_FAILURE_UNORDERED_ACK_ID",
    }
    running.acknowledge(first, second)


def test_without_exactly_once_an_ack_out_of_order_is_held(running: Emulator) -> None:
    running.create_subscription(enable_message_ordering=True)
    publish_keyed(running, b"0", b"1")
    first, second = (message.ack_id for message in running.pull())
    running.acknowledge(second)
    running.acknowledge(first)
    assert running.pull() == []


def test_stream_names_the_unordered_ack_ids(running: Emulator) -> None:
    running.create_subscription(enable_message_ordering=True, enable_exactly_once_delivery=True)
    publish_keyed(running, b"0", b"1")
    request = wire.type_of["StreamingPullRequest"](subscription=SUBSCRIPTION, stream_ack_deadline_seconds=60)

    async def acknowledge_each() -> None:
        stream = StreamingPull(running.broker, request)
        backlog = running.broker.subscription(SUBSCRIPTION).backlog
        received = stream._next_response()
        assert received is not None
        first, second = (message.ack_id for message in received.received_messages)
        for ack_id, confirmed, unordered in ((second, [], [second]), (first, [first], []), (second, [second], [])):
            await stream._acknowledge([ack_id])
            response = stream._next_response()
            assert response is not None
            confirmation = response.acknowledge_confirmation
            assert (confirmation.ack_ids, confirmation.unordered_ack_ids) == (confirmed, unordered)
            assert not any(map(backlog.is_stale, unordered))
        assert backlog.undelivered() == 0

    running.run(acknowledge_each())
    running.restart()
    assert running.pull() == []
