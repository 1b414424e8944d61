"""Backlogs over a log in memory."""

from typing import Any

from emulators.pubsub import wire
from emulators.pubsub.broker.backlog import Backlog
from emulators.pubsub.broker.delivery import Consumer, Delivery
from emulators.pubsub.broker.policy import Policy
from emulators.pubsub.log.message_log import Batch, BodyCache, Position, TopicLog

ANY = 10**9


class Log(TopicLog):
    """A topic's log whose batches are kept nowhere else."""

    def __init__(self) -> None:
        self.stored: dict[int, bytes] = {}
        super().__init__(BodyCache(self.stored.__getitem__, capacity=1000))
        self.next_id = 1

    def publish(self, *messages: dict[str, Any], publish_us: int = 0) -> list[int]:
        request = wire.PublishRequest(messages=[wire.PubsubMessage(**message) for message in messages])
        body = request.SerializeToString()
        batch = Batch(self.next_id, len(messages), publish_us, len(body))
        self.stored[batch.first_id] = body
        self.append(batch, request)
        # Message ids are shared with other topics: the ids of one topic have gaps.
        self.next_id = batch.last_id + 4
        return list(range(batch.first_id, batch.last_id + 1))


def backlog_of(log: TopicLog, position: Position | None = None, token: int = 1, **policy: Any) -> Backlog:
    return Backlog(7, log, Policy(**policy), position or Position(0), token)


def take(backlog: Backlog, now: float, most: int = ANY, consumer: Consumer | None = None) -> list[Delivery]:
    return backlog.take(consumer or Consumer(), most, ANY, 10.0, now)


def undelivered(backlog: Backlog, log: TopicLog) -> int:
    """The unacknowledged messages, those that have not been read yet included."""
    position = backlog.position()
    unread = sum(len(range(max(batch.first_id, position.cursor + 1), batch.last_id + 1)) for batch in log)
    return len(position.pending) + unread - len(position.acked)


def ids(deliveries: list[Delivery]) -> list[int]:
    return [delivery.id for delivery in deliveries]


def ack_ids(deliveries: list[Delivery]) -> list[str]:
    return [delivery.ack_id for delivery in deliveries]
