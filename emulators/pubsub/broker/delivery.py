"""What passes between a subscription's backlog and those who consume it."""

from __future__ import annotations

from dataclasses import dataclass, field

from emulators.pubsub.log.message_log import Batch


@dataclass(slots=True, eq=False)
class Consumer:
    """One receiver of deliveries: a StreamingPull stream, or a single Pull call.

    Attributes:
        messages: Messages it has received and neither acknowledged nor lost again.
        bytes: Their serialised size.
    """

    messages: int = 0
    bytes: int = 0


@dataclass(slots=True, eq=False)
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

    id: int
    batch: Batch
    key: str
    size: int
    ack_id: str = ""
    attempt: int = 1
    deadline: float = 0.0
    consumer: Consumer | None = None
    acked: bool = False

    def release(self) -> None:
        """End the lease: the ack id is void and the consumer's account is settled."""
        self.ack_id = ""
        if self.consumer is not None:
            self.consumer.messages -= 1
            self.consumer.bytes -= self.size
            self.consumer = None


@dataclass(slots=True)
class LeaseBatch:
    """One response being filled with deliveries.

    Attributes:
        consumer: Who receives it.
        messages_left: Messages that may still be added.
        bytes_left: It is closed once none are left, so one message above the limit still passes.
        ack_prefix: Names the subscription in the ack ids.
        ack_suffix: Distinguishes the ack ids of this response from those of any other.
        deadline: When the leases end.
        deliveries: What it holds.
    """

    consumer: Consumer
    messages_left: int
    bytes_left: int
    ack_prefix: str
    ack_suffix: str
    deadline: float
    deliveries: list[Delivery] = field(default_factory=list)

    def is_open(self) -> bool:
        """Tell whether a further message may be added."""
        return self.messages_left > 0 and self.bytes_left > 0

    def add(self, delivery: Delivery, attempt: int) -> None:
        """Lease a message to the consumer."""
        delivery.ack_id = f"{self.ack_prefix}{delivery.id}{self.ack_suffix}"
        delivery.attempt = attempt
        delivery.deadline = self.deadline
        delivery.consumer = self.consumer
        self.consumer.messages += 1
        self.consumer.bytes += delivery.size
        self.deliveries.append(delivery)
        self.messages_left -= 1
        self.bytes_left -= delivery.size


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
