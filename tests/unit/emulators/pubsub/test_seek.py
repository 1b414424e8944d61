"""Seek to a time ends every lease, whether or not acknowledged messages are retained."""

import time
from collections.abc import Iterator

import pytest

from emulators.pubsub import wire
from emulators.pubsub.broker.delivery import Consumer
from emulators.pubsub.errors import PubsubError
from tests.unit.emulators.pubsub.in_process import SUBSCRIPTION, TOPIC, Emulator, emulator

RETENTION = pytest.mark.parametrize("retained", [False, True])
START = {"seconds": 1}


@pytest.fixture
def running() -> Iterator[Emulator]:
    with emulator() as started:
        started.create_topic()
        yield started


@RETENTION
def test_leased_messages_are_deliverable_at_once(running: Emulator, retained: bool) -> None:
    running.create_subscription(retain_acked_messages=retained)
    running.publish(b"one", b"two")
    assert len(running.pull()) == 2
    assert running.pull() == []
    running.seek(time=START)
    assert running.bodies() == [b"one", b"two"]


@RETENTION
def test_old_ack_ids_are_void(running: Emulator, retained: bool) -> None:
    running.create_subscription(retain_acked_messages=retained, enable_exactly_once_delivery=True)
    running.publish(b"one")
    (received,) = running.pull()
    running.seek(time=START)
    with pytest.raises(PubsubError, match="invalid"):
        running.acknowledge(received.ack_id)
    assert running.bodies() == [b"one"]


@RETENTION
def test_consumers_have_room_again(running: Emulator, retained: bool) -> None:
    running.create_subscription(retain_acked_messages=retained)
    running.publish(b"old")
    now_us = time.time_ns() // 1000 + 1
    time.sleep(0.001)
    running.publish(b"new")
    consumer = Consumer()
    subscription = running.broker.subscriptions[SUBSCRIPTION]

    async def take_then_seek() -> list[bytes]:
        first, second = wire.PullResponse(), wire.PullResponse()
        assert subscription.deliver(first, consumer)
        assert len(first.received_messages) == 2
        running.broker.seek(subscription, subscription.position_at(now_us))
        assert (consumer.messages, consumer.bytes) == (0, 0)
        assert subscription.deliver(second, consumer)
        return [received.message.data for received in second.received_messages]

    assert running.run(take_then_seek()) == [b"new"]


@RETENTION
def test_a_key_is_delivered_in_order_again(running: Emulator, retained: bool) -> None:
    running.create_subscription(retain_acked_messages=retained, enable_message_ordering=True)
    messages = [{"data": b"%d" % number, "ordering_key": "k"} for number in range(3)]
    running.call(running.publisher, "publish", "PublishRequest", topic=TOPIC, messages=messages)
    assert len(running.pull(2)) == 2
    running.seek(time=START)
    assert running.bodies() == [b"0", b"1", b"2"]


def test_acknowledged_messages_stay_acknowledged_without_retention(running: Emulator) -> None:
    running.create_subscription()
    running.publish(b"done", b"leased")
    done, _ = running.pull()
    running.acknowledge(done.ack_id)
    running.seek(time=START)
    running.restart()
    assert running.bodies() == [b"leased"]


def test_snapshot_of_another_filter_brings_back_only_what_passes(running: Emulator) -> None:
    other = f"{SUBSCRIPTION}-all"
    running.create_subscription(other)
    running.create_subscription(filter="attributes:keep")
    messages = [{"data": b"dropped"}, {"data": b"kept", "attributes": {"keep": "1"}}]
    running.call(running.publisher, "publish", "PublishRequest", topic=TOPIC, messages=messages)
    running.bodies(other)
    snapshot = "projects/p-1/snapshots/all"
    running.call(running.subscriber, "create_snapshot", "CreateSnapshotRequest", name=snapshot, subscription=other)
    running.seek(snapshot=snapshot)
    assert running.bodies() == [b"kept"]
    running.restart()
    assert running.bodies() == [b"kept"]


def test_detached_subscription_holds_nothing_and_cannot_be_sought(running: Emulator) -> None:
    running.create_subscription()
    running.publish(b"one", b"two")
    running.pull(1)
    request = {"subscription": SUBSCRIPTION}
    running.call(running.publisher, "detach_subscription", "DetachSubscriptionRequest", **request)
    assert running.broker.subscriptions[SUBSCRIPTION].backlog.position().pending == ()
    running.broker.tidy()
    assert running.stored("batches") == 0
    running.restart()
    for refused in (running.pull, lambda: running.seek(time=START)):
        with pytest.raises(PubsubError, match="detached"):
            refused()
