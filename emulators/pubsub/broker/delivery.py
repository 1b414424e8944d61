"""What passes between a subscription's backlog and those who consume it."""

from __future__ import annotations

from dataclasses import dataclass, field

from emulators.pubsub.log.message_log import Batch


class Consumer:
    """One receiver of deliveries: a StreamingPull stream, or a single Pull call.

    Attributes:
        messages: Messages it has received and neither acknowledged nor lost again.
        bytes: Their serialised size.
    """

    __slots__ = ("bytes", "messages")

    def __init__(self) -> None:
        self.messages = 0
        self.bytes = 0


class Delivery:
    """An unacknowledged message of one subscription, from its first delivery (or a snapshot) until it is acknowledged.

    Attributes:
        id: Message id.
        batch: The stored batch that holds it.
        key: Ordering key; empty unless the subscription orders messages.
        size: Serialised bytes of the message.
        ack_id: The valid ack id while a consumer holds the message, else empty.
        attempt: The delivery attempt being made, from 1.
        deadline: When the lease ends, in seconds of the backlog's clock.
        consumer: Who holds it.
        acked: Acknowledged, but held until the earlier messages of its ordering key are.
    """

    __slots__ = ("ack_id", "acked", "attempt", "batch", "consumer", "deadline", "id", "key", "size")

    def __init__(self, message_id: int, batch: Batch, key: str, size: int) -> None:
        self.id = message_id
        self.batch = batch
        self.key = key
        self.size = size
        self.ack_id = ""
        self.attempt = 1
        self.deadline = 0.0
        self.consumer: Consumer | None = None
        self.acked = False

    def release(self) -> None:
        """End the lease: the ack id is void and the consumer's account is settled."""
        self.ack_id = ""
        if self.consumer is not None:
            self.consumer.messages -= 1
            self.consumer.bytes -= self.size
            self.consumer = None


class LeaseBatch:
    """One response being filled with deliveries.

    Args:
        consumer: Who receives it.
        max_messages: Messages at most.
        max_bytes: It is closed once it holds this many bytes, so one message above the limit still passes.
        ack_suffix: Distinguishes the ack ids of this response from those of any other.
        ack_prefix: Names the subscription in the ack ids.
        deadline: When the leases end.
    """

    def __init__(
        self, consumer: Consumer, max_messages: int, max_bytes: int, ack_prefix: str, ack_suffix: str, deadline: float
    ) -> None:
        self.consumer = consumer
        self.deliveries: list[Delivery] = []
        self._messages_left = max_messages
        self._bytes_left = max_bytes
        self._ack_prefix = ack_prefix
        self._ack_suffix = ack_suffix
        self._deadline = deadline

    def is_open(self) -> bool:
        """Tell whether a further message may be added."""
        return self._messages_left > 0 and self._bytes_left > 0

    def add(self, delivery: Delivery, attempt: int) -> None:
        """Lease a message to the consumer."""
        delivery.ack_id = f"{self._ack_prefix}{delivery.id}{self._ack_suffix}"
        delivery.attempt = attempt
        delivery.deadline = self._deadline
        delivery.consumer = self.consumer
        self.consumer.messages += 1
        self.consumer.bytes += delivery.size
        self.deliveries.append(delivery)
        self._messages_left -= 1
        self._bytes_left -= delivery.size


@dataclass(slots=True)
class AckResult:
    """What a request about ack ids, or the end of leases, did.

    Attributes:
        accepted: Ack ids that were good.
        stale: Ack ids whose lease had ended; an error only with exactly-once delivery, as are malformed ones.
        unordered: With exactly-once delivery, ack ids ahead of an earlier message of their ordering key.
        acked: Message ids that are now acknowledged for good.
        failed: Message ids whose delivery attempt failed.
        exhausted: Messages that failed their last attempt, each to be reported to `forwarded` or `not_forwarded`.
    """

    accepted: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    unordered: list[str] = field(default_factory=list)
    acked: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    exhausted: list[Delivery] = field(default_factory=list)
