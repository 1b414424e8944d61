"""Requests the service refuses, and the status it refuses them with."""

from typing import Any

import pytest
from google.api_core import exceptions

from tests.integration.emulators.pubsub.targets import CALL, OURS, Target

BAD_IDS = {
    "too_short": "ab",
    "starts_with_a_digit": "1abc",
    "starts_with_goog": "google-logs",
    "too_long": "a" * 256,
    "has_a_space": "web logs",
    "has_an_umlaut": "zugänge",
    "is_nested": "web/logs",
}


@pytest.mark.parametrize("short", BAD_IDS.values(), ids=BAD_IDS)
@pytest.mark.parametrize("collection", ["topics", "subscriptions", "snapshots"])
def test_bad_id(target: Target, collection: str, short: str) -> None:
    name = target.name(collection, short)
    topic, subscription = target.pair()
    calls = {
        "topics": lambda: target.publisher.create_topic(name=name, **CALL),
        "subscriptions": lambda: target.subscriber.create_subscription(name=name, topic=topic, **CALL),
        "snapshots": lambda: target.subscriber.create_snapshot(name=name, subscription=subscription, **CALL),
    }
    with pytest.raises(exceptions.InvalidArgument) as refused:
        calls[collection]()
    assert name in refused.value.message


def test_a_name_of_another_collection(target: Target) -> None:
    with pytest.raises(exceptions.InvalidArgument):
        target.publisher.create_topic(name=target.name("subscriptions"), **CALL)


@pytest.mark.parametrize("short", ["abc", "a" * 255, "web-logs_1.2~x+y%25"])
def test_good_id(target: Target, short: str) -> None:
    assert target.publisher.create_topic(name=target.name("topics", short), **CALL).name.endswith(short)


def test_names_are_taken_once(target: Target) -> None:
    topic, subscription = target.pair()
    with pytest.raises(exceptions.AlreadyExists):
        target.publisher.create_topic(name=topic, **CALL)
    with pytest.raises(exceptions.AlreadyExists):
        target.subscriber.create_subscription(name=subscription, topic=topic, **CALL)


def test_error_names_the_missing_resource(target: Target) -> None:
    with pytest.raises(exceptions.NotFound, match=r"resource=no-such-topic"):
        target.publisher.get_topic(topic=target.name("topics", "no-such-topic"), **CALL)


def test_nothing_can_be_done_with_what_is_missing(target: Target) -> None:
    topic, subscription = target.name("topics"), target.name("subscriptions")
    real_topic, real_subscription = target.pair()
    subscriber = target.subscriber
    calls = [
        lambda: target.publish(topic, b"x"),
        lambda: target.publisher.delete_topic(topic=topic, **CALL),
        lambda: target.subscription(topic),
        lambda: subscriber.get_subscription(subscription=subscription, **CALL),
        lambda: subscriber.delete_subscription(subscription=subscription, **CALL),
        lambda: subscriber.pull(subscription=subscription, max_messages=1, **CALL),
        lambda: subscriber.acknowledge(subscription=subscription, ack_ids=["x"], **CALL),
        lambda: subscriber.modify_ack_deadline(
            subscription=subscription, ack_ids=["x"], ack_deadline_seconds=10, **CALL
        ),
        lambda: subscriber.seek(request={"subscription": subscription, "time": {"seconds": 1}}, **CALL),
        lambda: subscriber.seek(
            request={"subscription": real_subscription, "snapshot": target.name("snapshots")}, **CALL
        ),
        lambda: subscriber.create_snapshot(name=target.name("snapshots"), subscription=subscription, **CALL),
        lambda: subscriber.delete_snapshot(snapshot=target.name("snapshots"), **CALL),
        lambda: target.subscription(
            real_topic, dead_letter_policy={"dead_letter_topic": topic, "max_delivery_attempts": 5}
        ),
    ]
    for call in calls:
        with pytest.raises(exceptions.NotFound):
            call()


def test_listing_a_missing_topic_is_an_error(target: Target) -> None:
    with pytest.raises(exceptions.NotFound):
        list(target.publisher.list_topic_subscriptions(topic=target.name("topics"), **CALL))


BAD_PUBLISHES: dict[str, list[Any]] = {
    "no_messages": [],
    "empty_message": [b"good", b""],
    "too_many_messages": [b"x"] * 1001,
    "too_many_bytes": [b"x" * 5_000_000, b"y" * 5_000_001],
}


@pytest.mark.parametrize("messages", BAD_PUBLISHES.values(), ids=BAD_PUBLISHES)
def test_bad_publish(target: Target, messages: list[Any]) -> None:
    topic, subscription = target.pair()
    with pytest.raises(exceptions.InvalidArgument):
        target.publish(topic, *messages)
    assert target.pull_once(subscription) == []


@OURS
def test_keys_are_not_mixed_in_a_request(target: Target) -> None:
    topic, subscription = target.pair()
    for other in ({"data": b"y", "ordering_key": "other"}, b"y"):
        with pytest.raises(exceptions.FailedPrecondition, match="same ordering key"):
            target.publish(topic, {"data": b"x", "ordering_key": "key"}, other)
    assert target.pull_once(subscription) == []


