"""The streaming job from Pub/Sub to queryable rows, everything on this machine: ``python -m benchmarks.stream``.

Log lines are published at a steady rate while queries count what has arrived, in both tables. Beside it the same
pipeline on Beam's BundleBasedDirectRunner, the one local runner of Beam that reads Pub/Sub, with a backlog to read.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psutil
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient
from google.pubsub_v1 import types

from beam_jobs.generate_logs.synthetic_stream import StreamPlan, draw_events
from benchmarks.table import Row, machine, print_table
from local_stack.ports import free_ports
from tests.sql.warehouse import render

THROUGHPUT_SECONDS, THROUGHPUT_RATE = 60, 11_000
LATENCY_SECONDS, LATENCY_RATE = 30, 1_000
BEAM_SECONDS, BEAM_BACKLOG = 30, 30_000

_WARM_UP = 100
_PROJECT = "logline-bench"
_REPOSITORY = Path(__file__).parents[1]
_TIMEOUT_SECONDS = 120.0
_BEAM_CODE = """
import sys
import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.io.gcp.pubsub import ReadFromPubSub
from beam_jobs.stream.options import parse_stream_options
from beam_jobs.stream.transforms import AppendToBigQuery, ParseMessages, decode_messages
settings, _ = parse_stream_options(sys.argv[1:])
pipeline = beam.Pipeline(options=PipelineOptions(["--runner=BundleBasedDirectRunner", "--streaming"]))
received = pipeline | ReadFromPubSub(subscription=settings.subscription, with_attributes=True)
serialised = received | beam.Map(lambda message: message._to_proto_str())  # this runner reads them decoded
serialised | decode_messages() | ParseMessages(settings) | AppendToBigQuery(settings)
pipeline.run().wait_until_finish()
"""


def main() -> None:
    """Print throughput beside Beam's runner, and the latency."""
    print(machine())
    with LocalStream() as here:
        throughput = here.stream("throughput", THROUGHPUT_RATE, THROUGHPUT_SECONDS)
        latency = here.stream("latency", LATENCY_RATE, LATENCY_SECONDS)
        beam_rate = here.beam_runner()
    print_table(
        f"Pub/Sub to queryable rows, {THROUGHPUT_RATE:,} messages/s published for {THROUGHPUT_SECONDS} s",
        [Row("python -m beam_jobs.stream", throughput.rate), Row("the pipeline, BundleBasedDirectRunner", beam_rate)],
    )
    for rate, run in ((LATENCY_RATE, latency), (THROUGHPUT_RATE, throughput)):
        p50, p95, most = np.percentile(run.latencies, [50, 95, 100])
        print(f"publish to queryable at {rate:,}/s: p50 {p50:.2f} s, p95 {p95:.2f} s, longest {most:.2f} s")
    busy = throughput.cpu_seconds * 1e4
    print(f"CPU of all processes, publishing and counting included: {busy:.2f} cores at 10,000/s")


class _Run:
    """What was seen of one run.

    Attributes:
        rate: Messages a second from the first publication to the moment when the last line was queryable.
        cpu_seconds: Of all processes per message, this one included, which publishes and counts.
        latencies: Of each message, from its publication to the query that first counted it, seconds.
    """

    def __init__(
        self, published: list[tuple[float, int]], counted: list[tuple[float, int]], cpu_seconds: float
    ) -> None:
        total = published[-1][1]
        self.cpu_seconds = cpu_seconds / total
        done = next(when for when, count in counted if count >= total)
        self.rate = total / (done - published[0][0])
        moments = np.array([when for when, _ in published])
        sizes = np.diff([0, *(count for _, count in published)])
        seen = np.searchsorted([count for _, count in counted], np.arange(1, total + 1))
        self.latencies = np.array([when for when, _ in counted])[seen] - np.repeat(moments, sizes)


