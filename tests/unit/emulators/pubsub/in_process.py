"""The emulator without its sockets: its services over a state folder, on a loop whose clock can be put forward."""

import asyncio
import tempfile
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from emulators.pubsub import wire
from emulators.pubsub.api.publisher import Publisher
from emulators.pubsub.api.subscriber import Subscriber
from emulators.pubsub.broker.broker import Broker
from emulators.pubsub.log.store import Store

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
        self.store.close()

    def restart(self) -> None:
        self.kill()
        self._start()

    def call(self, service: Publisher | Subscriber, method: str, request: str, **fields: Any) -> Any:
        return self.run(getattr(service, method)(wire.type_of[request](**fields)))

    def create_topic(self, name: str = TOPIC, **fields: Any) -> None:
        self.call(self.publisher, "create_topic", "Topic", name=name, **fields)

    def create_subscription(self, name: str = SUBSCRIPTION, topic: str = TOPIC, **fields: Any) -> None:
        self.call(self.subscriber, "create_subscription", "Subscription", name=name, topic=topic, **fields)

    def publish(self, *bodies: bytes, topic: str = TOPIC) -> list[str]:
        messages = [wire.PubsubMessage(data=body) for body in bodies]
        response = self.call(self.publisher, "publish", "PublishRequest", topic=topic, messages=messages)
        return list(response.message_ids)

    def pull(self, most: int = 1000, subscription: str = SUBSCRIPTION) -> list[Any]:
        request = {"subscription": subscription, "max_messages": most, "return_immediately": True}
        return list(self.call(self.subscriber, "pull", "PullRequest", **request).received_messages)

    def bodies(self, subscription: str = SUBSCRIPTION) -> list[bytes]:
        return [message.message.data for message in self.pull(subscription=subscription)]

    def acknowledge(self, *ack_ids: str) -> None:
        self.call(self.subscriber, "acknowledge", "AcknowledgeRequest", subscription=SUBSCRIPTION, ack_ids=ack_ids)

    def nack(self, *ack_ids: str) -> None:
        fields = {"subscription": SUBSCRIPTION, "ack_ids": ack_ids, "ack_deadline_seconds": 0}
        self.call(self.subscriber, "modify_ack_deadline", "ModifyAckDeadlineRequest", **fields)

    def seek(self, **target: Any) -> None:
        self.call(self.subscriber, "seek", "SeekRequest", subscription=SUBSCRIPTION, **target)

    def settle(self) -> None:
        """Waits until all that was decided is stored."""
        self.run(self.broker.journal.committed())

    def stored(self, table: str) -> int:
        self.settle()
        count: int = self.store._reader.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        return count

    def advance(self, seconds: float) -> None:
        self.loop.ahead += seconds
        self.run(asyncio.sleep(0.001))


@contextmanager
def emulator() -> Iterator[Emulator]:
    with tempfile.TemporaryDirectory() as folder:
        made = Emulator(Path(folder))
        try:
            yield made
        finally:
            made.kill()
            made.loop.close()
