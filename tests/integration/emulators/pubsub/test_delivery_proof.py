"""Twenty streaming clients, five on each kind of subscription, while the emulator is killed and frozen half way.

Nothing is lost, no confirmed acknowledgement is delivered again, no key is out of order.
"""

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from google.cloud import pubsub_v1
from google.cloud.pubsub_v1.subscriber.exceptions import AcknowledgeError, AcknowledgeStatus
from google.cloud.pubsub_v1.subscriber.scheduler import ThreadScheduler

from tests.integration.emulators.pubsub.delivery_history import Acked, Confirmed, Delivery, History
from tests.integration.emulators.pubsub.targets import Emulator, Target

CLIENTS_OF_EACH = 5
KEYS = [f"key-{number}" for number in range(20)]
PER_KEY = 80
LEASE_SECONDS = 10
NACKED = 0.02
WAIT_SECONDS = 200


def wait_until(check: Callable[[], bool]) -> None:
    ends = time.monotonic() + WAIT_SECONDS
    while not check():
        assert time.monotonic() < ends, f"not within {WAIT_SECONDS} s"
        time.sleep(0.05)


class Client:
    """One streaming pull of Google's client library."""

    def __init__(self, number: int, target: Target, subscription: str, history: History) -> None:
        self.number, self.history = number, history
        self.unanswered = 0
        self.answers = threading.Lock()
        self.subscriber = pubsub_v1.SubscriberClient()
        # With one thread the library cannot call back two messages of a key at once, as it may when leases have ended.
        self.future = self.subscriber.subscribe(
            subscription,
            self.receive,
            flow_control=pubsub_v1.types.FlowControl(
                max_messages=50,
                min_duration_per_lease_extension=LEASE_SECONDS,
                max_duration_per_lease_extension=LEASE_SECONDS,
            ),
            scheduler=ThreadScheduler(ThreadPoolExecutor(1)),
        )

    def receive(self, message: Any) -> None:
        message_id = int(message.message_id)
        self.history.add(Delivery(self.number, message_id, message.ordering_key, message.data))
        if random.random() < NACKED:
            message.nack()
            return
        self.history.add(Acked(message_id))
        if not self.history.is_exactly_once:
            message.ack()
            return
        with self.answers:
            self.unanswered += 1
        message.ack_with_response().add_done_callback(lambda answer: self.answered(message_id, answer))

    def answered(self, message_id: int, answer: Any) -> None:
        try:
            if answer.result() == AcknowledgeStatus.SUCCESS:
                self.history.add(Confirmed(message_id))
        except AcknowledgeError:
            pass
        finally:
            with self.answers:
                self.unanswered -= 1

    def close(self) -> None:
        self.future.cancel()
        self.future.result(timeout=WAIT_SECONDS)
        self.subscriber.close()


class Publishing:
    """A thread that publishes each key's numbers in order, and what was confirmed to it."""

    def __init__(self, target: Target, topic: str) -> None:
        self.target, self.topic = target, topic
        self.sent: list[tuple[bytes, Any]] = []
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self) -> None:
        for number in range(PER_KEY):
            for key in KEYS:
                body = f"{key}:{number}".encode()
                self.sent.append((body, self.target.ordered_publisher.publish(self.topic, body, ordering_key=key)))
            time.sleep(0.1)

    def confirmed(self) -> set[bytes]:
        self.thread.join()
        for _, future in self.sent:
            future.result(timeout=WAIT_SECONDS)
        return {body for body, _ in self.sent}


@pytest.fixture
def emulators(tmp_path: Path) -> Iterator[list[Emulator]]:
    """The emulator that runs is the last of them."""
    started = [Emulator(tmp_path)]
    yield started
    for emulator in started:
        emulator.kill()


def kill_and_restart(emulators: list[Emulator]) -> None:
    emulators[-1].kill()
    emulators.append(Emulator(emulators[-1].state_dir, port=emulators[-1].port))


def freeze_beyond_the_leases(emulator: Emulator) -> None:
    os.kill(emulator.process.pid, signal.SIGSTOP)
    time.sleep(LEASE_SECONDS + 1)
    os.kill(emulator.process.pid, signal.SIGCONT)


@pytest.mark.integration
@pytest.mark.timeout(600)
def test_delivery_over_a_kill_and_a_freeze(
    emulators: list[Emulator], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", emulators[0].address)
    target = Target(emulators[0].address)
    request.addfinalizer(target.close)
    topic = target.topic()
    kinds = [(is_ordered, is_exactly_once) for is_ordered in (False, True) for is_exactly_once in (False, True)]
    histories = {
        target.subscription(topic, enable_message_ordering=ordered, enable_exactly_once_delivery=once): History(
            is_ordered=ordered, is_exactly_once=once
        )
        for ordered, once in kinds
    }
    total = len(KEYS) * PER_KEY

    def delivered(share: float) -> bool:
        return all(len(history.bodies()) >= share * total for history in histories.values())

    with ExitStack() as streams:
        clients = [
            Client(number, target, subscription, history)
            for subscription, history in histories.items()
            for number in range(CLIENTS_OF_EACH)
        ]
        for client in clients:
            streams.callback(client.close)
        publishing = Publishing(target, topic)
        wait_until(lambda: delivered(0.4))
        kill_and_restart(emulators)
        wait_until(lambda: delivered(0.6))
        freeze_beyond_the_leases(emulators[-1])
        published = publishing.confirmed()
        wait_until(lambda: all(published <= history.bodies() for history in histories.values()))
        wait_until(lambda: not any(client.unanswered for client in clients))
    kill_and_restart(emulators)
    for subscription, history in histories.items():
        left = {int(received.message.message_id) for received in target.pull_once(subscription)}
        if history.is_exactly_once:
            assert not left & history.confirmed()
            assert history.confirmed()
        assert history.faults(published) == []


def test_oracle_finds_a_lost_message() -> None:
    history = History()
    history.add(Delivery(0, 1, "", b"one"))
    assert history.faults([b"one"]) == []
    assert history.faults([b"one", b"two"]) == ["lost: b'two'"]


def test_oracle_finds_a_message_that_came_again() -> None:
    history = History(is_exactly_once=True)
    for event in (Delivery(0, 1, "", b"one"), Delivery(1, 1, "", b"one"), Confirmed(1)):
        history.add(event)
    assert history.faults([b"one"]) == []
    history.add(Confirmed(1))
    assert history.faults([b"one"]) == ["message 1 was delivered again after its acknowledgement was confirmed"]


def test_oracle_finds_a_key_out_of_order() -> None:
    history = History(is_ordered=True)
    # The key goes to another client once its messages are acknowledged, and starts again at the oldest that is not.
    in_order = [(0, 1), Acked(1), (0, 2), (0, 3), (0, 2), (0, 3), Acked(2), Acked(3), (1, 4)]
    for event in in_order:
        history.add(event if isinstance(event, Acked) else Delivery(*event, "k", b"x"))
    assert history.faults([]) == []
    history.add(Delivery(1, 6, "k", b"x"))
    history.add(Delivery(2, 5, "k", b"x"))
    assert history.faults([]) == [
        "message 6 of key k was delivered before 5",
        "message 5 of key k was delivered before 4",
    ]
