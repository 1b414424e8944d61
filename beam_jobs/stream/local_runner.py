"""Run the stream on one machine: pull, parse, append, acknowledge, in small batches and in that order.

Beam's local runners either acknowledge messages before the work is done or cannot read a stream; see
`docs/decisions/0020-micro-batches.md`. The functions that parse and append are those of the Dataflow job.

A message is acknowledged only when its lines are durable, so a process that is killed at any moment loses nothing:
Pub/Sub delivers again what was not acknowledged, and the copies have the same `event_id`.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime

from google.api_core.exceptions import GoogleAPICallError

from beam_jobs.access_log import BlockParser
from beam_jobs.access_log.lines import counted
from beam_jobs.gcp.retry import RetriesExhaustedError, RetryPolicy, first_line
from beam_jobs.stream.messages import CHUNK_BYTES, CHUNK_MESSAGES, chunks_of_messages, parse_each
from beam_jobs.stream.metrics import StreamMetrics
from beam_jobs.stream.runtime import Runtime
from beam_jobs.stream.sink import StreamSink
from beam_jobs.stream.subscription import Pulled, Subscription

MAX_HELD_MESSAGES = 40_000
MAX_HELD_BYTES = 128 << 20
_PULLERS = 2
_LINGER_SECONDS = 0.2  # how long a batch waits for more messages
_TICK_SECONDS = 1.0
_QUICK_SECONDS = 0.05
_PAUSE_SECONDS = 0.1
_ACKNOWLEDGE_SECONDS = 60.0
_GOODBYE_SECONDS = 5.0
_log = logging.getLogger("logline.stream")


class LocalRunner:
    """Streams until `drain` is called; once `abort` is set, failed calls are not retried."""

    def __init__(
        self,
        subscription: Subscription,
        parser: BlockParser,
        sink: StreamSink,
        metrics: StreamMetrics,
        abort: threading.Event,
        runtime: Runtime | None = None,
    ) -> None:
        self._subscription = subscription
        self._parser = parser
        self._sink = sink
        self._metrics = metrics
        self._abort = abort
        self._runtime = runtime or Runtime()
        self._draining = self._runtime.event()
        self._changed = self._runtime.condition()
        self._held: dict[Pulled, None] = {}  # received, not yet acknowledged, oldest first
        self._held_messages = self._held_bytes = 0
        self._waiting: deque[Pulled] = deque()  # the held ones that no batch has taken
        self._done: queue.SimpleQueue[list[Pulled] | None] = self._runtime.queue()
        self._failure: BaseException | None = None
        self._over = self._runtime.event()

    def drain(self) -> None:
        """Stop pulling, finish what was pulled, then end. May be called from a signal handler."""
        self._draining.set()

    def run(self, each_second: Callable[[], None]) -> None:
        """Stream until `drain` is called; call `each_second` about every second, and once at the end.

        Raises:
            TargetError: the subscription is gone.
            Exception: any other error of one of the threads.
        """
        pulling = [self._start(f"pull-{number}", self._pull) for number in range(_PULLERS)]
        self._start("lease", self._keep_leases)
        acknowledging = self._start("acknowledge", self._acknowledge)
        working = self._start("work", self._work)
        while working.is_alive():
            each_second()
            working.join(_TICK_SECONDS)
        self._subscription.stop_pulling()
        for thread in pulling:
            thread.join()
        self._done.put(None)
        while acknowledging.is_alive():
            each_second()
            acknowledging.join(_TICK_SECONDS)
        self._give_back()
        self._over.set()
        each_second()
        if self._failure is not None:
            raise self._failure

    def held(self) -> tuple[int, float | None]:
        """Return how many messages are unacknowledged, and when the oldest was published."""
        with self._changed:
            oldest = min((pulled.oldest_publish_time for pulled in self._held), default=None)
            return self._held_messages, oldest

    def _start(self, name: str, target: Callable[[], None]) -> threading.Thread:
        def guarded() -> None:
            try:
                target()
            except BaseException as error:  # noqa: BLE001 - handed to the main thread, which raises it
                self._failure = self._failure or error
                self.drain()

        return self._runtime.start(name, guarded)

    def _pull(self) -> None:
        policy = RetryPolicy(abort=self._draining, clock=self._runtime.monotonic)
        while self._has_room():
            asked = self._runtime.monotonic()
            try:
                pulled = policy.call(f"pulling from {self._subscription.path}", self._pull_once)
            except RetriesExhaustedError:
                return
            if pulled is None:
                if self._runtime.monotonic() - asked < _QUICK_SECONDS:
                    self._draining.wait(_PAUSE_SECONDS)
                continue
            with self._changed:
                self._held[pulled] = None
                self._held_messages += len(pulled.messages)
                self._held_bytes += pulled.bytes
                self._waiting.append(pulled)
                self._changed.notify_all()

    def _pull_once(self) -> Pulled | None:
        with self._metrics.pulling():
            return self._subscription.pull()

    def _has_room(self) -> bool:
        """Wait until more messages may be held; False when draining."""
        while not self._draining.is_set():
            with self._changed:
                if self._held_messages < MAX_HELD_MESSAGES and self._held_bytes < MAX_HELD_BYTES:
                    return True
                self._changed.wait(_PAUSE_SECONDS)
        return False

    def _work(self) -> None:
        while True:
            batch = self._next_batch()
            if batch is None:
                return
            try:
                for chunk in chunks_of_messages(message for pulled in batch for message in pulled.messages):
                    now = datetime.fromtimestamp(self._runtime.now(), UTC)
                    for parsed in parse_each(chunk, self._parser, self._subscription.path, now):
                        self._metrics.wrote(self._sink.write(parsed), parsed)
            except RetriesExhaustedError as error:
                _log.warning("ending with messages unacknowledged, they will be delivered again: %s", error)
                return
            self._done.put(batch)

    def _next_batch(self) -> list[Pulled] | None:
        """Wait for enough messages or the end of a short wait; None after the last batch when draining."""
        deadline = None
        with self._changed:
            while True:
                now = self._runtime.monotonic()
                if self._waiting and deadline is None:
                    deadline = now + _LINGER_SECONDS
                messages = sum(len(pulled.messages) for pulled in self._waiting)
                if self._draining.is_set() or messages >= CHUNK_MESSAGES or (deadline is not None and now >= deadline):
                    break
                self._changed.wait(_PAUSE_SECONDS if deadline is None else deadline - now)
            batch = []
            messages = size = 0
            while self._waiting and messages < CHUNK_MESSAGES and size < CHUNK_BYTES:
                pulled = self._waiting.popleft()
                batch.append(pulled)
                messages += len(pulled.messages)
                size += pulled.bytes
            return batch or None

    def _acknowledge(self) -> None:
        policy = RetryPolicy(seconds=_ACKNOWLEDGE_SECONDS, abort=self._abort, clock=self._runtime.monotonic)
        while (batch := self._done.get()) is not None:
            ids = [ack_id for pulled in batch for ack_id in pulled.ack_ids]
            try:
                policy.call("acknowledging", lambda ids=ids: self._subscription.acknowledge(ids))  # type: ignore[misc]
                lines = sum(message.heartbeat is None for pulled in batch for message in pulled.messages)
                self._metrics.acknowledged(lines)
            except RetriesExhaustedError as error:
                _log.warning("unacknowledged: %s, to be delivered again: %s", counted(len(ids), "message"), error)
            self._forget(batch)

    def _forget(self, batch: list[Pulled]) -> None:
        with self._changed:
            for pulled in batch:
                if self._held.pop(pulled, self) is None:
                    self._held_messages -= len(pulled.messages)
                    self._held_bytes -= pulled.bytes
            self._changed.notify_all()

    def _keep_leases(self) -> None:
        """Extend the leases of messages that are held for long, above all while BigQuery is down."""
        seconds = self._subscription.lease_seconds
        while not self._over.wait(_TICK_SECONDS):
            with self._changed:
                ending = [
                    pulled for pulled in self._held if pulled.lease_ends - self._runtime.monotonic() < seconds / 2
                ]
            for pulled in ending:
                asked = self._runtime.monotonic()
                try:
                    self._subscription.lease(pulled.ack_ids, seconds)
                except GoogleAPICallError as error:
                    _log.info("leases cannot be extended, messages may be delivered again: %s", first_line(error))
                    break
                pulled.lease_ends = asked + seconds

    def _give_back(self) -> None:
        """Give back what is still held, so that it is redelivered at once."""
        with self._changed:
            held = list(self._held)
            self._waiting.clear()
        started = self._runtime.monotonic()
        for pulled in held:
            if self._runtime.monotonic() - started > _GOODBYE_SECONDS:
                return
            try:
                self._subscription.lease(pulled.ack_ids, 0)
            except GoogleAPICallError as error:
                _log.info("messages cannot be given back, their leases will end: %s", first_line(error))
                return
        self._forget(held)
