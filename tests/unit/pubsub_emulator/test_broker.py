"""The emulator without its sockets: publish, pull, ack, nack, expiry and restarts against a model."""

import asyncio
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from emulators.pubsub import wire
from emulators.pubsub.broker import Broker
from emulators.pubsub.publisher import Publisher
from emulators.pubsub.store import Store
from emulators.pubsub.subscriber import Subscriber

TOPIC, SUBSCRIPTION = "projects/p-1/topics/logs", "projects/p-1/subscriptions/logs"
T = TypeVar("T")


class TimedLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock can be put forward."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead


class Emulator:
    """A broker and its services on a state folder; `kill` leaves it as SIGKILL would."""

    def __init__(self, folder: Path) -> None:
        self.loop = TimedLoop()
        self._folder = folder
        self._start()

    def _start(self) -> None:
        self.store = Store(self._folder)
        self.broker = self.run(self._broker())
        self.publisher, self.subscriber = Publisher(self.broker), Subscriber(self.broker)

    async def _broker(self) -> Broker:
        return Broker(self.store)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def kill(self) -> None:
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.store.__exit__(None, None, None)

    def restart(self) -> None:
        self.kill()
        self._start()

    def call(self, service: Publisher | Subscriber, method: str, request: str, **fields: Any) -> Any:
        return self.run(getattr(service, method)(wire.type_of[request](**fields), None))

    def pull(self, most: int) -> list[Any]:
        response = self.call(
            self.subscriber,
            "pull",
            "PullRequest",
            subscription=SUBSCRIPTION,
            max_messages=most,
            return_immediately=True,
        )
        return list(response.received_messages)

    def advance(self, seconds: float) -> None:
        self.loop.ahead += seconds
        self.run(asyncio.sleep(0.001))


class Delivering(RuleBasedStateMachine):
    """The model: which bodies are unacknowledged, and under which ack id they are leased."""

    @initialize(dead_letters=st.booleans())
    def start(self, dead_letters: bool) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.emulator = Emulator(Path(self.folder.name))
        self.emulator.call(self.emulator.publisher, "create_topic", "Topic", name=TOPIC)
        policy = (
            {"dead_letter_policy": {"dead_letter_topic": TOPIC, "max_delivery_attempts": 100}} if dead_letters else {}
        )
        self.emulator.call(
            self.emulator.subscriber, "create_subscription", "Subscription", name=SUBSCRIPTION, topic=TOPIC, **policy
        )
        self.number = 0
        self.open: set[bytes] = set()
        self.leased: dict[bytes, str] = {}
        self.ended: dict[str, bytes] = {}

    @rule(count=st.integers(1, 6))
    def publish(self, count: int) -> None:
        bodies = [b"%d" % number for number in range(self.number, self.number + count)]
        self.number += count
        messages = [wire.PubsubMessage(data=body) for body in bodies]
        self.emulator.call(self.emulator.publisher, "publish", "PublishRequest", topic=TOPIC, messages=messages)
        self.open.update(bodies)

    @rule(most=st.integers(1, 5))
    def pull(self, most: int) -> None:
        available = self.open - self.leased.keys()
        received = self.emulator.pull(most)
        bodies = [message.message.data for message in received]
        assert len(set(bodies)) == len(bodies) == min(most, len(available))
        assert set(bodies) <= available
        self.leased.update({message.message.data: message.ack_id for message in received})

    def chosen(self, data: st.DataObject) -> list[bytes]:
        return data.draw(st.lists(st.sampled_from(sorted(self.leased)), min_size=1, max_size=3, unique=True))

    @precondition(lambda self: self.leased)
    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        bodies = self.chosen(data)
        ack_ids = [self.leased.pop(body) for body in bodies]
        self.acknowledge_ids(ack_ids)
        self.open.difference_update(bodies)

    @precondition(lambda self: self.ended)
    @rule(data=st.data())
    def acknowledge_late(self, data: st.DataObject) -> None:
        ack_id = data.draw(st.sampled_from(sorted(self.ended)))
        body = self.ended.pop(ack_id)
        self.acknowledge_ids([ack_id])
        self.open.discard(body)
        self.leased.pop(body, None)

    def acknowledge_ids(self, ack_ids: list[str]) -> None:
        fields = {"subscription": SUBSCRIPTION, "ack_ids": ack_ids}
        self.emulator.call(self.emulator.subscriber, "acknowledge", "AcknowledgeRequest", **fields)

    @precondition(lambda self: self.leased)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        bodies = self.chosen(data)
        ack_ids = [self.leased[body] for body in bodies]
        fields = {"subscription": SUBSCRIPTION, "ack_ids": ack_ids, "ack_deadline_seconds": 0}
        self.emulator.call(self.emulator.subscriber, "modify_ack_deadline", "ModifyAckDeadlineRequest", **fields)
        self.end_leases(bodies)

    def end_leases(self, bodies: list[bytes]) -> None:
        self.ended.update({self.leased.pop(body): body for body in bodies})

    @rule()
    def wait_for_expiry(self) -> None:
        self.emulator.advance(10)
        self.end_leases(list(self.leased))

    @rule()
    def tidy(self) -> None:
        self.emulator.advance(1)

    @rule()
    def kill_and_restart(self) -> None:
        self.emulator.restart()
        self.end_leases(list(self.leased))

    def teardown(self) -> None:
        if not hasattr(self, "emulator"):
            return
        self.wait_for_expiry()
        left: set[bytes] = set()
        while received := self.emulator.pull(1000):
            left.update(message.message.data for message in received)
        assert left == self.open
        self.emulator.kill()
        self.emulator.loop.close()
        self.folder.cleanup()


Delivering.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestDelivering = Delivering.TestCase
