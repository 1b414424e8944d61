"""What the outside world does: lines published to the topic, and files that come, change and go in the bucket.

All of it by Google's own clients and over the same links as everybody's. What a client says has failed is tried again,
as any shipper of logs does, until it is said to have arrived.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from typing import Self

import grpc
import requests
from google.api_core.client_options import ClientOptions
from google.api_core.exceptions import GoogleAPIError, NotFound
from google.auth.credentials import AnonymousCredentials
from google.cloud.pubsub_v1 import PublisherClient
from google.cloud.storage import Blob, Client
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport

from local_stack.running import RunningStack
from tests.chaos.outside.lines import FIRST_OF_FILES, Line, Numbers, midnight

A_SECOND = 20
SENT_TWICE = 0.02
_MOST_OUTSTANDING = 2_000
_TIMEOUT = 20.0
_PAUSE = 0.5


class Publisher:
    """Publishes numbered lines until it is told to stop, and then until all of them have arrived.

    Attributes:
        arrived: The lines that Pub/Sub has acknowledged, by number.
        refused: How often a client gave up, and was asked again.
    """

    def __init__(self, stack: RunningStack, seed: int) -> None:
        self.arrived: dict[int, Line] = {}
        self.refused = 0
        self._topic = f"projects/{stack.project}/topics/{stack.config.topic}"
        self._channel = grpc.insecure_channel(stack.config.pubsub_host)
        self._client = PublisherClient(transport=PublisherGrpcTransport(channel=self._channel))
        self._draws = random.Random(f"{seed} published")
        self._numbers = Numbers(self._draws, 0)
        self._outstanding: dict[Future[str], Line] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="publisher")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._client.stop()
        self._channel.close()

    def stop(self) -> None:
        """Publish nothing new, and wait until Pub/Sub has everything."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        next_line = time.monotonic()
        while not self._stopping.is_set() or self._outstanding:
            self._look()
            clock = time.monotonic()
            if self._stopping.is_set() or len(self._outstanding) >= _MOST_OUTSTANDING:
                next_line = clock
                time.sleep(_PAUSE)
                continue
            while next_line <= clock:
                line = self._numbers.line(datetime.now(UTC))
                for _ in range(1 + (self._draws.random() < SENT_TWICE)):
                    self._send(line)
                next_line += 1 / A_SECOND
            time.sleep(0.1)

    def _send(self, line: Line) -> None:
        sent = self._client.publish(self._topic, line.text.encode(), event_id=f"chaos-{line.number}")
        self._outstanding[sent] = line

    def _look(self) -> None:
        for sent in [sent for sent in self._outstanding if sent.done()]:
            line = self._outstanding.pop(sent)
            if sent.exception() is None:
                self.arrived[line.number] = line
            else:
                self.refused += 1
                self._send(line)


class Files:
    """The objects below `logs/`, changed one after the other.

    Attributes:
        newest: The lines of each object; None for one that was deleted.
        changes: How many changes there were.
    """

    def __init__(self, stack: RunningStack, publisher: Publisher, seed: int) -> None:
        self.newest: dict[str, list[Line] | None] = {}
        self.changes = 0
        self._stack = stack
        self._publisher = publisher
        self._draws = random.Random(f"{seed} files")
        self._numbers = Numbers(self._draws, FIRST_OF_FILES)
        self._today = midnight(datetime.now(UTC))
        self._rotated: set[int] = set()
        self._client = Client(
            project=stack.project,
            credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
            client_options=ClientOptions(api_endpoint=f"http://{stack.config.entrance('storage')}"),
        )

    def close(self) -> None:
        """Close the client."""
        self._client.close()

    def change(self, change: str, pick: float) -> None:
        """Make one change; returns when Cloud Storage has said that it is done."""
        there = sorted(name for name, lines in self.newest.items() if lines is not None)
        if change == "rotated":
            self._rotate()
        elif change == "new" or not there:
            self._write_new()
        else:
            name = there[int(pick * len(there))]
            lines = self.newest[name] or []
            if change == "deleted":
                self._until_done(name, lambda blob: _delete(blob))
                self.newest[name] = None
            elif change == "truncated":
                self._put(name, lines[: max(1, int(len(lines) * self._draws.random()))])
            else:
                kept = lines[: int(len(lines) * self._draws.random())]
                self._put(name, kept + self._some_lines(kept[0].time if kept else self._some_day()))
        self.changes += 1

    def _write_new(self) -> None:
        day = self._some_day()
        self._put(f"logs/{day:%Y-%m-%d}/chaos-{len(self.newest):05}.log", self._some_lines(day))

    def _rotate(self) -> None:
        """Write what was published since the last time into a file too, as a server that ships its log twice."""
        arrived = list(self._publisher.arrived.values())
        lines = [line for line in arrived if not line.is_bad and line.number not in self._rotated]
        if not lines:
            self._write_new()
            return
        self._rotated.update(line.number for line in lines)
        self._put(f"logs/{lines[-1].time:%Y-%m-%d}/rotated-{len(self.newest):05}.log", lines)

    def _some_day(self) -> datetime:
        return self._today - timedelta(days=self._draws.randint(1, 3))

    def _some_lines(self, day: datetime) -> list[Line]:
        return self._numbers.lines_of(midnight(day), self._draws.randint(20, 400))

    def _put(self, name: str, lines: list[Line]) -> None:
        text = "".join(f"{line.text}\n" for line in lines)
        self._until_done(name, lambda blob: blob.upload_from_string(text, timeout=_TIMEOUT, retry=None))
        self.newest[name] = lines

    def _until_done(self, name: str, change: Callable[[Blob], object]) -> None:
        blob = self._client.bucket(self._stack.bucket).blob(name)
        while True:
            try:
                change(blob)
            except (GoogleAPIError, requests.RequestException):
                time.sleep(_PAUSE)
            else:
                return


def _delete(blob: Blob) -> None:
    try:
        blob.delete(timeout=_TIMEOUT, retry=None)
    except NotFound:  # the answer of an earlier try was lost
        return
