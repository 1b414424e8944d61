"""What passes between a subscription's backlog and those who consume it."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

from emulators.pubsub.broker.filters import Predicate
from emulators.pubsub.log.message_log import Batch


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings of a subscription that decide about deliveries.

    Attributes:
        matches: The filter; None delivers every message.
        is_ordered: Whether messages with an ordering key are delivered in order.
        max_attempts: Delivery attempts before a message goes to the dead-letter topic; 0 without one.
        min_backoff: Seconds before the first redelivery, doubled for each further one; 0 redelivers at once.
        max_backoff: The most seconds between two attempts.
    """

    matches: Predicate | None = None
    is_ordered: bool = False
    max_attempts: int = 0
    min_backoff: float = 0.0
    max_backoff: float = 0.0

    def backoff(self, failures: int) -> float:
        """Seconds until the next attempt after so many failed ones."""
        return min(self.min_backoff * 2.0 ** min(failures - 1, 64), self.max_backoff)


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
        """Ends the lease: the ack id is void and the consumer's account is settled."""
        self.ack_id = ""
        if self.consumer is not None:
            self.consumer.messages -= 1
            self.consumer.bytes -= self.size
            self.consumer = None


class Handout:
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
        """Whether a further message may be added."""
        return self._messages_left > 0 and self._bytes_left > 0

    def add(self, delivery: Delivery, attempt: int) -> None:
        """Leases a message to the consumer."""
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
class Settled:
    """What a request about ack ids did.

    Attributes:
        accepted: Ack ids that were good.
        stale: Ack ids whose lease had ended; an error only with exactly-once delivery.
        unordered: Ack ids held until the earlier messages of their ordering key are acknowledged.
        acked: Message ids that are now acknowledged for good.
        failed: Message ids whose delivery attempt failed.
    """

    accepted: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    unordered: list[str] = field(default_factory=list)
    acked: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Position:
    """How far a subscription has come: what is stored of it, and what a snapshot keeps.

    Attributes:
        cursor: Every message with a greater id is unacknowledged (unless listed in `acked`).
        pending: Ids up to the cursor that are unacknowledged; all others up to it are done.
        acked: Ids beyond the cursor that are acknowledged.
        failures: Failed delivery attempts by message id.
    """

    cursor: int
    pending: tuple[int, ...] = ()
    acked: tuple[int, ...] = ()
    failures: dict[int, int] = field(default_factory=dict)

    def packed_pending(self) -> bytes:
        """The pending ids as they are stored."""
        return array("q", self.pending).tobytes()