class LocalStream(ExitStack):
    """BigQuery and Pub/Sub emulators, and clients of them."""

    def __enter__(self) -> LocalStream:
        super().__enter__()
        self._folder = Path(self.enter_context(tempfile.TemporaryDirectory()))
        rest, grpc_port, pubsub = free_ports(3)
        self._environment = {
            **os.environ,
            "PUBSUB_EMULATOR_HOST": f"127.0.0.1:{pubsub}",
            "BIGQUERY_EMULATOR_GRPC_HOST": f"127.0.0.1:{grpc_port}",
            "GOOGLE_CLOUD_PROJECT": _PROJECT,
        }
        os.environ |= self._environment
        bigquery_options = ["--port", rest, "--grpc-port", grpc_port, "--project", _PROJECT]
        bigquery_options += ["--data-dir", self._folder / "bigquery"]
        self.enter_context(self.process("emulators.bigquery", *bigquery_options))
        self.enter_context(self.process("emulators.pubsub", "--port", pubsub, "--state-dir", self._folder / "pubsub"))
        url = f"http://127.0.0.1:{rest}"
        _wait_for(f"{url}/healthz")
        self._bigquery = bigquery.Client(
            project=_PROJECT,
            credentials=AnonymousCredentials(),
            client_options=ClientOptions(api_endpoint=url),
        )
        self._publisher, self._subscriber = PublisherClient(), SubscriberClient()
        return self

    def stream(self, name: str, rate: int, seconds: int) -> _Run:
        """Publish while the job runs, until everything is queryable."""
        options = self.provision(name)
        with self.process("beam_jobs.stream", *options):
            self.publish(name, _WARM_UP)  # until these are there, the job is starting
            until(lambda: self.count(name) >= _WARM_UP)
            cpu_seconds = _cpu_seconds()
            published: list[tuple[float, int]] = []
            steadily = self.publish_steadily(name, rate, rate * seconds, first=_WARM_UP)
            publishing = threading.Thread(target=published.extend, args=(steadily,))
            publishing.start()
            counted = []
            while True:
                count = self.count(name) - _WARM_UP
                counted.append((time.monotonic(), count))
                if not publishing.is_alive() and count >= rate * seconds:
                    break
                if time.monotonic() - counted[0][0] > seconds + _TIMEOUT_SECONDS:
                    raise SystemExit(f"only {count} of {rate * seconds} messages are queryable")
                time.sleep(0.1 if rate < 5000 else 0.5)
            return _Run(published, counted, _cpu_seconds() - cpu_seconds)

    def beam_runner(self) -> float:
        """Return the messages a second of the same pipeline on Beam's own runner."""
        options = self.provision("beam")
        self.publish("beam", BEAM_BACKLOG)
        with self.process("-c", _BEAM_CODE, *options):
            until(lambda: self.count("beam") > 0)
            started, first = time.monotonic(), self.count("beam")
            while time.monotonic() - started < BEAM_SECONDS and (count := self.count("beam")) < BEAM_BACKLOG:
                time.sleep(0.5)
            return (count - first) / (time.monotonic() - started)

    def provision(self, name: str) -> list[str]:
        """Make a topic, a subscription and a dataset of that name; returns the job's options."""
        topic, subscription = f"projects/{_PROJECT}/topics/{name}", f"projects/{_PROJECT}/subscriptions/{name}"
        self._publisher.create_topic(name=topic)
        self._subscriber.create_subscription(name=subscription, topic=topic)
        self._bigquery.create_dataset(name)
        for table in ("streamed_requests", "rejected_streamed", "stream_batches", "stream_heartbeats"):
            self._bigquery.query(render(f"{table}/schema.sql", dataset=f"`{_PROJECT}`.{name}")).result()
        return [f"--subscription={subscription}", f"--dataset={_PROJECT}.{name}"]

    def count(self, name: str) -> int:
        """Return how many lines are queryable."""
        counts = " + ".join(
            f"(SELECT COUNT(*) FROM {name}.{table} WHERE {column} >= '1970-01-01')"
            for table, column in (("streamed_requests", "log_date"), ("rejected_streamed", "ingested_at"))
        )
        return int(next(iter(self._bigquery.query(f"SELECT {counts}").result()))[0])

    def publish(self, name: str, count: int, first: int = 0, lines: int = 1) -> None:
        """Publish messages of several lines each."""
        together = max(1, 1000 // lines)
        for start in range(first, first + count, together):
            request = types.PublishRequest.pb(types.PublishRequest(topic=f"projects/{_PROJECT}/topics/{name}"))
            for number in range(start, min(start + together, first + count)):
                request.messages.add(data=message(number, lines), attributes={"event_id": f"{name}-{number}"})
            self._publisher.api.publish(request=types.PublishRequest.wrap(request))

    def publish_steadily(
        self, name: str, rate: int, count: int, first: int, lines: int = 1
    ) -> Iterator[tuple[float, int]]:
        """Publish messages at a rate; yields when each portion of them was, and how many have been by then."""
        started, sent = time.monotonic(), 0
        while sent < count:
            due = min(int(rate * (time.monotonic() - started)), count) - sent
            if due:
                moment = time.monotonic()
                self.publish(name, due, first + sent, lines)
                sent += due
                yield moment, sent
            time.sleep(0.05)

    def run(self, *command: object) -> str:
        """Run Python with these arguments to its end; returns what it has printed."""
        done = subprocess.run(
            [sys.executable, *map(str, command)],
            cwd=_REPOSITORY,
            env=self._environment,
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise RuntimeError(done.stderr[-2000:])
        return done.stdout

    @contextmanager
    def process(self, module: str, *options: object) -> Iterator[int]:
        """Run a module, or code behind `-c`; yields the process id."""
        command = [sys.executable, *(["-m"] if module != "-c" else []), module, *map(str, options)]
        with (self._folder / "log").open("ab") as log:
            process = subprocess.Popen(command, cwd=_REPOSITORY, env=self._environment, stdout=log, stderr=log)
        try:
            yield process.pid
        finally:
            process.kill()
            process.wait()


def _cpu_seconds() -> float:
    me = psutil.Process()
    return sum(sum(one.cpu_times()[:2]) for one in (me, *me.children(recursive=True)))


def _lines() -> list[bytes]:
    plan = StreamPlan(10_000, "article", 1, datetime.now(UTC), 1000, 0.01, 0, 0, 0)
    return [event.line or b"-" for event in itertools.islice(draw_events(plan), 10_000) if event.fate != "blank"]


LINES = _lines()


def message(number: int, lines: int = 1) -> bytes:
    """Return the data of a message of several lines."""
    first = number * lines
    return b"\n".join(LINES[line % len(LINES)] for line in range(first, first + lines))


def _wait_for(url: str) -> None:
    def answers() -> bool:
        try:
            urllib.request.urlopen(url).close()
        except urllib.error.URLError:
            return False
        return True

    until(answers)


def until(check: object) -> None:
    """Wait until a check holds."""
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while not check():  # type: ignore[operator]
        if time.monotonic() > deadline:
            raise SystemExit(f"no rows arrived within {_TIMEOUT_SECONDS:.0f} s")
        time.sleep(0.1)


if __name__ == "__main__":
    main()
