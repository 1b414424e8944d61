"""The Pub/Sub emulator beside Google's own, where gcloud has it: ``python -m benchmarks.pubsub``.

Messages are log lines of about 230 bytes with an `event_id` attribute; both emulators get the same bytes from the same
client, which speaks gRPC without a client library so that it is not what is measured.
"""

from __future__ import annotations

import os
import queue
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty
from google.pubsub_v1.types import pubsub

from benchmarks.table import Row, machine, print_table

MESSAGES = 200_000
PER_REQUEST = 1000
IN_FLIGHT = 4
LONGEST_SECONDS = 20.0
"""A slower receiver is measured by what it has received by then."""

_START_SECONDS = 60
_LINE = (
    b'83.149.9.216 - - [17/May/2015:10:05:03 +0000] "GET /presentations/logstash-monitorama-2013/images/kibana-search.'
    b'png HTTP/1.1" 200 203023 "http://semicomplete.com/presentations/logstash-monitorama-2013/" "Mozilla/5.0 (X11)"'
)
_TYPES: dict[str, Any] = {name: getattr(pubsub, name).pb() for name in pubsub.__protobuf__.manifest}
_TYPES["Empty"] = Empty


def main() -> None:
    """Print a table for each of publishing, pulling and streaming."""
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        with _ours(Path(folder, "ours")) as address:
            ours = Rates(address)
        google: Rates | None = None
        gcloud = shutil.which("gcloud")
        if gcloud is None:
            print("Google's emulator is not measured: gcloud is not installed")
        else:
            with _google(gcloud, Path(folder, "google")) as address:
                google = Rates(address) if address else None
    for title, name in (
        (f"Pub/Sub: publish, {PER_REQUEST:,} messages a request, {IN_FLIGHT} in flight", "publish"),
        (f"Pub/Sub: pull and acknowledge, {PER_REQUEST:,} messages a request, {IN_FLIGHT} in flight", "pull"),
        ("Pub/Sub: streaming pull and acknowledge, one stream", "stream"),
    ):
        rows = [Row("logline, durable on disk", getattr(ours, name))]
        if google is not None:
            rows.append(Row("Google's emulator, in memory", getattr(google, name)))
        print_table(title, rows)


