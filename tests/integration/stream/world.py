"""BigQuery and Pub/Sub as processes that tests kill and start again, and the streaming job between them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from google.api_core.client_options import ClientOptions
from google.api_core.exceptions import GoogleAPICallError
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient

from beam_jobs.stream.heartbeats import HEARTBEAT_ATTRIBUTE
from local_stack.ports import free_ports
from tests.partitions import every_row
from tests.sql.warehouse import render

PROJECT = "logline-test"
HOST = "127.0.0.1"
REPOSITORY = Path(__file__).parents[3]
GOOD = b'192.0.2.%d - - [22/Nov/2026:10:05:03] "GET /page/%d?b HTTP/1.1" [200] 523 "http://example.com/x" "curl/8.0"'


def good_line(number: int) -> bytes:
    """A line that becomes a row with the path `/page/{number}`."""
    return GOOD % (number % 250, number)


def eventually(check: Callable[[], Any], seconds: float = 60) -> Any:
    """The first true value of the check."""
    deadline = time.monotonic() + seconds
    while True:
        if found := check():
            return found
        assert time.monotonic() < deadline, f"not within {seconds} s: {check}"
        time.sleep(0.05)


class Server:
    """A server process on ports and a folder of its own, which survive its end."""

    def __init__(self, ports: Iterable[int], *command: object) -> None:
        self._ports = list(ports)
        self._command = [sys.executable, "-m", *map(str, command)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for port in self._ports:
            eventually(lambda port=port: self._listens(port))

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _listens(self, port: int) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"{self._command} ended"
        with socket.socket() as probe:
            return probe.connect_ex((HOST, port)) == 0


class World:
    """Both emulators; clients of them as tests need them."""

    def __init__(self, folder: Path, *bigquery_options: object) -> None:
        rest, grpc, pubsub = free_ports(3)
        self.bigquery = Server(
            (rest, grpc),
            *("emulators.bigquery", "--port", rest, "--grpc-port", grpc, "--project", PROJECT),
            *("--data-dir", folder / "bigquery", *bigquery_options),
        )
        self.pubsub = Server((pubsub,), "emulators.pubsub", "--port", pubsub, "--state-dir", folder / "pubsub")
        self.endpoints = {
            "PUBSUB_EMULATOR_HOST": f"{HOST}:{pubsub}",
            "BIGQUERY_EMULATOR_HOST": f"http://{HOST}:{rest}",
            "BIGQUERY_EMULATOR_GRPC_HOST": f"{HOST}:{grpc}",
        }
        self.client = bigquery.Client(
            project=PROJECT,
            credentials=AnonymousCredentials(),
            client_options=ClientOptions(api_endpoint=f"http://{HOST}:{rest}"),
        )

    def start(self) -> None:
        self.bigquery.start()
        self.pubsub.start()

    def stop(self) -> None:
        self.client.close()
        self.bigquery.kill()
        self.pubsub.kill()


class Stream:
    """A topic, a subscription and a dataset of one test, and the job between them."""

    def __init__(self, world: World, folder: Path) -> None:
        name = f"t{uuid.uuid4().hex[:12]}"
        self.world = world
        self.topic = f"projects/{PROJECT}/topics/{name}"
        self.subscription = f"projects/{PROJECT}/subscriptions/{name}"
        self.dataset = f"{PROJECT}.{name}"
        self.metrics_file = folder / "metrics.json"
        self.log = folder / "job.log"
        self.publisher = PublisherClient()
        self.subscriber = SubscriberClient()
        self.publisher.create_topic(name=self.topic)
        self.subscriber.create_subscription(name=self.subscription, topic=self.topic, ack_deadline_seconds=10)
        world.client.create_dataset(name)
        for table in ("streamed_requests", "rejected_streamed", "stream_batches", "stream_heartbeats"):
            self.sql(render(f"{table}/schema.sql", dataset=f"`{PROJECT}`.{name}"))

    def close(self) -> None:
        self.publisher.transport.close()
        self.subscriber.close()

    @property
    def options(self) -> list[str]:
        return [f"--subscription={self.subscription}", f"--dataset={self.dataset}", "--runner=FnApiRunner"]

    def start_job(self, *options: str) -> "subprocess.Popen[bytes]":
        environment = {**os.environ, **self.world.endpoints, "DATAFLOW_EMULATOR_METRICS_FILE": str(self.metrics_file)}
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "beam_jobs.stream", *self.options, *options],
                cwd=REPOSITORY,
                env=environment,
                stderr=log,
            )

    def end_job(self, job: "subprocess.Popen[bytes]", number: signal.Signals) -> int:
        job.send_signal(number)
        return job.wait(60)

    def publish(self, *data: bytes, **event_ids: bytes) -> None:
        """Publish messages without the attribute, and others by their `event_id`."""
        messages = [{"data": one} for one in data]
        messages += [{"data": one, "attributes": {"event_id": name}} for name, one in event_ids.items()]
        for start in range(0, len(messages), 1000):
            self.publisher.api.publish(topic=self.topic, messages=messages[start : start + 1000])

    def beat(self, *at: datetime) -> None:
        """Publish heartbeats, as the supervisor does."""
        messages = [{"attributes": {HEARTBEAT_ATTRIBUTE: one.isoformat()}} for one in at]
        self.publisher.api.publish(topic=self.topic, messages=messages)

    def ledger(self) -> dict[str, int]:
        """What the entries of all batches add up to."""
        names = ("messages", "lines", "rows", "rejected", "blank", "bytes")
        sums = ", ".join(f"SUM(`{name}`)" for name in names)
        ((*found,),) = self.sql(f"SELECT {sums} FROM `{self.dataset}.stream_batches`")
        return dict(zip(names, found, strict=True))

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for row in self.world.client.query(statement).result()]

    def count(self, table: str) -> int:
        return len(self.ids(table))

    def ids(self, table: str) -> set[str]:
        sql = f"SELECT DISTINCT event_id FROM `{self.dataset}.{table}` WHERE {every_row(table)}"
        return {row[0] for row in self.sql(sql)}

    def metrics(self) -> dict[str, int]:
        try:
            counters = json.loads(self.metrics_file.read_text())["counters"]
        except FileNotFoundError:
            return {}
        return {one["name"]: one["value"] for one in counters}

    def unacknowledged(self) -> int:
        """How many messages the subscription would deliver now; they are given back."""
        try:
            answer = self.subscriber.pull(subscription=self.subscription, max_messages=1000, timeout=2, retry=None)
        except GoogleAPICallError:
            return 0
        ids = [one.ack_id for one in answer.received_messages]
        if ids:
            self.subscriber.modify_ack_deadline(subscription=self.subscription, ack_ids=ids, ack_deadline_seconds=0)
        return len(ids)
