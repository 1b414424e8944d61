"""The delivery state of one subscription: what is unacknowledged, who holds it, and what is due when.

Everything up to the cursor is done unless it is in `pending`; what comes after it has not been read yet. So memory
grows with what is out for delivery, not with what waits. The module knows neither gRPC nor SQLite nor the time of day:
callers pass `now` in seconds of one monotonic clock.
"""

from __future__ import annotations

import heapq
import itertools
from array import array
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from operator import itemgetter

from emulators.pubsub.broker.delivery import AckResult, Consumer, Delivery, LeaseBatch
from emulators.pubsub.broker.ordering import MAX_PARKED, OrderedMessages
from emulators.pubsub.broker.policy import Policy
from emulators.pubsub.errors import invalid
from emulators.pubsub.log.message_log import Batch, Position, TopicLog
from emulators.pubsub.wire import Message

MAX_CONFIRMED = 65_536
"""Acknowledged messages of an exactly-once subscription whose last ack id is remembered."""


class Backlog:
    """What one subscription still has to deliver, and what is out.

    Args:
        serial: Number of the subscription, never reused; part of its ack ids.
        log: The messages of its topic.
        policy: Its settings; may be replaced at any time.
        position: How far it has come.
        first_token: Start of the counter that tells the leases of one message apart. It must grow from one process to
            the next, so that no ack id is ever issued twice.

    Attributes:
        cursor: Id of the last message read.
    """

    def __init__(self, serial: int, log: TopicLog, policy: Policy, position: Position, first_token: int) -> None:
        self.policy = policy
        self._log = log
        self._serial = str(serial)
        self._tokens = itertools.count(first_token)
        self._load(position)

    def _load(self, position: Position) -> None:
        self.cursor = position.cursor
        self._acked_ahead = {message_id for message_id in position.acked if message_id > position.cursor}
        self._failures = dict(position.failures)
        self._pending: dict[int, Delivery] = {}
        self._unacked: dict[int, int] = {}
        self._ready: deque[Delivery] = deque()
        self._leases: list[tuple[float, array[int]]] = []
        self._delayed: list[tuple[float, int]] = []
        self._ordered = OrderedMessages()
        self._forwarding: dict[int, Delivery] = {}
        self._confirmed: OrderedDict[int, str] = OrderedDict()
        for message_id in sorted(position.pending):
            batch = self._log.holding(message_id)
            if batch is None:
                continue
            message = self._log.messages(batch)[message_id - batch.first_id]
            # A snapshot may be of a subscription with another filter.
            if self.policy.matches is not None and not self.policy.matches(message.attributes):
                continue
            delivery = self._enter(message_id, batch, message)
            if delivery.key:
                self._ordered.park(delivery)
            else:
                self._ready.append(delivery)

    def _enter(self, message_id: int, batch: Batch, message: Message) -> Delivery:
        key = message.ordering_key if self.policy.is_ordered else ""
        delivery = Delivery(message_id, batch, key, message.ByteSize())
        self._pending[message_id] = delivery
        self._unacked[batch.first_id] = self._unacked.get(batch.first_id, 0) + 1
        return delivery

    def take(
        self, consumer: Consumer, max_messages: int, max_bytes: int, ack_seconds: float, now: float
    ) -> list[Delivery]:
        """Lease the next messages to a consumer, redeliveries first.

        Args:
            consumer: Who receives them.
            max_messages: Messages at most.
            max_bytes: No further message is added once this size is reached.
            ack_seconds: Length of the leases.
            now: The time.
        """
        self._wake_delayed(now)
        suffix = f"-{next(self._tokens)}"
        leases = LeaseBatch(consumer, max_messages, max_bytes, f"{self._serial}-", suffix, now + ack_seconds)
        while self._ready and leases.is_open():
            delivery = self._ready.popleft()
            if not delivery.ack_id and self._pending.get(delivery.id) is delivery:
                leases.add(delivery, self._attempt(delivery.id))
        if self._ordered.parked:
            self._ordered.send(leases, self._attempt, now)
        if leases.is_open():
            self._read_log(leases, now)
        if leases.deliveries:
            ids = array("q", [delivery.id for delivery in leases.deliveries])
            heapq.heappush(self._leases, (now + ack_seconds, ids))
        return leases.deliveries

    def _read_log(self, leases: LeaseBatch, now: float) -> None:
        matches = self.policy.matches
        batch = self._log.after(self.cursor)
        while batch is not None and leases.is_open() and self._ordered.parked < MAX_PARKED:
            start = max(self.cursor + 1 - batch.first_id, 0)
            for message_id, message in enumerate(self._log.messages(batch)[start:], batch.first_id + start):
                self.cursor = message_id
                if self._acked_ahead and message_id in self._acked_ahead:
                    self._acked_ahead.discard(message_id)
                    continue
                if matches is not None and not matches(message.attributes):
                    continue
                delivery = self._enter(message_id, batch, message)
                if delivery.key:
                    self._ordered.park(delivery)
                    self._ordered.send(leases, self._attempt, now, (delivery.key,))
                else:
                    leases.add(delivery, self._attempt(message_id))
                if not leases.is_open():
                    break
            batch = self._log.after(self.cursor)

    def _attempt(self, message_id: int) -> int:
        return self._failures.get(message_id, 0) + 1 if self._failures else 1

    def acknowledge(self, ack_ids: Iterable[str]) -> AckResult:
        """End messages for good.

        An ack id whose lease has ended, even one given by an earlier process, still ends its message (the work was
        done, a redelivery would only repeat it), except with an ordering key. One ahead of an earlier message of its
        ordering key is held until that one is acknowledged.

        With exactly-once delivery neither has an effect: the first is reported as stale, the second as unordered, and
        stays leased. The order of the ack ids does not matter.

        Raises:
            PubsubError: INVALID_ARGUMENT for a text that is not an ack id of this subscription; nothing has changed.
        """
        result = AckResult()
        parsed = self._parsed(ack_ids, result)
        acknowledge = self._acknowledge
        if self.policy.is_exactly_once:
            parsed.sort(key=itemgetter(1))
            acknowledge = self._acknowledge_exactly_once
        for ack_id, message_id in parsed:
            acknowledge(ack_id, message_id, self._pending.get(message_id), result)
        return result

    def _acknowledge(self, ack_id: str, message_id: int, delivery: Delivery | None, result: AckResult) -> None:
        if delivery is None:
            is_ahead = message_id > self.cursor and message_id not in self._acked_ahead
            if is_ahead and self._log.holding(message_id):
                self._acked_ahead.add(message_id)
                result.acked.append(message_id)
        elif delivery.ack_id == ack_id or not (delivery.key or message_id in self._forwarding):
            self._end(delivery, result)

    def _acknowledge_exactly_once(
        self, ack_id: str, message_id: int, delivery: Delivery | None, result: AckResult
    ) -> None:
        if not self._is_current(ack_id, message_id):
            result.stale.append(ack_id)
        elif delivery is not None and delivery.key and not self._ordered.is_next(delivery):
            result.unordered.append(ack_id)
        else:
            result.accepted.append(ack_id)
            self._confirmed[message_id] = ack_id
            if len(self._confirmed) > MAX_CONFIRMED:
                self._confirmed.popitem(last=False)
            if delivery is not None:
                self._end(delivery, result)

    def _is_current(self, ack_id: str, message_id: int) -> bool:
        """Tell whether a message is leased under this ack id, or done and not known to be so by another one."""
        delivery = self._pending.get(message_id)
        if delivery is not None:
            return delivery.ack_id == ack_id
        is_done = message_id <= self.cursor or message_id in self._acked_ahead
        return is_done and self._confirmed.get(message_id, ack_id) == ack_id

    def modify(self, ack_ids: Iterable[str], seconds: Iterable[int], now: float) -> AckResult:
        """Set the remaining lease of messages; 0 gives a message back at once. Ended leases are left alone.

        Raises:
            PubsubError: INVALID_ARGUMENT for a text that is not an ack id of this subscription; nothing has changed.
        """
        result = AckResult()
        extended: dict[int, array[int]] = {}
        lengths = dict(zip(ack_ids, seconds, strict=True))
        parsed = self._parsed(lengths, result)
        # Judged beforehand: to give a message back ends the leases of the later ones of its key.
        valid = {ack_id for ack_id, message_id in parsed if self._is_current(ack_id, message_id)}
        for ack_id, message_id in parsed:
            delivery, length = self._pending.get(message_id), lengths[ack_id]
            is_leased = delivery is not None and delivery.ack_id == ack_id
            if ack_id not in valid or (length and delivery is not None and not is_leased):
                result.stale.append(ack_id)
                continue
            result.accepted.append(ack_id)
            if delivery is None or not is_leased:
                continue
            if length:
                delivery.deadline = now + length
                extended.setdefault(length, array("q")).append(message_id)
            else:
                self._fail(delivery, now, result)
        for length, ids in extended.items():
            heapq.heappush(self._leases, (now + length, ids))
        return result

    def expire(self, now: float) -> AckResult:
        """Take back the messages whose lease has ended by now."""
        result = AckResult()
        while self._leases and self._leases[0][0] <= now:
            due, ids = heapq.heappop(self._leases)
            for message_id in ids:
                delivery = self._pending.get(message_id)
                if delivery is not None and delivery.ack_id and delivery.deadline <= due:
                    self._fail(delivery, now, result)
        self._wake_delayed(now)
        return result

    def next_due(self) -> float | None:
        """Return the time when `expire` may next have something to do."""
        heads = [heap[0][0] for heap in (self._leases, self._delayed) if heap]
        return min(heads, default=None)

    def forwarded(self, exhausted: Iterable[Delivery]) -> None:
        """Finish exhausted messages that the dead-letter topic has stored."""
        for delivery in self._no_longer_forwarding(exhausted):
            self._finish(delivery, AckResult())

    def not_forwarded(self, exhausted: Iterable[Delivery]) -> None:
        """Deliver again exhausted messages that could not be forwarded."""
        for delivery in self._no_longer_forwarding(exhausted):
            if delivery.key:
                self._ordered.restore(delivery)
            else:
                self._ready.append(delivery)

    def _no_longer_forwarding(self, exhausted: Iterable[Delivery]) -> Iterator[Delivery]:
        """Yield those that no acknowledgement or seek has ended meanwhile."""
        for delivery in exhausted:
            if self._forwarding.pop(delivery.id, None) is delivery and delivery.id in self._pending:
                yield delivery

    def discard_before(self, message_id: int) -> None:
        """End all messages with smaller ids, delivered or not (they expired, or a seek went past them)."""
        for pending_id in [pending_id for pending_id in self._pending if pending_id < message_id]:
            delivery = self._pending[pending_id]
            delivery.release()
            self._finish(delivery, AckResult())
        self._ordered.discard_before(message_id)
        self.cursor = max(self.cursor, message_id - 1)
        self._acked_ahead = {ahead for ahead in self._acked_ahead if ahead > self.cursor}

    def seek(self, position: Position) -> None:
        """Go to another position; every lease ends."""
        for delivery in self._pending.values():
            delivery.release()
        self._load(position)

    def position(self) -> Position:
        """Return how far the subscription has come; messages on their way to the dead-letter topic are done."""
        pending = tuple(message_id for message_id in self._pending if message_id not in self._forwarding)
        failures = {message_id: n for message_id, n in self._failures.items() if message_id not in self._forwarding}
        return Position(self.cursor, pending, tuple(self._acked_ahead), failures)

    def needs(self, batch: Batch) -> bool:
        """Tell whether a batch holds a message that is not done."""
        return batch.last_id > self.cursor or batch.first_id in self._unacked

    def oldest(self) -> Batch | None:
        """Return the batch of the oldest message that is not done."""
        return self._log.after(min(self._unacked, default=self.cursor + 1) - 1)

    def _parsed(self, ack_ids: Iterable[str], result: AckResult) -> list[tuple[str, int]]:
        parsed = []
        for ack_id in ack_ids:
            serial, _, rest = ack_id.partition("-")
            message_id, _, token = rest.partition("-")
            is_whole = serial == self._serial and message_id.isdecimal() and token.isdecimal()
            if is_whole and len(message_id) <= 18:
                parsed.append((ack_id, int(message_id)))
            elif self.policy.is_exactly_once:
                result.stale.append(ack_id)
            else:
                raise invalid(f"You have passed an invalid ack ID to the service (ack_id={ack_id}).")
        return parsed

    def _end(self, delivery: Delivery, result: AckResult) -> None:
        if delivery.key:
            for finished in self._ordered.acknowledge(delivery):
                self._finish(finished, result)
        else:
            delivery.release()
            self._finish(delivery, result)

    def _finish(self, delivery: Delivery, result: AckResult) -> None:
        del self._pending[delivery.id]
        if self._failures:
            self._failures.pop(delivery.id, None)
        batch_id = delivery.batch.first_id
        left = self._unacked[batch_id] - 1
        if left:
            self._unacked[batch_id] = left
        else:
            del self._unacked[batch_id]
        result.acked.append(delivery.id)

    def _fail(self, delivery: Delivery, now: float, result: AckResult) -> None:
        delivery.release()
        result.failed.append(delivery.id)
        failures = self._failures.get(delivery.id, 0) + 1
        self._failures[delivery.id] = failures
        is_exhausted = 0 < self.policy.max_attempts <= failures
        available_at = now + self.policy.backoff(failures)
        if delivery.key:
            self._ordered.fail(delivery, now if is_exhausted else available_at)
        if is_exhausted:
            if delivery.key:
                self._ordered.remove(delivery)
            result.exhausted.append(delivery)
            self._forwarding[delivery.id] = delivery
        elif available_at > now:
            heapq.heappush(self._delayed, (available_at, delivery.id))
        elif not delivery.key:
            self._ready.append(delivery)

    def _wake_delayed(self, now: float) -> None:
        while self._delayed and self._delayed[0][0] <= now:
            _, message_id = heapq.heappop(self._delayed)
            delivery = self._pending.get(message_id)
            if delivery is not None and not delivery.ack_id and not delivery.key:
                self._ready.append(delivery)