BAD_MESSAGES: dict[str, dict[str, Any]] = {
    "too_many_attributes": {"attributes": {f"key{number}": "x" for number in range(101)}},
    "attribute_key_too_long": {"attributes": {"k" * 257: "x"}},
    "attribute_value_too_long": {"attributes": {"key": "v" * 1025}},
    "attribute_value_too_long_in_bytes": {"attributes": {"key": "ä" * 513}},
    "attribute_key_reserved": {"attributes": {"googclient": "x"}},
    "attribute_key_empty": {"attributes": {"": "x"}},
    "ordering_key_too_long": {"data": b"x", "ordering_key": "k" * 1025},
}


@pytest.mark.parametrize("message", BAD_MESSAGES.values(), ids=BAD_MESSAGES)
def test_bad_message(target: Target, message: dict[str, Any]) -> None:
    with pytest.raises(exceptions.InvalidArgument):
        target.publish(target.topic(), message)


def test_largest_request_is_published(target: Target) -> None:
    assert len(target.publish(target.topic(), b"x" * 9_990_000)) == 1


def test_large_messages_are_pulled_in_several_responses(target: Target) -> None:
    topic, subscription = target.pair()
    bodies = {bytes([letter]) * 1_500_000 for letter in b"abcdef"}
    target.publish(topic, *bodies)
    received = []
    while len(received) < len(bodies):
        received += target.pull_once(subscription)
    assert {message.message.data for message in received} == bodies


BAD_SUBSCRIPTIONS: dict[str, dict[str, Any]] = {
    "ack_deadline_too_long": {"ack_deadline_seconds": 601},
    "ack_deadline_negative": {"ack_deadline_seconds": -1},
    "retention_too_short": {"message_retention_duration": {"seconds": 599}},
    "retention_too_long": {"message_retention_duration": {"seconds": 31 * 86_400 + 1}},
    "backoff_too_long": {"retry_policy": {"minimum_backoff": {"seconds": 601}}},
    "backoff_reversed": {"retry_policy": {"minimum_backoff": {"seconds": 9}, "maximum_backoff": {"seconds": 8}}},
}


@pytest.mark.parametrize("settings", BAD_SUBSCRIPTIONS.values(), ids=BAD_SUBSCRIPTIONS)
def test_bad_subscription(target: Target, settings: dict[str, Any]) -> None:
    topic = target.topic()
    with pytest.raises(exceptions.InvalidArgument):
        target.subscription(topic, **settings)


def test_ack_deadline_too_short(target: Target) -> None:
    topic = target.topic()
    with pytest.raises(exceptions.InvalidArgument):
        target.subscription(topic, ack_deadline_seconds=9)


def test_filter_that_is_none(target: Target) -> None:
    topic = target.topic()
    with pytest.raises(exceptions.InvalidArgument, match="position 1"):
        target.subscription(topic, filter="status = 200")


@pytest.mark.parametrize("attempts", [4, 101])
def test_bad_number_of_attempts(target: Target, attempts: int) -> None:
    topic = target.topic()
    with pytest.raises(exceptions.OutOfRange):
        target.subscription(topic, dead_letter_policy={"dead_letter_topic": topic, "max_delivery_attempts": attempts})


@pytest.mark.parametrize("most", [0])
def test_pull_of_no_messages(target: Target, most: int) -> None:
    _, subscription = target.pair()
    with pytest.raises(exceptions.InvalidArgument):
        target.subscriber.pull(subscription=subscription, max_messages=most, **CALL)


def test_bad_ack_ids(target: Target) -> None:
    topic, subscription = target.pair()
    target.publish(topic, b"stays")
    (received,) = target.pull(subscription, 1)
    for ack_ids in ([], ["not-an-ack-id"], [received.ack_id, "not-an-ack-id"]):
        with pytest.raises(exceptions.InvalidArgument):
            target.subscriber.acknowledge(subscription=subscription, ack_ids=ack_ids, **CALL)
    with pytest.raises(exceptions.InvalidArgument):
        target.lease(subscription, [received], 601)
    target.nack(subscription, [received])
    assert target.pull(subscription, 1)[0].message.data == b"stays"


def test_seek_without_a_target(target: Target) -> None:
    _, subscription = target.pair()
    with pytest.raises(exceptions.InvalidArgument):
        target.subscriber.seek(request={"subscription": subscription}, **CALL)


@pytest.mark.parametrize(
    "settings",
    [{"push_config": {"push_endpoint": "https://example.org/push"}}, {"bigquery_config": {"table": "p.d.t"}}],
    ids=["push", "bigquery"],
)
def test_what_is_left_out_is_refused(target: Target, settings: dict[str, Any]) -> None:
    topic = target.topic()
    with pytest.raises(exceptions.MethodNotImplemented):
        target.subscription(topic, **settings)
