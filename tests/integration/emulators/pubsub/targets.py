"""The Pub/Sub emulators under test, as processes, and Google's clients pointed at them."""

import os
import queue
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from google.cloud import pubsub_v1
from google.pubsub_v1 import PublisherClient as PublisherApi
from google.pubsub_v1.types import PubsubMessage, ReceivedMessage

START_SECONDS = 60
CALL: dict[str, Any] = {"retry": None, "timeout": 15}
"""No retries, so that a test sees the answer itself."""
OURS = pytest.mark.parametrize("emulator_address", ["ours"], indirect=True)
"""For tests that say nothing of Google's emulator."""


class Emulator:
    """Our emulator as a child process on a free port."""

    def __init__(self, state_dir: Path, *options: str, port: int = 0) -> None:
        self.state_dir = state_dir
        command = [
            sys.executable,
            "-m",
            "emulators.pubsub",
            "--port",
            str(port),
            "--state-dir",
            str(state_dir),
            *options,
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        if not select.select([self.process.stdout], [], [], START_SECONDS)[0]:
            self.kill()
            raise TimeoutError(f"the emulator did not start within {START_SECONDS} s")
        line = self.process.stdout.readline()
        match = re.search(r"listening on 127\.0\.0\.1:(\d+)", line)
        if match is None:
            _, errors = self.process.communicate(timeout=START_SECONDS)
            raise AssertionError(f"the emulator ended with {self.process.returncode}: {line}{errors}")
        self.port = int(match[1])

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()

    def terminate(self) -> int:
        self.process.terminate()
        self.process.communicate(timeout=START_SECONDS)
        return self.process.returncode


@contextmanager
def running_emulator(state_dir: Path, *options: str) -> Iterator[Emulator]:
    emulator = Emulator(state_dir, *options)
    try:
        yield emulator
    finally:
        emulator.kill()


@contextmanager
def running_google_emulator() -> Iterator[str]:
    """Google's emulator through gcloud; skips where it cannot be had."""
    gcloud = shutil.which("gcloud")
    if gcloud is None:
        pytest.skip("gcloud is not installed: Google's own emulator cannot be compared")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    with tempfile.TemporaryDirectory() as folder:
        command = [gcloud, "beta", "emulators", "pubsub", "start", "--project=conformance", f"--host-port={address}"]
        log_path = Path(folder, "log")
        with log_path.open("wb") as log:
            process = subprocess.Popen(
                [*command, f"--data-dir={folder}", "--quiet"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "CLOUDSDK_CONFIG": folder},
            )
        try:
            ends = time.monotonic() + START_SECONDS
            while "Server started" not in (text := log_path.read_text(errors="replace")):
                if process.poll() is not None or time.monotonic() > ends:
                    last = (text.strip().splitlines() or ["no output"])[-1]
                    pytest.skip(f"gcloud beta emulators pubsub does not start here: {last}")
                time.sleep(0.1)
            yield address
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@dataclass
class Target:
    """Google's clients on one emulator, and a project of their own on it."""

    address: str
    project: str = field(default_factory=lambda: f"projects/p-{uuid.uuid4().hex[:8]}")

    def __post_init__(self) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PUBSUB_EMULATOR_HOST", self.address)
            self.publisher = pubsub_v1.PublisherClient()
            self.subscriber = pubsub_v1.SubscriberClient()
            self.ordered_publisher = pubsub_v1.PublisherClient(
                publisher_options=pubsub_v1.types.PublisherOptions(enable_message_ordering=True)
            )
        self._api = PublisherApi(transport=self.publisher.transport)

    def close(self) -> None:
        self.publisher.stop()
        self.ordered_publisher.stop()
        self.publisher.transport.close()
        self.subscriber.close()

    def name(self, collection: str, short: str = "") -> str:
        return f"{self.project}/{collection}/{short or 'r' + uuid.uuid4().hex[:8]}"

    def topic(self, **settings: Any) -> str:
        name = self.name("topics")
        self.publisher.create_topic(request={"name": name, **settings}, **CALL)
        return name

    def subscription(self, topic: str, **settings: Any) -> str:
        name = self.name("subscriptions")
        self.subscriber.create_subscription(request={"name": name, "topic": topic, **settings}, **CALL)
        return name

    def pair(self, **settings: Any) -> tuple[str, str]:
        topic = self.topic()
        return topic, self.subscription(topic, **settings)

    def publish(self, topic: str, *messages: bytes | dict[str, Any]) -> list[str]:
        """One Publish request; a message is its data or its fields."""
        bodies = [PubsubMessage(data=body) if isinstance(body, bytes) else PubsubMessage(body) for body in messages]
        return list(self._api.publish(request={"topic": topic, "messages": bodies}, **CALL).message_ids)

    def pull_once(self, subscription: str, most: int = 1000) -> list[ReceivedMessage]:
        request = {"subscription": subscription, "max_messages": most, "return_immediately": True}
        return list(self.subscriber.pull(request=request, **CALL).received_messages)

    def pull(self, subscription: str, count: int, seconds: float = 15) -> list[ReceivedMessage]:
        """Pull until this many messages have come."""
        received: list[ReceivedMessage] = []
        ends = time.monotonic() + seconds
        while len(received) < count:
            if time.monotonic() > ends:
                raise TimeoutError(f"{len(received)} of {count} messages after {seconds} s")
            pulled = self.pull_once(subscription, count - len(received))
            received += pulled
            if not pulled:
                time.sleep(0.02)
        return received

    def ack(self, subscription: str, received: list[ReceivedMessage]) -> None:
        ids = [message.ack_id for message in received]
        self.subscriber.acknowledge(subscription=subscription, ack_ids=ids, **CALL)

    def nack(self, subscription: str, received: list[ReceivedMessage]) -> None:
        self.lease(subscription, received, 0)

    def lease(self, subscription: str, received: list[ReceivedMessage], seconds: int) -> None:
        self.subscriber.modify_ack_deadline(
            subscription=subscription,
            ack_ids=[message.ack_id for message in received],
            ack_deadline_seconds=seconds,
            **CALL,
        )

    @contextmanager
    def stream(self, subscription: str, callback: Callable[[Any], None], **flow: Any) -> Iterator[Any]:
        """The client library's streaming pull with a callback."""
        control = pubsub_v1.types.FlowControl(**flow)
        future = self.subscriber.subscribe(subscription, callback, flow_control=control)
        try:
            yield future
        finally:
            future.cancel()
            future.result(timeout=15)


def data_of(received: list[ReceivedMessage]) -> list[bytes]:
    return [message.message.data for message in received]


def take(source: "queue.Queue[Any]", count: int, seconds: float = 20) -> list[Any]:
    """The next items of a queue."""
    return [source.get(timeout=seconds) for _ in range(count)]
