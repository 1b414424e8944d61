"""Pub/Sub in the simulated world: the emulator's own broker, in the world's time, and the calls that reach it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any, TypeVar
from unittest.mock import patch

from google.api_core.exceptions import DeadlineExceeded, NotFound, ServiceUnavailable

from beam_jobs.stream.options import TargetError
from beam_jobs.stream.subscription import PULL_MESSAGES, Pulled
from emulators.pubsub import wire
from emulators.pubsub.broker.broker import Broker
from emulators.pubsub.broker.delivery import Consumer
from emulators.pubsub.broker.resources import Subscription
from emulators.pubsub.log.store import Store
from tests.simulation.calls import Calls
from tests.simulation.scheduler import Process, Scheduler, Violation, WallClock

TOPIC = "projects/simulated/topics/log-lines"
SUBSCRIPTION = "projects/simulated/subscriptions/log-lines"
LEASE_SECONDS = 10
_PULL_SECONDS = 30.0
_RETENTION_SECONDS = 7 * 86_400
_CLOCKS = ("emulators.pubsub.broker.resources.time", "emulators.pubsub.log.store.time")
R = TypeVar("R")


class _Loop(asyncio.SelectorEventLoop):
    """An event loop in the world's time, whose executor is the loop itself."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock

    def time(self) -> float:
        return self._clock()

    def has_work(self) -> bool:
        """Return whether there is anything to run by now."""
        return bool(self._ready) or (bool(self._scheduled) and self._scheduled[0].when() <= self.time())  # type: ignore[attr-defined]

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., R], *args: Any
    ) -> asyncio.Future[R]:
        done = self.create_future()
        done.set_result(func(*args))
        return done


class SimulatedPubsub:
    """One topic and one subscription, on a store that outlives the broker.

    Args:
        check_acknowledged: Called with the messages that are about to be acknowledged for good.

    Attributes:
        clock: That of the broker's machine.
    """

    def __init__(self, scheduler: Scheduler, check_acknowledged: Callable[[Sequence[int]], None]) -> None:
        self._scheduler = scheduler
        self._check_acknowledged = check_acknowledged
        self.clock = WallClock()
        self._clocks = ExitStack()
        clock = SimpleNamespace(time_ns=lambda: int(scheduler.time(self.clock) * 1e9))
        for name in _CLOCKS:
            self._clocks.enter_context(patch(name, clock))
        self._store = Store(None)
        self._confirmed: set[str] = set()
        self._restart()
        subscription = wire.Subscription(name=SUBSCRIPTION, topic=TOPIC, ack_deadline_seconds=LEASE_SECONDS)
        subscription.message_retention_duration.FromSeconds(_RETENTION_SECONDS)
        self._do(lambda: self._broker.create_topic(wire.Topic(name=TOPIC)))
        self._do(lambda: self._broker.create_subscription(subscription, self._broker.topics[TOPIC]))
        self._commit()

    def _restart(self) -> None:
        self._loop = _Loop(lambda: self._scheduler.now)
        self._broker = self._do(lambda: Broker(self._store))

    def _run(self, work: Coroutine[Any, Any, R]) -> R:
        return self._loop.run_until_complete(work)

    def _do(self, function: Callable[[], R]) -> R:
        asyncio._set_running_loop(self._loop)
        try:
            return function()
        finally:
            asyncio._set_running_loop(None)

    @property
    def _subscription(self) -> Subscription:
        return self._broker.subscriptions[SUBSCRIPTION]

    def settle(self) -> None:
        """Let the broker do what is due by now."""
        if self._loop.has_work():
            self._run(_idle(self._loop))

    def _commit(self) -> None:
        self._run(self._broker.journal.committed())
        self.settle()

    def kill(self) -> None:
        """Kill the broker, with what it has not committed, and start another one."""
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._run(_ended(tasks))
        self._loop.close()
        self._restart()

    def close(self) -> None:
        self.kill()
        self._run(self._broker.close())
        self._loop.close()
        self._store.close()
        self._clocks.close()

    def publish(self, messages: Iterable[tuple[bytes, Mapping[str, str]]]) -> list[int]:
        """Publish data with attributes; return the message ids."""
        request = wire.PublishRequest(topic=TOPIC)
        for data, attributes in messages:
            request.messages.add(data=data).attributes.update(attributes)
        ids = self._do(lambda: self._broker.publish(self._broker.topics[TOPIC], request))
        self._commit()
        return list(ids)

    def take(self) -> list[Any]:
        """Return the ReceivedMessages of a pull that does not wait."""
        self.settle()
        response = wire.PullResponse()
        self._do(lambda: self._subscription.deliver(response, Consumer(), max_messages=PULL_MESSAGES))
        received = list(response.received_messages)
        for one in received:
            if one.message.message_id in self._confirmed:
                raise Violation(f"message {one.message.message_id} is delivered again: its acknowledgement was durable")
        return received

    def acknowledge(self, ack_ids: Sequence[str], *, is_killed: bool) -> None:
        """End messages, unless the broker is killed before that is durable."""
        message_ids = [ack_id.split("-")[1] for ack_id in ack_ids]
        self._check_acknowledged([int(message_id) for message_id in message_ids])
        self._do(lambda: self._broker.acknowledge(self._subscription, ack_ids))
        if is_killed:
            self.kill()
            raise ServiceUnavailable("the broker was killed")
        self._commit()
        self._confirmed.update(message_ids)
        if self._scheduler.happens("the broker is killed just behind an acknowledgement", 0.02):
            self.kill()

    def modify(self, ack_ids: Sequence[str], seconds: int) -> None:
        self._do(lambda: self._broker.modify(self._subscription, ack_ids, [seconds] * len(ack_ids)))
        self.settle()

    def is_empty(self) -> bool:
        """Tell whether nothing is left to deliver or to acknowledge."""
        return self._subscription.backlog.oldest() is None


