"""What the clients of one subscription saw, and what is wrong with it: an oracle that knows nothing of the emulator."""

import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple


class Delivery(NamedTuple):
    """A message that reached a client's callback."""

    client: int
    message_id: int
    key: str
    body: bytes


class Acked(NamedTuple):
    """An acknowledgement that a client is about to send."""

    message_id: int


class Confirmed(NamedTuple):
    """An acknowledgement that was answered with success."""

    message_id: int


@dataclass
class History:
    """The events of a subscription in the order in which its clients saw them."""

    is_ordered: bool = False
    is_exactly_once: bool = False
    events: list[Delivery | Acked | Confirmed] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, event: Delivery | Acked | Confirmed) -> None:
        with self.lock:
            self.events.append(event)

    def deliveries(self) -> list[Delivery]:
        with self.lock:
            return [event for event in self.events if isinstance(event, Delivery)]

    def bodies(self) -> set[bytes]:
        return {delivery.body for delivery in self.deliveries()}

    def confirmed(self) -> set[int]:
        with self.lock:
            return {event.message_id for event in self.events if isinstance(event, Confirmed)}

    def faults(self, published: Iterable[bytes]) -> list[str]:
        """Return a line for each promise that was broken."""
        faults = [f"lost: {body!r}" for body in sorted(set(published) - self.bodies())]
        if self.is_exactly_once:
            faults += self._repeated()
        if self.is_ordered:
            faults += self._out_of_order()
        return faults

    def _repeated(self) -> Iterator[str]:
        """Each delivery is acknowledged, and a stale one in a client's buffer is refused: so one success is allowed."""
        seen: set[int] = set()
        for event in self.events:
            if isinstance(event, Confirmed):
                if event.message_id in seen:
                    yield f"message {event.message_id} was delivered again after its acknowledgement was confirmed"
                seen.add(event.message_id)

    def _out_of_order(self) -> Iterator[str]:
        """From one message of a key to the next, a client goes back, or past nothing that is not acknowledged."""
        ids: defaultdict[str, set[int]] = defaultdict(set)
        for delivery in self.deliveries():
            ids[delivery.key].add(delivery.message_id)
        acked: set[int] = set()
        last: dict[tuple[int, str], int] = {}
        for event in self.events:
            if isinstance(event, Acked):
                acked.add(event.message_id)
            elif isinstance(event, Delivery):
                before = last.get((event.client, event.key), 0)
                skipped = {one for one in ids[event.key] if before < one < event.message_id} - acked
                if skipped:
                    yield f"message {event.message_id} of key {event.key} was delivered before {min(skipped)}"
                last[event.client, event.key] = event.message_id
