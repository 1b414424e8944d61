"""Topics, subscriptions and snapshots as they live in the event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from emulators.pubsub import wire
from emulators.pubsub.broker.backlog import Backlog
from emulators.pubsub.broker.delivery import AckResult, Consumer, Delivery
from emulators.pubsub.broker.policy import Policy
from emulators.pubsub.log.message_log import Batch, Position, TopicLog
from emulators.pubsub.names import DELETED_TOPIC
from emulators.pubsub.wire import Message

MAX_RESPONSE_MESSAGES = 1000
MAX_RESPONSE_BYTES = 3_000_000
"""Size from which a response takes no further message: plain gRPC clients refuse more than 4 MiB."""

_SNAPSHOT_US = 7 * 86_400 * 1_000_000
_DEAD_LETTER = "CloudPubSubDeadLetterSource"


def now_us() -> int:
    """Return the time of day in microseconds since the epoch."""
    return time.time_ns() // 1000


class Topic:
    """A topic and its messages.

    Attributes:
        id: Number, never reused: a topic created again under an old name is another one.
        config: Its google.pubsub.v1.Topic.
        log: Its stored messages.
        subscriptions: The subscriptions attached to it.
        is_deleted: It only lives on for what its subscriptions still have to deliver.
        published_us: Publish time of its newest message.
    """

    def __init__(self, number: int, config: Message, log: TopicLog) -> None:
        self.id = number
        self.config = config
        self.log = log
        self.subscriptions: set[Subscription] = set()
        self.snapshots: set[Snapshot] = set()
        self.is_deleted = False
        self.published_us = max((batch.publish_us for batch in log), default=0)

    @property
    def name(self) -> str:
        """Its resource name, as its subscriptions show it."""
        return DELETED_TOPIC if self.is_deleted else str(self.config.name)

    @property
    def retention_us(self) -> int:
        """How long the topic itself keeps messages, acknowledged or not, in microseconds."""
        return 0 if self.is_deleted else int(self.config.message_retention_duration.ToMicroseconds())

    def truncate(self) -> list[Batch]:
        """Drop and return the batches that no subscription, snapshot or retention needs, for the store to delete."""
        backlogs = [subscription.backlog for subscription in self.subscriptions]
        holders: list[Backlog | Snapshot] = [*backlogs, *self.snapshots]
        kept_us = max([self.retention_us, *(subscription.replay_us for subscription in self.subscriptions)])
        oldest_kept = self.log.first_id_since(now_us() - kept_us) if kept_us else self.log.last_id + 1
        limits = [holder.cursor for holder in holders]
        return self.log.delete(
            lambda batch: not any(holder.needs(batch) for holder in holders), min([oldest_kept - 1, *limits])
        )


class Snapshot:
    """A position of a subscription, kept to seek back to.

    Attributes:
        config: Its google.pubsub.v1.Snapshot.
        topic: The topic whose messages it holds on to.
        position: What was unacknowledged.
        cursor: Every message with a greater id is part of the snapshot.
    """

    def __init__(self, config: Message, topic: Topic, position: Position) -> None:
        self.config = config
        self.topic = topic
        self.position = position
        self.cursor = position.cursor
        batches = (topic.log.holding(message_id) for message_id in position.pending)
        self._held = {batch.first_id for batch in batches if batch is not None}

    def needs(self, batch: Batch) -> bool:
        """Tell whether a batch holds one of its messages."""
        return batch.last_id > self.cursor or batch.first_id in self._held


class Subscription:
    """A subscription: its settings, its backlog, and those who wait for messages.

    Args:
        number: Number, never reused.
        config: Its complete google.pubsub.v1.Subscription.
        topic: The topic it reads.
        position: How far it has come.
        on_expired: Called with what the end of leases did.
    """

    def __init__(
        self,
        number: int,
        config: Message,
        topic: Topic,
        position: Position,
        on_expired: Callable[[Subscription, AckResult], None],
    ) -> None:
        self.id = number
        self.config = config
        self.topic = topic
        self.backlog = Backlog(number, topic.log, Policy.from_config(config), position, first_token=now_us())
        self.uncompacted = 0
        self._on_expired = on_expired
        self._loop = asyncio.get_running_loop()
        self._waiting: set[asyncio.Future[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def described(self) -> Message:
        """Return the Subscription message as the API shows it."""
        shown = type(self.config)()
        shown.CopyFrom(self.config)
        shown.topic = self.topic.name
        if not self.topic.is_deleted and self.topic.config.HasField("message_retention_duration"):
            shown.topic_message_retention_duration.CopyFrom(self.topic.config.message_retention_duration)
        return shown

    @property
    def retention_us(self) -> int:
        """How long it keeps unacknowledged messages, in microseconds."""
        return max(int(self.config.message_retention_duration.ToMicroseconds()), self.topic.retention_us)

    @property
    def replay_us(self) -> int:
        """How far back a seek brings acknowledged messages again, in microseconds."""
        return self.retention_us if self.config.retain_acked_messages else self.topic.retention_us

    def deliver(
        self,
        response: Message,
        consumer: Consumer,
        *,
        max_messages: int | None = None,
        max_bytes: int | None = None,
        ack_seconds: int | None = None,
    ) -> bool:
        """Lease the next messages to a consumer and add them to its response; tell whether there were any.

        One message may go beyond `max_bytes`. The leases last `ack_seconds`, by default the subscription's.
        """
        deliveries = self.backlog.take(
            consumer,
            MAX_RESPONSE_MESSAGES if max_messages is None else min(max_messages, MAX_RESPONSE_MESSAGES),
            MAX_RESPONSE_BYTES if max_bytes is None else min(max_bytes, MAX_RESPONSE_BYTES),
            ack_seconds or self.config.ack_deadline_seconds,
            self._loop.time(),
        )
        shows_attempt = self.backlog.policy.max_attempts > 0
        batch: Batch | None = None
        messages: Sequence[Message] = ()
        for delivery in deliveries:
            if delivery.batch is not batch:
                batch = delivery.batch
                messages = self.topic.log.messages(batch)
            received = response.received_messages.add()
            received.ack_id = delivery.ack_id
            received.message.CopyFrom(messages[delivery.id - delivery.batch.first_id])
            if shows_attempt:
                received.delivery_attempt = delivery.attempt
        if deliveries:
            self.schedule()
        return bool(deliveries)

    def dead_letters(self, exhausted: Iterable[Delivery]) -> Message:
        """Return a PublishRequest of these messages for the dead-letter topic; attributes name their origin."""
        _, project, _, short_id = self.config.name.split("/")
        request = wire.PublishRequest()
        for delivery in exhausted:
            published = datetime.fromtimestamp(delivery.batch.publish_us / 1e6, UTC)
            message = request.messages.add()
            message.CopyFrom(self.topic.log.messages(delivery.batch)[delivery.id - delivery.batch.first_id])
            message.attributes[f"{_DEAD_LETTER}DeliveryCount"] = str(delivery.attempt)
            message.attributes[f"{_DEAD_LETTER}Subscription"] = short_id
            message.attributes[f"{_DEAD_LETTER}SubscriptionProject"] = project
            message.attributes[f"{_DEAD_LETTER}TopicPublishTime"] = published.isoformat(timespec="milliseconds")
        return request

    def changed(self) -> asyncio.Future[None]:
        """Return a future that is done once there may be something to deliver; cancel it when no longer awaited."""
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._waiting.add(waiter)
        waiter.add_done_callback(self._waiting.discard)
        return waiter

    def notify(self) -> None:
        """Wake everyone who waits."""
        for waiter in tuple(self._waiting):
            if not waiter.done():
                waiter.set_result(None)

    def schedule(self) -> None:
        """Set the timer to when the next lease or backoff ends."""
        due = self.backlog.next_due()
        if self._timer is not None:
            if due is not None and self._timer.when() <= due:
                return
            self._timer.cancel()
        self._timer = None if due is None else self._loop.call_at(due, self._expire)

    def stop(self) -> None:
        """End the timer and wakes everyone who waits: the subscription is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.notify()

    def _expire(self) -> None:
        self._timer = None
        result = self.backlog.expire(self._loop.time())
        if result.failed:
            self._on_expired(self, result)
        self.schedule()
        self.notify()

    def expire_retention(self) -> None:
        """End the messages that are older than the subscription keeps them."""
        horizon = now_us() - self.retention_us
        first = self.topic.log.first
        if first is not None and first.publish_us < horizon:
            self.backlog.discard_before(self.topic.log.first_id_since(horizon))

    def snapshot_expires_us(self) -> int:
        """Return when a snapshot made now expires: as soon as its oldest message is seven days old."""
        oldest = self.backlog.oldest()
        return _SNAPSHOT_US + (now_us() if oldest is None else oldest.publish_us)

    def position_at(self, publish_us: int) -> Position:
        """Return the position where all published before a time is done, and all that is retained since is not."""
        log, replay_us = self.topic.log, self.replay_us
        boundary = log.first_id_since(publish_us)
        if replay_us:
            return Position(max(boundary, log.first_id_since(now_us() - replay_us)) - 1)
        self.backlog.discard_before(boundary)
        return self.backlog.position()

    def seek(self, position: Position) -> None:
        """Go to another position; every lease ends."""
        self.backlog.seek(position)
        self.schedule()
        self.notify()
