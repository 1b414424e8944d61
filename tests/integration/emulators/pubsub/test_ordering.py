"""Ordering keys."""

import queue
from collections import defaultdict
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud.pubsub_v1.subscriber.exceptions import AcknowledgeStatus

from tests.integration.emulators.pubsub.targets import OURS, Target, data_of, take


def keyed(key: str, *bodies: bytes) -> list[dict[str, Any]]:
    return [{"data": body, "ordering_key": key} for body in bodies]


def numbers(count: int) -> list[bytes]:
    return [b"%d" % number for number in range(count)]


def test_each_key_is_in_order(target: Target) -> None:
    topic, subscription = target.pair(enable_message_ordering=True)
    got: queue.Queue[tuple[str, bytes]] = queue.Queue()

    def receive(message: Any) -> None:
        got.put((message.ordering_key, message.data))
        message.ack()

    with target.stream(subscription, receive):
        for body in numbers(100):
            for key in ("a", "b", "c"):
                target.ordered_publisher.publish(topic, body, ordering_key=key)
        by_key = defaultdict(list)
        for key, body in take(got, 300):
            by_key[key].append(body)
    assert by_key == {key: numbers(100) for key in ("a", "b", "c")}


def test_redelivery_replays_the_key(target: Target) -> None:
    topic, subscription = target.pair(enable_message_ordering=True)
    target.publish(topic, *keyed("k", *numbers(5)))
    received = target.pull(subscription, 5)
    assert data_of(received) == numbers(5)
    target.ack(subscription, received[:1])
    target.nack(subscription, received[1:2])
    assert data_of(target.pull(subscription, 4)) == numbers(5)[1:]


def test_redelivery_replays_also_what_was_acked_out_of_order(target: Target) -> None:
    topic, subscription = target.pair(enable_message_ordering=True)
    target.publish(topic, *keyed("k", *numbers(3)))
    received = target.pull(subscription, 3)
    target.ack(subscription, received[2:])
    target.nack(subscription, received[:1])
    assert data_of(target.pull(subscription, 3)) == numbers(3)


def test_key_waits_until_its_messages_are_acked(target: Target) -> None:
    topic, subscription = target.pair(enable_message_ordering=True)
    target.publish(topic, *keyed("k", *numbers(4)))
    first = target.pull(subscription, 2)
    assert target.pull_once(subscription) == []
    target.ack(subscription, first)
    assert data_of(target.pull(subscription, 2)) == numbers(4)[2:]


def test_other_keys_do_not_wait(target: Target) -> None:
    topic, subscription = target.pair(enable_message_ordering=True)
    for messages in (keyed("slow", *numbers(2)), keyed("other", b"x"), [b"without a key"]):
        target.publish(topic, *messages)
    assert data_of(target.pull(subscription, 1)) == [b"0"]
    assert sorted(data_of(target.pull(subscription, 2))) == [b"without a key", b"x"]


@OURS
def test_exactly_once_ack_out_of_order_is_refused_for_the_moment(target: Target) -> None:
    topic, subscription = target.pair(enable_message_ordering=True, enable_exactly_once_delivery=True)
    target.publish(topic, *keyed("k", *numbers(2)))
    first, second = target.pull(subscription, 2)
    with pytest.raises(exceptions.FailedPrecondition) as refused:
        target.ack(subscription, [second])
    (info,) = refused.value.details
    assert dict(info.metadata) == {second.ack_id: "TRANSIENT_FAILURE_UNORDERED_ACK_ID"}
    target.ack(subscription, [first])
    target.ack(subscription, [second])
    assert target.pull_once(subscription) == []


@OURS
def test_exactly_once_acks_on_a_stream_are_confirmed_in_order(target: Target) -> None:
    topic, subscription = target.pair(enable_message_ordering=True, enable_exactly_once_delivery=True)
    got: queue.Queue[bytes] = queue.Queue()
    outcomes: queue.Queue[Any] = queue.Queue()

    def receive(message: Any) -> None:
        got.put(message.data)
        outcomes.put(message.ack_with_response())

    with target.stream(subscription, receive):
        target.publish(topic, *keyed("k", *numbers(100)))
        assert take(got, 100) == numbers(100)
        confirmed = [outcome.result(timeout=20) for outcome in take(outcomes, 100)]
    assert confirmed == [AcknowledgeStatus.SUCCESS] * 100
    assert target.pull_once(subscription) == []


def test_without_ordering_keys_do_not_matter(target: Target) -> None:
    topic, subscription = target.pair()
    target.publish(topic, *keyed("k", *numbers(4)))
    assert len(target.pull(subscription, 2)) == 2
    assert len(target.pull(subscription, 2)) == 2
