"""Ordered delivery: the unacknowledged messages of each ordering key, in the order they were published.

The messages of a key go to one consumer at a time. When one of them fails, it and every later one of the key that was
sent already, even acknowledged, are sent again. cf. https://cloud.google.com/pubsub/docs/ordering, read 2026-11.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice

from emulators.pubsub.broker.delivery import Consumer, Delivery, LeaseBatch

MAX_PARKED = 50_000
"""Messages read ahead of keys that cannot be sent yet; beyond it the keys after them wait too."""


@dataclass(slots=True)
class _KeyQueue:
    """One key's messages from its oldest unacknowledged one on; the first `sent` of them are with `consumer`."""

    messages: deque[Delivery] = field(default_factory=deque)
    sent: int = 0
    consumer: Consumer | None = None
    available_at: float = 0.0


class OrderedMessages:
    """The ordering keys of one subscription.

    Attributes:
        parked: Messages that wait to be sent.
    """

    def __init__(self) -> None:
        self._keys: dict[str, _KeyQueue] = {}
        self._waiting: dict[str, _KeyQueue] = {}
        self.parked = 0

    def park(self, delivery: Delivery) -> None:
        """Add the next message of its key, to be sent when the key's turn comes."""
        queue = self._keys.setdefault(delivery.key, _KeyQueue())
        queue.messages.append(delivery)
        self._waiting[delivery.key] = queue
        self.parked += 1

    def send(
        self, leases: LeaseBatch, attempt_of: Callable[[int], int], now: float, keys: tuple[str, ...] = ()
    ) -> None:
        """Fill a response from the keys that may be sent to its consumer, or from the given ones of them."""
        for key in keys or tuple(self._waiting):
            if not leases.is_open():
                return
            queue = self._waiting[key]
            if now < queue.available_at or (queue.sent and queue.consumer is not leases.consumer):
                continue
            queue.consumer = leases.consumer
            for delivery in islice(queue.messages, queue.sent, None):
                if not leases.is_open():
                    break
                leases.add(delivery, attempt_of(delivery.id))
                queue.sent += 1
                self.parked -= 1
            del self._waiting[key]
            if queue.sent < len(queue.messages):
                self._waiting[key] = queue

    def is_next(self, delivery: Delivery) -> bool:
        """Tell whether a leased message is the oldest unacknowledged one of its key."""
        return self._keys[delivery.key].messages[0] is delivery

    def acknowledge(self, delivery: Delivery) -> list[Delivery]:
        """Acknowledge a leased message; return what is done now: nothing while an earlier one of the key is not."""
        delivery.acked = True
        delivery.release()
        queue = self._keys[delivery.key]
        done = []
        while queue.messages and queue.messages[0].acked:
            done.append(queue.messages.popleft())
            queue.sent -= 1
        self._forget_if_empty(delivery.key)
        return done

    def fail(self, delivery: Delivery, available_at: float) -> None:
        """Take back a sent message and all of its key that were sent after it."""
        queue = self._keys[delivery.key]
        position = next(index for index, message in enumerate(queue.messages) if message is delivery)
        for message in islice(queue.messages, position, queue.sent):
            message.release()
            message.acked = False
        self.parked += queue.sent - position
        queue.sent = position
        queue.available_at = available_at
        self._waiting[delivery.key] = queue

    def remove(self, delivery: Delivery) -> None:
        """Take out a message that waits, to be forwarded to the dead-letter topic."""
        self._keys[delivery.key].messages.remove(delivery)
        self.parked -= 1
        self._forget_if_empty(delivery.key)

    def restore(self, delivery: Delivery) -> None:
        """Put back, at its place, a message that could not be forwarded."""
        queue = self._keys.setdefault(delivery.key, _KeyQueue())
        place = sum(1 for message in queue.messages if message.id < delivery.id)
        queue.messages.insert(max(place, queue.sent), delivery)
        self._waiting[delivery.key] = queue
        self.parked += 1

    def discard_before(self, message_id: int) -> None:
        """Drop all messages with smaller ids."""
        for key in tuple(self._keys):
            queue = self._keys[key]
            while queue.messages and queue.messages[0].id < message_id:
                dropped = queue.messages.popleft()
                dropped.release()
                if queue.sent:
                    queue.sent -= 1
                else:
                    self.parked -= 1
            self._forget_if_empty(key)

    def _forget_if_empty(self, key: str) -> None:
        queue = self._keys[key]
        if not queue.messages:
            del self._keys[key]
            self._waiting.pop(key, None)
        elif queue.sent == len(queue.messages):
            self._waiting.pop(key, None)