class Rates:
    """Messages a second of one emulator.

    Args:
        address: Its host and port.

    Attributes:
        publish: Published.
        pull: Received by Pull and acknowledged.
        stream: Received by StreamingPull and acknowledged.
    """

    def __init__(self, address: str) -> None:
        options = [("grpc.max_receive_message_length", -1)]
        with grpc.insecure_channel(address, options=options) as self._channel:
            self._publish(*self._topic_and_subscription())  # not measured: a virtual machine compiles meanwhile
            topic, subscription = self._topic_and_subscription()
            self.publish = self._publish(topic, subscription)
            self.pull = self._pull(subscription)
            topic, subscription = self._topic_and_subscription()
            self._publish(topic, subscription)
            self.stream = self._stream(subscription)

    def _call(self, method: str, request: str, response: str) -> Callable[..., Any]:
        return self._channel.unary_unary(  # type: ignore[no-any-return]
            f"/google.pubsub.v1.{method}",
            request_serializer=_TYPES[request].SerializeToString,
            response_deserializer=_TYPES[response].FromString,
        )

    def _topic_and_subscription(self) -> tuple[str, str]:
        topic = f"projects/bench/topics/t{time.time_ns()}"
        subscription = topic.replace("topics", "subscriptions")
        self._call("Publisher/CreateTopic", "Topic", "Topic")(_TYPES["Topic"](name=topic))
        self._call("Subscriber/CreateSubscription", "Subscription", "Subscription")(
            _TYPES["Subscription"](name=subscription, topic=topic, ack_deadline_seconds=600)
        )
        return topic, subscription

    def _publish(self, topic: str, _: str) -> float:
        message = _TYPES["PubsubMessage"](data=_LINE, attributes={"event_id": "0123456789abcdef"})
        request = _TYPES["PublishRequest"](topic=topic, messages=[message] * PER_REQUEST)
        publish = self._call("Publisher/Publish", "PublishRequest", "PublishResponse")
        start = time.perf_counter()
        with ThreadPoolExecutor(IN_FLIGHT) as pool:
            published = sum(pool.map(lambda _: len(publish(request).message_ids), range(MESSAGES // PER_REQUEST)))
        return published / (time.perf_counter() - start)

    def _pull(self, subscription: str) -> float:
        pull = self._call("Subscriber/Pull", "PullRequest", "PullResponse")
        acknowledge = self._call("Subscriber/Acknowledge", "AcknowledgeRequest", "Empty")
        request = _TYPES["PullRequest"](subscription=subscription, max_messages=PER_REQUEST, return_immediately=True)
        start = time.perf_counter()
        counts: list[int] = []

        def receive(_: int) -> None:
            while sum(counts) < MESSAGES and time.perf_counter() - start < LONGEST_SECONDS:
                ack_ids = [message.ack_id for message in pull(request).received_messages]
                if ack_ids:
                    acknowledge(_TYPES["AcknowledgeRequest"](subscription=subscription, ack_ids=ack_ids))
                    counts.append(len(ack_ids))

        with ThreadPoolExecutor(IN_FLIGHT) as pool:
            list(pool.map(receive, range(IN_FLIGHT)))
        return sum(counts) / (time.perf_counter() - start)

    def _stream(self, subscription: str) -> float:
        request_type = _TYPES["StreamingPullRequest"]
        requests: queue.Queue[Any] = queue.Queue()
        requests.put(
            request_type(
                subscription=subscription, stream_ack_deadline_seconds=600, max_outstanding_messages=10 * PER_REQUEST
            )
        )
        call = self._channel.stream_stream(
            "/google.pubsub.v1.Subscriber/StreamingPull",
            request_serializer=request_type.SerializeToString,
            response_deserializer=_TYPES["StreamingPullResponse"].FromString,
        )(iter(requests.get, None))
        start = time.perf_counter()
        stop = threading.Timer(LONGEST_SECONDS, call.cancel)
        stop.start()
        received = 0
        try:
            for response in call:
                ack_ids = [message.ack_id for message in response.received_messages]
                requests.put(request_type(ack_ids=ack_ids))
                received += len(ack_ids)
                if received >= MESSAGES:
                    break
        except grpc.RpcError:
            if not call.cancelled():
                raise
        seconds = time.perf_counter() - start
        stop.cancel()
        requests.put(None)
        call.cancel()
        return received / seconds


@contextmanager
def _ours(state_dir: Path) -> Iterator[str]:
    command = [sys.executable, "-m", "emulators.pubsub", "--port", "0", "--state-dir", str(state_dir)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        found = re.search(r"127\.0\.0\.1:\d+", process.stdout.readline() if process.stdout else "")
        if found is None:
            sys.exit("the Pub/Sub emulator did not start: see its message above")
        yield found[0]
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _google(gcloud: str, folder: Path) -> Iterator[str | None]:
    folder.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    log_path = folder / "log"
    command = [gcloud, "beta", "emulators", "pubsub", "start", "--project=bench", f"--host-port={address}", "--quiet"]
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [*command, f"--data-dir={folder}"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, "CLOUDSDK_CONFIG": str(folder)},
        )
    try:
        ends = time.monotonic() + _START_SECONDS
        is_up = False
        while not is_up and process.poll() is None and time.monotonic() < ends:
            time.sleep(0.2)
            is_up = "Server started" in log_path.read_text(errors="replace")
        if not is_up:
            last = (log_path.read_text(errors="replace").strip().splitlines() or ["no output"])[-1]
            print(f"Google's emulator is not measured, it does not start: {last}")
        yield address if is_up else None
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


if __name__ == "__main__":
    main()