class SimulatedSubscription:
    """What the stream's process has of it; in place of `beam_jobs.stream.subscription.Subscription`."""

    path = SUBSCRIPTION
    lease_seconds = LEASE_SECONDS

    def __init__(self, scheduler: Scheduler, process: Process, pubsub: SimulatedPubsub, calls: Calls) -> None:
        self._scheduler, self._process, self._pubsub, self._calls = scheduler, process, pubsub, calls
        self._no_more = False

    def pull(self) -> Pulled | None:
        """See `Subscription.pull`."""
        asked = self._scheduler.now
        received: list[Any] = []

        def something() -> bool:
            nonlocal received
            received = received or ([] if self._no_more else self._pubsub.take())
            return bool(received) or self._no_more

        def wait_for_some() -> None:
            while not something() and self._scheduler.now < asked + _PULL_SECONDS:
                self._scheduler.wait(lambda: self._no_more, 0.5)

        try:
            self._calls.make(self._process, "pull", wait_for_some)
        except DeadlineExceeded:
            return None
        except NotFound as error:
            raise TargetError(str(error)) from error
        if not received:
            return None
        return Pulled.of(received, lease_ends=asked + self.lease_seconds)

    def stop_pulling(self) -> None:
        """See `Subscription.stop_pulling`."""
        self._no_more = True

    def acknowledge(self, ack_ids: Sequence[str]) -> None:
        """See `Subscription.acknowledge`."""
        is_killed = self._scheduler.happens("the broker is killed before an acknowledgement is durable", 0.02)
        self._calls.make(self._process, "acknowledge", lambda: self._pubsub.acknowledge(ack_ids, is_killed=is_killed))

    def lease(self, ack_ids: Sequence[str], seconds: int) -> None:
        """See `Subscription.lease`."""
        self._calls.make(self._process, "lease", lambda: self._pubsub.modify(ack_ids, seconds))


async def _idle(loop: _Loop) -> None:
    while loop.has_work():
        await asyncio.sleep(0)


async def _ended(tasks: set[asyncio.Task[Any]]) -> None:
    await asyncio.gather(*tasks, return_exceptions=True)
