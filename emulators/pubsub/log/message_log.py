"""A topic's messages: an append-only log of published batches.

A batch is one Publish request as it was stored: its messages have consecutive ids and one publish time. Only this index
is held in memory; the messages are parsed when they are delivered, through a cache of bounded size.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from emulators.pubsub import wire
from emulators.pubsub.wire import Message

CACHE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Batch:
    """The messages of one Publish request.

    Attributes:
        first_id: Message id of the first; the others follow without a gap.
        count: Number of messages.
        publish_us: Publish time, microseconds since the epoch.
        size: Bytes of the stored request.
    """

    first_id: int
    count: int
    publish_us: int
    size: int

    @property
    def last_id(self) -> int:
        """Message id of the last message."""
        return self.first_id + self.count - 1


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
        """Return the pending ids as they are stored."""
        return array("q", self.pending).tobytes()


class BodyCache:
    """Parsed batches, least recently used first out.

    Args:
        read: Gives the stored PublishRequest bytes of a batch by its first message id.
        capacity: Bytes of stored requests to keep parsed.
    """

    def __init__(self, read: Callable[[int], bytes], capacity: int = CACHE_BYTES) -> None:
        self._read = read
        self._capacity = capacity
        self._requests: OrderedDict[int, tuple[Message, int]] = OrderedDict()
        self._size = 0

    def put(self, batch: Batch, request: Message) -> None:
        """Keep a request that is parsed already."""
        self._requests[batch.first_id] = (request, batch.size)
        self._size += batch.size
        while self._size > self._capacity and len(self._requests) > 1:
            _, (_, size) = self._requests.popitem(last=False)
            self._size -= size

    def messages(self, batch: Batch) -> Sequence[Message]:
        """Return the PubsubMessages of a batch, in order."""
        if batch.first_id in self._requests:
            self._requests.move_to_end(batch.first_id)
        else:
            self.put(batch, wire.PublishRequest.FromString(self._read(batch.first_id)))
        messages: Sequence[Message] = self._requests[batch.first_id][0].messages
        return messages

    def drop(self, batch: Batch) -> None:
        """Forget a batch that is deleted."""
        if self._requests.pop(batch.first_id, None) is not None:
            self._size -= batch.size


class TopicLog:
    """The batches of one topic in the order of their ids.

    Message ids are unique over all topics and grow, so consecutive batches of a topic may have a gap between them.

    Args:
        cache: Where the messages of a batch are read.
        batches: The batches to start with, in order.
    """

    def __init__(self, cache: BodyCache, batches: Sequence[Batch] = ()) -> None:
        self._cache = cache
        self._index(batches)

    def _index(self, batches: Sequence[Batch]) -> None:
        self._batches = list(batches)
        self._first_ids = [batch.first_id for batch in batches]

    def __iter__(self) -> Iterator[Batch]:
        return iter(self._batches)

    @property
    def first(self) -> Batch | None:
        """The oldest batch."""
        return self._batches[0] if self._batches else None

    @property
    def last_id(self) -> int:
        """Id of the newest message; 0 in an empty log."""
        return self._batches[-1].last_id if self._batches else 0

    def append(self, batch: Batch, request: Message) -> None:
        """Add a batch that is durably stored; its ids are above all before."""
        self._first_ids.append(batch.first_id)
        self._batches.append(batch)
        self._cache.put(batch, request)

    def messages(self, batch: Batch) -> Sequence[Message]:
        """Return the PubsubMessages of a batch, in order."""
        return self._cache.messages(batch)

    def after(self, message_id: int) -> Batch | None:
        """Return the batch that holds the first message with a greater id."""
        index = bisect_right(self._first_ids, message_id)
        if index and self._batches[index - 1].last_id > message_id:
            return self._batches[index - 1]
        return self._batches[index] if index < len(self._batches) else None

    def holding(self, message_id: int) -> Batch | None:
        """Return the batch of a message; None where it is no longer stored."""
        index = bisect_right(self._first_ids, message_id)
        if index and self._batches[index - 1].last_id >= message_id:
            return self._batches[index - 1]
        return None

    def first_id_since(self, publish_us: int) -> int:
        """Id of the first message published at or after a time; else one above the last."""
        index = bisect_left(self._batches, publish_us, key=lambda batch: batch.publish_us)
        return self._batches[index].first_id if index < len(self._batches) else self.last_id + 1

    def delete(self, is_free: Callable[[Batch], bool], up_to: int) -> list[Batch]:
        """Drop the batches that `is_free` names, of those whose last id is at most `up_to`, and return them.

        Deleting rebuilds the index, so it waits until an eighth of the log is free: the cost per message is constant.
        """
        end = bisect_right(self._first_ids, up_to)
        if end and self._batches[end - 1].last_id > up_to:
            end -= 1
        free = [batch for batch in self._batches[:end] if is_free(batch)]
        if len(free) * 8 < len(self._batches):
            return []
        if free:
            gone = {batch.first_id for batch in free}
            kept = [batch for batch in self._batches if batch.first_id not in gone]
            for batch in free:
                self._cache.drop(batch)
            self._index(kept)
        return free
