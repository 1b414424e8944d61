"""All topics, subscriptions and snapshots of the emulator, and what happens to their messages.

Lives in one event loop, so nothing here is locked: a decision is taken in memory, recorded in the journal, and answered
once the journal says it is durable. Published messages become visible only then.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import TypeVar

import grpc
from google.protobuf import timestamp_pb2

from emulators.pubsub import wire
from emulators.pubsub.broker.delivery import AckResult, Delivery
from emulators.pubsub.broker.policy import Policy
from emulators.pubsub.broker.resources import Snapshot, Subscription, Topic, now_us
from emulators.pubsub.errors import PubsubError, failed_precondition, not_found
from emulators.pubsub.log.journal import Journal
from emulators.pubsub.log.message_log import Batch, BodyCache, Position, TopicLog
from emulators.pubsub.log.store import ACKED, FAILED, Store
from emulators.pubsub.wire import Message

COMPACT_AFTER = 65_536
"""Progress records of a subscription (message ids) after which they are compacted into its row."""

_MAINTENANCE_SECONDS = 1.0
_MIN_SNAPSHOT_US = 3_600 * 1_000_000
R = TypeVar("R")


class _Resources(dict[str, R]):
    """Resources by name; a name without one is NOT_FOUND, one that is taken ALREADY_EXISTS."""

    def __missing__(self, name: str) -> R:
        raise not_found(name)

    def require_free(self, name: str) -> None:
        if name in self:
            short_name = name.rpartition("/")[2]
            raise PubsubError(
                grpc.StatusCode.ALREADY_EXISTS, f"Resource already exists in the project (resource={short_name})."
            )


class Broker:
    """The state of the emulator.

    Args:
        store: The open state file; what it holds is loaded.

    Attributes:
        topics: By name, without the deleted ones.
        subscriptions: By name.
        snapshots: By name.
        is_closing: Whether streams and waiting pulls have to end.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.journal = Journal(store)
        self.topics: _Resources[Topic] = _Resources()
        self.subscriptions: _Resources[Subscription] = _Resources()
        self.snapshots: _Resources[Snapshot] = _Resources()
        self.is_closing = False
        self._all_topics: dict[int, Topic] = {}
        self._cache = BodyCache(store.request)
        self._next_message = store.next_message_id()
        self._next_subscription = store.next_subscription_id()
        self._load()
        self._maintenance = asyncio.create_task(self._maintain())

    def _load(self) -> None:
        batches: defaultdict[int, list[Batch]] = defaultdict(list)
        for topic_id, batch in self._store.batches():
            batches[topic_id].append(batch)
        for number, name, config in self._store.topics():
            topic = Topic(number, wire.Topic.FromString(config), TopicLog(self._cache, batches.pop(number, [])))
            topic.is_deleted = name is None
            self._all_topics[number] = topic
            if name is not None:
                self.topics[name] = topic
        for orphan in batches:
            self.journal.statement("DELETE FROM batches WHERE topic = ?", (orphan,))
        for number, topic_id, config, position in self._store.subscriptions():
            self._attach(number, wire.Subscription.FromString(config), topic_id, position)
        for topic_id, snapshot, position in self._store.snapshots():
            self._keep(Snapshot(wire.Snapshot.FromString(snapshot), self._all_topics[topic_id], position))
        for subscription in self.subscriptions.values():
            self.compact(subscription)
        self.tidy()

    def _attach(self, number: int, config: Message, topic_id: int, position: Position) -> Subscription:
        topic = self._all_topics[topic_id]
        subscription = Subscription(number, config, topic, position, self._take_back)
        if not config.detached:
            topic.subscriptions.add(subscription)
        self.subscriptions[config.name] = subscription
        return subscription

    def _keep(self, snapshot: Snapshot) -> None:
        snapshot.topic.snapshots.add(snapshot)
        self.snapshots[snapshot.config.name] = snapshot

    def require_readable(self, subscription: Subscription) -> None:
        """Refuse a subscription that was deleted (NOT_FOUND) or detached (FAILED_PRECONDITION)."""
        name = subscription.config.name
        if self.subscriptions[name] is not subscription:
            raise not_found(name)
        if subscription.config.detached:
            raise failed_precondition(f"Subscription is detached (resource={name}).")

    def create_topic(self, config: Message) -> None:
        """Add a topic; ALREADY_EXISTS where its name is taken."""
        self.topics.require_free(config.name)
        topic = Topic(max(self._all_topics, default=0) + 1, config, TopicLog(self._cache))
        self._all_topics[topic.id] = topic
        self.topics[config.name] = topic
        self.journal.statement(
            "INSERT INTO topics (id, name, config) VALUES (?, ?, ?)",
            (topic.id, config.name, config.SerializeToString()),
        )

    def update(self, resource: Topic | Subscription | Snapshot, config: Message) -> None:
        """Replace the settings of a topic, subscription or snapshot."""
        resource.config = config
        if isinstance(resource, Subscription):
            resource.backlog.policy = Policy.from_config(config)
            resource.notify()
        table = f"{type(resource).__name__.lower()}s"
        self.journal.statement(
            f"UPDATE {table} SET config = ? WHERE name = ?", (config.SerializeToString(), config.name)
        )

    def delete_topic(self, topic: Topic) -> None:
        """Remove a topic; its subscriptions keep what they have not delivered yet."""
        del self.topics[topic.config.name]
        topic.is_deleted = True
        self.journal.statement("UPDATE topics SET name = NULL WHERE id = ?", (topic.id,))

    def create_subscription(self, config: Message, topic: Topic) -> Subscription:
        """Attach a subscription to what is published from now on; ALREADY_EXISTS where its name is taken."""
        self.subscriptions.require_free(config.name)
        number, self._next_subscription = self._next_subscription, self._next_subscription + 1
        position = Position(self._next_message - 1)
        self.journal.statement(
            "INSERT INTO subscriptions (id, name, topic, config, cursor, pending) VALUES (?, ?, ?, ?, ?, x'')",
            (number, config.name, topic.id, config.SerializeToString(), position.cursor),
        )
        return self._attach(number, config, topic.id, position)

    def delete_subscription(self, subscription: Subscription) -> None:
        """Remove a subscription and its backlog."""
        del self.subscriptions[subscription.config.name]
        subscription.topic.subscriptions.discard(subscription)
        self.journal.forget_progress(subscription.id)
        self.journal.statement("DELETE FROM subscriptions WHERE id = ?", (subscription.id,))
        subscription.stop()

    def detach_subscription(self, subscription: Subscription) -> None:
        """End a subscription's reading of its topic and drop its backlog; only its settings stay."""
        subscription.topic.subscriptions.discard(subscription)
        config = wire.Subscription()
        config.CopyFrom(subscription.config)
        config.detached = True
        self.update(subscription, config)
        self.seek(subscription, Position(subscription.backlog.cursor))

    def create_snapshot(self, config: Message, subscription: Subscription) -> None:
        """Keep the position of a subscription.

        Raises:
            PubsubError: ALREADY_EXISTS, the name is taken; FAILED_PRECONDITION, it would expire within an hour.
        """
        self.snapshots.require_free(config.name)
        expires_us = subscription.snapshot_expires_us()
        if expires_us < now_us() + _MIN_SNAPSHOT_US:
            raise failed_precondition("The subscription's backlog is too old to create a snapshot.")
        config.expire_time.FromMicroseconds(expires_us)
        position = subscription.backlog.position()
        snapshot = Snapshot(config, subscription.topic, Position(position.cursor, position.pending))
        self._keep(snapshot)
        self.journal.statement(
            "INSERT INTO snapshots VALUES (?, ?, ?, ?, ?)",
            (config.name, snapshot.topic.id, config.SerializeToString(), position.cursor, position.packed_pending()),
        )

    def delete_snapshot(self, snapshot: Snapshot) -> None:
        """Remove a snapshot."""
        del self.snapshots[snapshot.config.name]
        snapshot.topic.snapshots.discard(snapshot)
        self.journal.statement("DELETE FROM snapshots WHERE name = ?", (snapshot.config.name,))

    def publish(self, topic: Topic, request: Message) -> range:
        """Give the messages of a PublishRequest, which is taken over, their ids and publish time, and store them.

        Returns:
            The message ids. The messages are delivered once the journal has them.
        """
        ids = range(self._next_message, self._next_message + len(request.messages))
        self._next_message = ids.stop
        topic.published_us = max(topic.published_us, now_us())
        stamp = timestamp_pb2.Timestamp()
        stamp.FromMicroseconds(topic.published_us)
        for message_id, message in zip(ids, request.messages, strict=True):
            message.message_id = str(message_id)
            message.publish_time.CopyFrom(stamp)
        request.topic = ""
        stored = request.SerializeToString()
        batch = Batch(ids.start, len(ids), topic.published_us, len(stored))
        row = (batch.first_id, topic.id, batch.count, batch.publish_us, stored)
        self.journal.statement("INSERT INTO batches VALUES (?, ?, ?, ?, ?)", row)
        self.journal.statement("UPDATE next_message SET id = ?", (ids.stop,))
        self.journal.when_committed(lambda: self._show(topic, batch, request))
        return ids

    def _show(self, topic: Topic, batch: Batch, request: Message) -> None:
        topic.log.append(batch, request)
        for subscription in topic.subscriptions:
            subscription.notify()

    def acknowledge(self, subscription: Subscription, ack_ids: Sequence[str]) -> AckResult:
        """End messages for good; it is durable once the journal says so."""
        result = subscription.backlog.acknowledge(ack_ids)
        self._record(subscription, ACKED, result.acked)
        subscription.notify()
        return result

    def modify(self, subscription: Subscription, ack_ids: Sequence[str], seconds: Sequence[int]) -> AckResult:
        """Set the remaining leases of messages; 0 gives a message back."""
        result = subscription.backlog.modify(ack_ids, seconds, asyncio.get_running_loop().time())
        subscription.schedule()
        self._take_back(subscription, result)
        return result

    def _take_back(self, subscription: Subscription, result: AckResult) -> None:
        """Record failed delivery attempts and forward the messages that failed their last one."""
        if subscription.backlog.policy.max_attempts:
            self._record(subscription, FAILED, result.failed)
        if result.exhausted:
            self._forward(subscription, result.exhausted)
        subscription.notify()

    def _forward(self, subscription: Subscription, exhausted: list[Delivery]) -> None:
        target = self.topics.get(subscription.config.dead_letter_policy.dead_letter_topic)
        if target is None:
            subscription.backlog.not_forwarded(exhausted)
            return
        self.publish(target, subscription.dead_letters(exhausted))
        self._record(subscription, ACKED, [delivery.id for delivery in exhausted])
        self.journal.when_committed(lambda: subscription.backlog.forwarded(exhausted))

    def _record(self, subscription: Subscription, kind: str, message_ids: list[int]) -> None:
        if message_ids:
            subscription.uncompacted += len(message_ids)
            self.journal.progress(subscription.id, kind, message_ids)

    def seek(self, subscription: Subscription, position: Position) -> None:
        """Bring a subscription to another position; every lease ends."""
        subscription.seek(position)
        self.compact(subscription)

    def compact(self, subscription: Subscription) -> None:
        """Store where a subscription stands, in place of the progress recorded so far."""
        subscription.uncompacted = 0
        self.journal.position(subscription.id, subscription.backlog.position())

    async def _maintain(self) -> None:
        while True:
            await asyncio.sleep(_MAINTENANCE_SECONDS)
            self.tidy()

    def tidy(self) -> None:
        """End what is older than its retention; free and compact what is done."""
        expired = [name for name, kept in self.snapshots.items() if kept.config.expire_time.ToMicroseconds() < now_us()]
        for name in expired:
            self.delete_snapshot(self.snapshots[name])
        for subscription in self.subscriptions.values():
            subscription.expire_retention()
            if subscription.uncompacted >= COMPACT_AFTER:
                self.compact(subscription)
        referenced = {subscription.topic.id for subscription in self.subscriptions.values()}
        for topic in tuple(self._all_topics.values()):
            for batch in topic.truncate():
                self.journal.statement("DELETE FROM batches WHERE first_id = ?", (batch.first_id,))
            if topic.is_deleted and topic.log.first is None and not topic.snapshots and topic.id not in referenced:
                del self._all_topics[topic.id]
                self.journal.statement("DELETE FROM topics WHERE id = ?", (topic.id,))

    def begin_closing(self) -> None:
        """Make streams and waiting pulls end."""
        self.is_closing = True
        for subscription in self.subscriptions.values():
            subscription.notify()

    async def close(self) -> None:
        """Store what is left to store, and stop."""
        self._maintenance.cancel()
        for subscription in self.subscriptions.values():
            subscription.stop()
            if subscription.uncompacted:
                self.compact(subscription)
        await self.journal.close()
