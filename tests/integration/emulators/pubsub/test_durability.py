"""What survives SIGKILL, SIGTERM and a full disk: real processes, one state folder."""

import random
import resource
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from google.api_core import exceptions
from google.pubsub_v1.types import StreamingPullRequest

from tests.integration.emulators.pubsub.targets import CALL, Emulator, Target, data_of, running_emulator

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

LOST = (
    exceptions.ServiceUnavailable,
    exceptions.DeadlineExceeded,
    exceptions.Cancelled,
    exceptions.Unknown,
    ValueError,
)
"""What a client sees of an emulator that is killed; ValueError once its channel is closed."""


@contextmanager
def connected(emulator: Emulator, project: str = "projects/logs") -> Iterator[Target]:
    target = Target(emulator.address, project)
    try:
        yield target
    finally:
        target.close()


@contextmanager
def started(state_dir: Path, project: str = "projects/logs") -> Iterator[tuple[Emulator, Target]]:
    with running_emulator(state_dir) as emulator, connected(emulator, project) as target:
        yield emulator, target


class Traffic:
    """A publisher and a consumer that go on over restarts and remember what was confirmed to them."""

    def __init__(self, target: Target, topic: str, subscription: str) -> None:
        self.target, self.topic, self.subscription = target, topic, subscription
        self.published: set[bytes] = set()
        self.acked: set[bytes] = set()
        self.perhaps_acked: set[bytes] = set()
        """Acknowledged in a request whose answer the kill took: done or not, as with every such service."""
        self.returned_after_ack: set[bytes] = set()
        self.errors: list[BaseException] = []
        self.is_over = threading.Event()
        self._number = 0
        self._threads = [threading.Thread(target=self._repeat, args=[work]) for work in (self._publish, self._consume)]
        for thread in self._threads:
            thread.start()

    def _repeat(self, work: Callable[[], None]) -> None:
        while not self.is_over.is_set():
            try:
                work()
            except LOST:
                self.is_over.wait(0.05)
            except BaseException as error:
                self.errors.append(error)
                raise

    def _publish(self) -> None:
        bodies = [b"%d" % number for number in range(self._number, self._number + 200)]
        self._number += 200
        self.target.publish(self.topic, *bodies)
        self.published.update(bodies)

    def _consume(self) -> None:
        received = self.target.pull_once(self.subscription, 300)
        self.returned_after_ack.update(set(data_of(received)) & self.acked)
        chosen = [message for message in received if random.random() < 0.8]
        if chosen:
            self.perhaps_acked.update(data_of(chosen))
            self.target.ack(self.subscription, chosen)
            self.acked.update(data_of(chosen))
            self.perhaps_acked -= self.acked

    def wait_for_more(self, seconds: float = 60) -> None:
        """Waits until more was published and acknowledged, with both still going on."""
        published, acked, ends = len(self.published) + 2000, len(self.acked) + 500, time.monotonic() + seconds
        while len(self.published) < published or len(self.acked) < acked:
            assert not self.errors
            assert time.monotonic() < ends
            time.sleep(0.01)

    def stop(self) -> None:
        self.is_over.set()
        for thread in self._threads:
            thread.join()
        assert self.errors == []


def requests_until(is_over: threading.Event, request: StreamingPullRequest) -> Iterator[StreamingPullRequest]:
    yield request
    is_over.wait(30)


def publish_until_refused(target: Target, topic: str, confirmed: set[bytes]) -> None:
    while True:
        body = b"%d" % len(confirmed) + b"." * 100_000
        target.publish(topic, body)
        confirmed.add(body)


def test_sigkill_under_load_loses_nothing(tmp_path: Path) -> None:
    traffic: Traffic | None = None
    try:
        for _ in range(2):
            with started(tmp_path) as (emulator, target):
                if traffic is None:
                    traffic = Traffic(target, *target.pair())
                traffic.target = target
                traffic.wait_for_more()
                emulator.kill()
    finally:
        assert traffic is not None
        traffic.stop()
    left: set[bytes] = set()
    with started(tmp_path) as (_, target):
        while not traffic.published - traffic.perhaps_acked <= traffic.acked | left:
            received = target.pull(traffic.subscription, 1) + target.pull_once(traffic.subscription)
            left.update(data_of(received))
            target.ack(traffic.subscription, received)
    assert traffic.returned_after_ack == set()
    assert left & traffic.acked == set()


