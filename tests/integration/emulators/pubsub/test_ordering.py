"""Ordering keys."""

import queue
from collections import defaultdict
from typing import Any

from tests.integration.emulators.pubsub.targets import Target, data_of, take


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
    target.publish(topic, *keyed("slow", *numbers(2)), *keyed("other", b"x"), b"without a key")
    assert data_of(target.pull(subscription, 1)) == [b"0"]
    assert sorted(data_of(target.pull(subscription, 2))) == [b"without a key", b"x"]


def test_without_ordering_keys_do_not_matter(target: Target) -> None:
    topic, subscription = target.pair()
    target.publish(topic, *keyed("k", *numbers(4)))
    assert len(target.pull(subscription, 2)) == 2
    assert len(target.pull(subscription, 2)) == 2
