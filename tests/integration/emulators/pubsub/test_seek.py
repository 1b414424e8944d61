"""Seek to a time and to a snapshot."""

import datetime
import time

import pytest
from google.api_core import exceptions

from tests.integration.emulators.pubsub.targets import CALL, Target, data_of


def instant(target: Target) -> datetime.datetime:
    """A time between what was published before and what will be."""
    time.sleep(0.02)
    now = datetime.datetime.now(datetime.UTC)
    time.sleep(0.02)
    return now


def seek(target: Target, subscription: str, moment: datetime.datetime | str) -> None:
    place = {"snapshot": moment} if isinstance(moment, str) else {"time": moment}
    target.subscriber.seek(request={"subscription": subscription, **place}, **CALL)


def test_seek_forward_purges(target: Target) -> None:
    topic, subscription = target.pair()
    target.publish(topic, b"old", b"older")
    moment = instant(target)
    target.publish(topic, b"new")
    seek(target, subscription, moment)
    assert data_of(target.pull(subscription, 1)) == [b"new"]
    assert target.pull_once(subscription) == []


def test_seek_forward_ends_leases(target: Target) -> None:
    topic, subscription = target.pair()
    target.publish(topic, b"old")
    received = target.pull(subscription, 1)
    seek(target, subscription, instant(target))
    target.nack(subscription, received)
    assert target.pull_once(subscription) == []


def test_seek_back_replays_what_is_retained(target: Target) -> None:
    topic, subscription = target.pair(retain_acked_messages=True)
    target.publish(topic, b"first")
    moment = instant(target)
    target.publish(topic, b"second", b"third")
    target.ack(subscription, target.pull(subscription, 3))
    assert target.pull_once(subscription) == []
    seek(target, subscription, moment)
    assert sorted(data_of(target.pull(subscription, 2))) == [b"second", b"third"]
    assert target.pull_once(subscription) == []


def test_seek_back_without_retention_replays_nothing(target: Target) -> None:
    topic, subscription = target.pair()
    moment = instant(target)
    target.publish(topic, b"done", b"open")
    received = target.pull(subscription, 2)
    target.ack(subscription, received[:1])
    target.nack(subscription, received[1:])
    seek(target, subscription, moment)
    assert data_of(target.pull(subscription, 1)) == data_of(received[1:])
    assert target.pull_once(subscription) == []


def test_topic_retention_reaches_back_before_the_subscription(target: Target) -> None:
    topic = target.topic(message_retention_duration={"seconds": 3600})
    moment = instant(target)
    target.publish(topic, b"before")
    time.sleep(1.5)
    subscription = target.subscription(topic)
    assert target.pull_once(subscription) == []
    seek(target, subscription, moment)
    assert data_of(target.pull(subscription, 1)) == [b"before"]


def test_snapshot_brings_back_what_was_open(target: Target) -> None:
    topic, subscription = target.pair()
    target.publish(topic, b"done", b"open")
    received = {message.message.data: message for message in target.pull(subscription, 2)}
    target.ack(subscription, [received[b"done"]])
    snapshot = target.name("snapshots")
    target.subscriber.create_snapshot(name=snapshot, subscription=subscription, **CALL)
    target.ack(subscription, [received[b"open"]])
    target.publish(topic, b"later")
    target.ack(subscription, target.pull(subscription, 1))
    seek(target, subscription, snapshot)
    assert sorted(data_of(target.pull(subscription, 2))) == [b"later", b"open"]
    assert target.pull_once(subscription) == []


def test_snapshot_serves_another_subscription(target: Target) -> None:
    topic, first = target.pair()
    second = target.subscription(topic)
    snapshot = target.name("snapshots")
    target.subscriber.create_snapshot(name=snapshot, subscription=first, **CALL)
    target.publish(topic, b"x")
    target.ack(second, target.pull(second, 1))
    seek(target, second, snapshot)
    assert data_of(target.pull(second, 1)) == [b"x"]


def test_snapshot_of_another_topic_is_refused(target: Target) -> None:
    _, subscription = target.pair()
    _, other = target.pair()
    snapshot = target.name("snapshots")
    target.subscriber.create_snapshot(name=snapshot, subscription=other, **CALL)
    with pytest.raises(exceptions.FailedPrecondition):
        seek(target, subscription, snapshot)