def test_everything_is_there_after_sigkill(tmp_path: Path) -> None:
    with started(tmp_path) as (emulator, target):
        dead_topic = target.topic()
        topic = target.topic(labels={"team": "web"}, message_retention_duration={"seconds": 3600})
        subscription = target.subscription(
            topic,
            ack_deadline_seconds=600,
            filter="attributes:keep",
            retry_policy={"minimum_backoff": {"seconds": 0}, "maximum_backoff": {"seconds": 3}},
            dead_letter_policy={"dead_letter_topic": dead_topic, "max_delivery_attempts": 7},
        )
        orphan_topic, orphan = target.pair()
        target.publish(orphan_topic, b"left over")
        target.publisher.delete_topic(topic=orphan_topic, **CALL)
        snapshot = target.subscriber.create_snapshot(name=target.name("snapshots"), subscription=subscription, **CALL)
        before = [
            target.publisher.get_topic(topic=topic, **CALL),
            target.subscriber.get_subscription(subscription=subscription, **CALL),
            target.subscriber.get_subscription(subscription=orphan, **CALL),
            snapshot,
        ]
        bodies = [b"acked", b"leased", b"worked on", b"dropped by the filter"]
        target.publish(topic, *[{"data": body, "attributes": {"keep": "1"}} for body in bodies[:3]], bodies[3])
        held = {message.message.data: message for message in target.pull(subscription, 3)}
        target.ack(subscription, [held[b"acked"]])
        emulator.kill()
    with started(tmp_path) as (_, target):
        after = [
            target.publisher.get_topic(topic=topic, **CALL),
            target.subscriber.get_subscription(subscription=subscription, **CALL),
            target.subscriber.get_subscription(subscription=orphan, **CALL),
            target.subscriber.get_snapshot(snapshot=snapshot.name, **CALL),
        ]
        assert after == before
        assert data_of(target.pull(orphan, 1)) == [b"left over"]
        with pytest.raises(exceptions.NotFound):
            target.publisher.get_topic(topic=orphan_topic, **CALL)
        # Work done while the emulator was away is not given out again.
        target.ack(subscription, [held[b"worked on"]])
        assert data_of(target.pull(subscription, 1)) == [b"leased"]
        assert target.pull_once(subscription) == []


def test_sigterm_ends_streams_and_exits_0(tmp_path: Path) -> None:
    with started(tmp_path) as (emulator, target):
        topic, subscription = target.pair()
        target.publish(topic, b"x")
        request = StreamingPullRequest(subscription=subscription, stream_ack_deadline_seconds=60)
        is_over = threading.Event()
        responses = target.subscriber.api.streaming_pull(requests_until(is_over, request), timeout=30)
        assert next(iter(responses)).received_messages[0].message.data == b"x"
        assert emulator.terminate() == 0
        with pytest.raises(exceptions.ServiceUnavailable):
            next(iter(responses))
        is_over.set()


def test_sigterm_answers_pulls_over_rest_and_exits_0(tmp_path: Path) -> None:
    with started(tmp_path) as (emulator, target), requests.Session() as session, ThreadPoolExecutor() as pool:
        session.trust_env = False
        url = f"http://{emulator.address}/v1/{target.pair()[1]}:pull"
        waiting = pool.submit(session.post, url, json={"maxMessages": 1}, timeout=30)
        time.sleep(0.5)  # it waits by now; if not, the test proves less
        assert emulator.terminate() == 0
        assert waiting.result().json() == {}


def test_full_disk_stops_the_emulator_and_loses_nothing(tmp_path: Path) -> None:
    """A file size limit stands in for the full disk: SQLite meets the same failed write."""
    emulator = Emulator(tmp_path)
    confirmed: set[bytes] = set()
    try:
        # Not by preexec_fn: a forked child with gRPC in it may abort before exec (grpc/grpc#43055).
        resource.prlimit(emulator.process.pid, resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))
        with connected(emulator) as target:
            topic, subscription = target.pair()
            with pytest.raises(LOST):
                publish_until_refused(target, topic, confirmed)
        _, errors = emulator.process.communicate(timeout=30)
        assert emulator.process.returncode == 1
        assert errors.strip().count("\n") == 0
        assert "the state file cannot be written" in errors
    finally:
        emulator.kill()
    with started(tmp_path) as (_, target):
        found: set[bytes] = set()
        while not confirmed <= found:
            found.update(data_of(target.pull(subscription, 1)))
    assert confirmed
