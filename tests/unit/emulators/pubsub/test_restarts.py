"""What is stored and what is deleted, with kills in between."""

import asyncio
import time
from collections.abc import Iterator

import grpc
import pytest

from emulators.pubsub import wire
from emulators.pubsub.broker import broker, resources
from emulators.pubsub.errors import PubsubError
from tests.unit.emulators.pubsub.backlogs import undelivered
from tests.unit.emulators.pubsub.in_process import SUBSCRIPTION, TOPIC, Emulator, emulator

DEAD_TOPIC, DEAD = "projects/p-1/topics/dead", "projects/p-1/subscriptions/dead"
SNAPSHOT = "projects/p-1/snapshots/before"
DAY_US = 86_400 * 1_000_000


@pytest.fixture
def running() -> Iterator[Emulator]:
    with emulator() as started:
        started.create_topic()
        yield started


def put_clock_forward(patch: pytest.MonkeyPatch, days: float) -> None:
    """The time of day; leases have a clock of their own."""
    for module in (broker, resources):
        patch.setattr(module, "now_us", lambda: time.time_ns() // 1000 + int(days * DAY_US))


def waiting(running: Emulator) -> int:
    subscription = running.broker.subscriptions[SUBSCRIPTION]
    return undelivered(subscription.backlog, subscription.topic.log)


def acknowledge_all(running: Emulator) -> None:
    running.acknowledge(*[message.ack_id for message in running.pull()])


def test_done_messages_are_deleted(running: Emulator) -> None:
    running.create_subscription()
    running.publish(b"one")
    running.publish(b"two", b"three")
    first, *others = running.pull()
    running.acknowledge(*[message.ack_id for message in others])
    running.broker.tidy()
    assert running.stored("batches") == 1
    running.acknowledge(first.ack_id)
    running.broker.tidy()
    assert running.stored("batches") == 0


def test_messages_nobody_subscribed_to_are_deleted(running: Emulator) -> None:
    running.publish(b"into the void")
    running.broker.tidy()
    assert running.stored("batches") == 0


def test_message_ids_are_not_used_twice(running: Emulator) -> None:
    ids: list[str] = []
    for _ in range(3):
        ids += running.publish(b"x", b"y")
        running.broker.tidy()
        running.settle()
        running.restart()
    assert len(set(ids)) == 6
    assert ids == sorted(ids, key=int)


def test_attempts_are_counted_over_restarts(running: Emulator) -> None:
    running.create_topic(DEAD_TOPIC)
    running.create_subscription(DEAD, DEAD_TOPIC)
    running.create_subscription(dead_letter_policy={"dead_letter_topic": DEAD_TOPIC})
    running.publish(b"poison", b"fine")
    running.acknowledge(*[message.ack_id for message in running.pull() if message.message.data == b"fine"])
    for attempt in range(1, 6):
        running.settle()
        running.restart()
        (received,) = running.pull()
        assert received.delivery_attempt == attempt
        running.nack(received.ack_id)
    running.settle()
    assert running.pull() == []
    running.restart()
    (letter,) = running.pull(subscription=DEAD)
    assert letter.message.attributes["CloudPubSubDeadLetterSourceDeliveryCount"] == "5"
    assert running.pull() == []


def test_forwarding_is_all_or_nothing(running: Emulator) -> None:
    """Killed at any moment, a message is in the subscription or in the dead-letter topic, never in neither."""
    running.create_topic(DEAD_TOPIC)
    running.create_subscription(DEAD, DEAD_TOPIC)
    running.create_subscription(dead_letter_policy={"dead_letter_topic": DEAD_TOPIC})
    running.publish(b"poison")
    for _ in range(4):
        running.nack(running.pull()[0].ack_id)
        running.settle()
    running.nack(running.pull()[0].ack_id)
    running.restart()
    assert sorted(running.bodies() + running.bodies(DEAD)) == [b"poison"]


def test_seek_back_survives_a_kill(running: Emulator) -> None:
    running.create_subscription(retain_acked_messages=True)
    running.publish(b"one", b"two")
    acknowledge_all(running)
    running.broker.tidy()
    running.seek(time={"seconds": 1})
    running.restart()
    assert running.bodies() == [b"one", b"two"]


def test_seek_undoes_acknowledgements_of_the_same_commit(running: Emulator) -> None:
    running.create_subscription(retain_acked_messages=True)
    running.publish(b"one")
    (received,) = running.pull()
    subscription = running.broker.subscriptions[SUBSCRIPTION]

    async def acknowledge_then_seek() -> None:
        running.broker.acknowledge(subscription, [received.ack_id])
        running.broker.seek(subscription, subscription.position_at(0))

    running.run(acknowledge_then_seek())
    running.settle()
    running.restart()
    assert running.bodies() == [b"one"]


def test_seek_forward_survives_a_kill(running: Emulator) -> None:
    running.create_subscription()
    running.publish(b"old")
    running.seek(time={"seconds": int(time.time()) + 60})
    running.publish(b"new")
    running.restart()
    assert running.bodies() == [b"new"]


def test_snapshot_keeps_its_messages(running: Emulator) -> None:
    running.create_subscription()
    running.publish(b"done", b"open")
    done, open_ = running.pull()
    running.acknowledge(done.ack_id)
    fields = {"name": SNAPSHOT, "subscription": SUBSCRIPTION}
    running.call(running.subscriber, "create_snapshot", "CreateSnapshotRequest", **fields)
    running.acknowledge(open_.ack_id)
    running.publish(b"later")
    acknowledge_all(running)
    running.broker.tidy()
    running.settle()
    running.restart()
    running.broker.tidy()
    running.seek(snapshot=SNAPSHOT)
    assert running.bodies() == [b"open", b"later"]


def test_snapshot_expires_with_its_oldest_message(running: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    # Else messages of that age are no longer kept.
    running.create_subscription(message_retention_duration={"seconds": 31 * 86_400})
    fields = {"name": SNAPSHOT, "subscription": SUBSCRIPTION}
    running.publish(b"done")
    acknowledge_all(running)
    running.publish(b"three days old", b"as old")
    running.pull(1)
    put_clock_forward(monkeypatch, 3)
    running.publish(b"new")
    made = running.call(running.subscriber, "create_snapshot", "CreateSnapshotRequest", **fields)
    assert made.expire_time.ToMicroseconds() == pytest.approx(time.time_ns() // 1000 + 7 * DAY_US, abs=DAY_US / 24)
    put_clock_forward(monkeypatch, 7 - 0.5 / 24)
    fields["name"] += "-late"
    with pytest.raises(PubsubError, match="too old") as refused:
        running.call(running.subscriber, "create_snapshot", "CreateSnapshotRequest", **fields)
    assert refused.value.code == grpc.StatusCode.FAILED_PRECONDITION
    running.advance(10)
    acknowledge_all(running)
    running.call(running.subscriber, "create_snapshot", "CreateSnapshotRequest", **fields)


def test_snapshot_expires(running: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    running.create_subscription()
    fields = {"name": SNAPSHOT, "subscription": SUBSCRIPTION}
    running.call(running.subscriber, "create_snapshot", "CreateSnapshotRequest", **fields)
    put_clock_forward(monkeypatch, 6.9)
    running.broker.tidy()
    assert running.stored("snapshots") == 1
    put_clock_forward(monkeypatch, 7.1)
    running.broker.tidy()
    assert running.stored("snapshots") == 0


def test_unacknowledged_messages_expire(running: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    running.create_subscription(message_retention_duration={"seconds": 86_400})
    running.publish(b"leased", b"waiting")
    running.pull(1)
    put_clock_forward(monkeypatch, 0.9)
    running.publish(b"young")
    running.broker.tidy()
    assert waiting(running) == 3
    put_clock_forward(monkeypatch, 1.1)
    running.broker.tidy()
    running.settle()
    running.restart()
    assert running.bodies() == [b"young"]
    assert running.stored("batches") == 1


def test_retained_messages_expire(running: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    running.create_subscription(retain_acked_messages=True, message_retention_duration={"seconds": 86_400})
    running.publish(b"x")
    acknowledge_all(running)
    running.broker.tidy()
    assert running.stored("batches") == 1
    put_clock_forward(monkeypatch, 1.1)
    running.broker.tidy()
    assert running.stored("batches") == 0


def test_deleted_topic_goes_with_its_last_subscription(running: Emulator) -> None:
    running.create_subscription()
    running.publish(b"x")
    running.call(running.publisher, "delete_topic", "DeleteTopicRequest", topic=TOPIC)
    running.restart()
    running.broker.tidy()
    assert (running.stored("topics"), running.stored("batches")) == (1, 1)
    running.call(running.subscriber, "delete_subscription", "DeleteSubscriptionRequest", subscription=SUBSCRIPTION)
    running.broker.tidy()
    assert (running.stored("topics"), running.stored("batches")) == (0, 0)


def test_detached_subscription_stays_detached(running: Emulator) -> None:
    running.create_subscription()
    running.publish(b"x")
    request = {"subscription": SUBSCRIPTION}
    running.call(running.publisher, "detach_subscription", "DetachSubscriptionRequest", **request)
    running.restart()
    found = running.call(running.subscriber, "get_subscription", "GetSubscriptionRequest", **request)
    assert found.detached
    update = {"subscription": {"name": SUBSCRIPTION, "labels": {"a": "b"}}, "update_mask": {"paths": ["labels"]}}
    updated = running.call(running.subscriber, "update_subscription", "UpdateSubscriptionRequest", **update)
    assert (updated.detached, dict(updated.labels)) == (True, {"a": "b"})
    running.broker.tidy()
    assert running.stored("batches") == 0


def test_progress_is_folded(running: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    running.create_subscription()
    running.publish(*[b"%d" % number for number in range(6)])
    for message in running.pull()[:4]:
        running.acknowledge(message.ack_id)
    assert running.stored("progress") == 4
    monkeypatch.setattr(broker, "COMPACT_AFTER", 3)
    running.broker.tidy()
    assert running.stored("progress") == 0
    running.restart()
    assert running.bodies() == [b"4", b"5"]


def test_publish_is_answered_before_its_messages_are_delivered(running: Emulator) -> None:
    running.create_subscription()
    order: list[str] = []

    async def publish(number: int) -> None:
        request = wire.PublishRequest(topic=TOPIC, messages=[wire.PubsubMessage(data=b"%d" % number)])
        await running.publisher.publish(request)
        order.append("answered")

    async def pull() -> None:
        await running.subscriber.pull(wire.type_of["PullRequest"](subscription=SUBSCRIPTION, max_messages=9))
        order.append("delivered")

    async def both() -> None:
        await asyncio.gather(pull(), publish(1), publish(2))

    running.run(both())
    assert order == ["answered", "answered", "delivered"]


def test_publish_is_visible_only_when_it_is_stored(running: Emulator) -> None:
    running.create_subscription()
    request = wire.PublishRequest(messages=[wire.PubsubMessage(data=b"x")])

    async def publish_then_look() -> int:
        running.broker.publish(running.broker.topics[TOPIC], request)
        return waiting(running)

    assert running.run(publish_then_look()) == 0
    running.settle()
    assert running.bodies() == [b"x"]
