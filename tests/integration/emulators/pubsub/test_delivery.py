"""Publish, Pull, Acknowledge, ModifyAckDeadline, retries, dead letters and filters."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.integration.emulators.pubsub.targets import CALL, Target, data_of


def test_message_arrives_as_published(target: Target) -> None:
    topic, subscription = target.pair()
    before = time.time()
    (message_id,) = target.publish(topic, {"data": b"\x00\xff line", "attributes": {"host": "wébsite"}})
    (received,) = target.pull(subscription, 1)
    assert received.message.data == b"\x00\xff line"
    assert dict(received.message.attributes) == {"host": "wébsite"}
    assert received.message.message_id == message_id
    assert before - 1 <= received.message.publish_time.timestamp() <= time.time() + 1
    assert received.ack_id
    assert received.delivery_attempt == 0


def test_client_library_publishes_in_batches(target: Target) -> None:
    topic, subscription = target.pair()
    futures = [target.publisher.publish(topic, b"%d" % number, number=str(number)) for number in range(2500)]
    ids = {future.result(timeout=20) for future in futures}
    received = target.pull(subscription, 2500)
    assert len(ids) == 2500
    assert {message.message.message_id for message in received} == ids
    assert all(message.message.data == message.message.attributes["number"].encode() for message in received)


def test_every_subscription_gets_every_message(target: Target) -> None:
    topic, first = target.pair()
    target.publish(topic, b"for the first only")
    second = target.subscription(topic)
    target.publish(topic, b"for both")
    assert sorted(data_of(target.pull(first, 2))) == [b"for both", b"for the first only"]
    assert data_of(target.pull(second, 1)) == [b"for both"]


def test_acknowledged_message_never_comes_back(target: Target) -> None:
    topic, subscription = target.pair()
    target.publish(topic, b"one", b"two")
    received = target.pull(subscription, 2)
    target.lease(subscription, received, 1)
    done, open_ = received
    target.ack(subscription, [done])
    target.ack(subscription, [done])
    assert data_of(target.pull(subscription, 1)) == [open_.message.data]
    assert target.pull_once(subscription) == []


def test_leased_message_is_not_delivered_twice(target: Target) -> None:
    topic, subscription = target.pair()
    target.publish(topic, *[b"%d" % number for number in range(200)])
    with ThreadPoolExecutor(4) as pool:
        pulled = pool.map(lambda _: target.pull_once(subscription, 60), range(8))
        counts = Counter(data for received in pulled for data in data_of(received))
    assert set(counts.values()) <= {1}


def test_message_comes_back_when_its_lease_ends(target: Target) -> None:
    topic, subscription = target.pair()
    target.publish(topic, b"again")
    first = target.pull(subscription, 1)
    target.lease(subscription, first, 1)
    second = target.pull(subscription, 1)
    assert data_of(second) == [b"again"]
    assert second[0].message.message_id == first[0].message.message_id


def test_extended_lease_holds(target: Target) -> None:
    topic, subscription = target.pair()
    target.publish(topic, b"long", b"short")
    received = target.pull(subscription, 2)
    target.lease(subscription, received, 5)
    target.lease(subscription, received[:1], 60)
    assert data_of(target.pull(subscription, 1)) == data_of(received[1:])
    assert target.pull_once(subscription) == []


def test_nacked_message_comes_back_at_once(target: Target) -> None:
    topic, subscription = target.pair(ack_deadline_seconds=600)
    target.publish(topic, b"again")
    target.nack(subscription, target.pull(subscription, 1))
    assert data_of(target.pull(subscription, 1)) == [b"again"]


def test_waiting_pull_is_answered_by_a_publish(target: Target) -> None:
    topic, subscription = target.pair()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(target.subscriber.pull, subscription=subscription, max_messages=5, **CALL)
        target.publish(topic, b"here")
        (received,) = waiting.result(timeout=20).received_messages
    assert received.message.data == b"here"


def test_pull_gives_at_most_what_was_asked_for(target: Target) -> None:
    topic, subscription = target.pair()
    target.publish(topic, *[b"x"] * 10)
    assert len(target.pull_once(subscription, 3)) <= 3


def test_retry_policy_delays_the_next_attempt(target: Target) -> None:
    topic, subscription = target.pair(
        retry_policy={"minimum_backoff": {"seconds": 5}, "maximum_backoff": {"seconds": 10}}
    )
    target.publish(topic, b"later")
    received = target.pull(subscription, 1)
    nacked = time.monotonic()
    target.nack(subscription, received)
    target.pull(subscription, 1)
    assert time.monotonic() - nacked >= 4.9


def test_poisoned_message_goes_to_the_dead_letter_topic(target: Target) -> None:
    dead_topic, dead = target.pair()
    topic, subscription = target.pair(dead_letter_policy={"dead_letter_topic": dead_topic, "max_delivery_attempts": 5})
    target.publish(topic, {"data": b"poison", "attributes": {"line": "7"}})
    attempts = []
    for _ in range(5):
        received = target.pull(subscription, 1)
        attempts.append(received[0].delivery_attempt)
        target.nack(subscription, received)
    assert target.pull_once(subscription) == []
    (letter,) = target.pull(dead, 1)
    assert attempts == [1, 2, 3, 4, 5]
    assert letter.message.data == b"poison"
    assert letter.message.attributes["line"] == "7"


def test_dead_letter_says_where_it_came_from(target: Target) -> None:
    dead_topic, dead = target.pair()
    topic, subscription = target.pair(dead_letter_policy={"dead_letter_topic": dead_topic})
    target.publish(topic, b"poison")
    for _ in range(5):
        received = target.pull(subscription, 1)
        target.nack(subscription, received)
    assert target.pull_once(subscription) == []
    (letter,) = target.pull(dead, 1)
    attributes = dict(letter.message.attributes)
    published = attributes.pop("CloudPubSubDeadLetterSourceTopicPublishTime")
    assert attributes == {
        "CloudPubSubDeadLetterSourceDeliveryCount": "5",
        "CloudPubSubDeadLetterSourceSubscription": subscription.rpartition("/")[2],
        "CloudPubSubDeadLetterSourceSubscriptionProject": target.project.partition("/")[2],
    }
    assert published[:10] == received[0].message.publish_time.date().isoformat()


def test_message_stays_when_the_dead_letter_topic_is_gone(target: Target) -> None:
    dead_topic = target.topic()
    topic, subscription = target.pair(dead_letter_policy={"dead_letter_topic": dead_topic})
    target.publisher.delete_topic(topic=dead_topic, **CALL)
    target.publish(topic, b"poison")
    for _ in range(6):
        target.nack(subscription, target.pull(subscription, 1))
    assert data_of(target.pull(subscription, 1)) == [b"poison"]


FILTERED = {
    "attributes:lang": {"en", "de", "none_but_empty"},
    'attributes.lang = "en"': {"en"},
    'attributes.lang != "en"': {"de", "none", "none_but_empty"},
    "NOT attributes:lang": {"none"},
    'hasPrefix(attributes.lang, "e")': {"en"},
    'attributes:lang AND NOT attributes.lang = "de"': {"en", "none_but_empty"},
    '(attributes.lang = "de" OR attributes.lang = "en") AND attributes:lang': {"en", "de"},
}


@pytest.mark.parametrize("text", FILTERED)
def test_filter_passes_what_matches(target: Target, text: str) -> None:
    topic = target.topic()
    subscription = target.subscription(topic, filter=text)
    languages = {"en": {"lang": "en"}, "de": {"lang": "de"}, "none": {"x": "y"}, "none_but_empty": {"lang": ""}}
    target.publish(topic, *[{"data": name.encode(), "attributes": made} for name, made in languages.items()])
    received = target.pull(subscription, len(FILTERED[text]))
    assert {data.decode() for data in data_of(received)} == FILTERED[text]
    assert target.pull_once(subscription) == []
