"""A live stream on a local stack, without Airflow: what `provision` makes, and the launch of `stream_supervisor`."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

import grpc
import psutil
from google.api_core.exceptions import DeadlineExceeded
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from local_stack.clients.dataflow import RUNNING, DataflowJob
from local_stack.config import REPOSITORY
from local_stack.running import RunningStack
from local_stack.supervisor import processes
from tests.partitions import every_row
from tests.sql.warehouse import TABLES, VIEWS, render


def eventually(check: Callable[[], Any], seconds: float = 180) -> Any:
    """The first true value of the check."""
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {check}"
        time.sleep(0.1)
    return found


class LiveStream(ExitStack):
    """A topic, a subscription, a dataset and a streaming job of one name."""

    def __init__(self, stack: RunningStack, name: str) -> None:
        super().__init__()
        self.stack = stack
        self.name = name
        self.dataset = name.replace("-", "_")
        self.topic = f"projects/{stack.project}/topics/{name}"
        self.subscription = f"projects/{stack.project}/subscriptions/{name}"

    def __enter__(self) -> Self:
        super().__enter__()
        self.dataflow = self.enter_context(self.stack.dataflow())
        self.bigquery = self.enter_context(self.stack.bigquery())
        return self

    def provision(self) -> None:
        with grpc.insecure_channel(self.stack.config.pubsub_host) as channel:
            publisher = PublisherClient(transport=PublisherGrpcTransport(channel=channel))
            subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
            publisher.create_topic(name=self.topic)
            subscriber.create_subscription(
                request={"name": self.subscription, "topic": self.topic, "ack_deadline_seconds": 30}
            )
        with self.stack.storage() as storage:
            if not storage.bucket(self.stack.bucket).exists():
                storage.create_bucket(self.stack.bucket)
        self.bigquery.create_dataset(self.dataset)
        self.query(render("create_tables.sql", dataset=self.dataset, tables=TABLES))
        self.query(render("create_views.sql", dataset=self.dataset, views=VIEWS))

    def launch(self, *, version: str = "1", update: bool = False) -> str:
        """Put a version of the template into the bucket and launch it, as the DAGs do; returns the job's id."""
        metadata = json.loads((REPOSITORY / "dags" / "templates" / "stream.json").read_text())
        spec = {"image": f"logline/stream:{version}", "sdkInfo": {"language": "PYTHON"}, "metadata": metadata}
        uri = f"gs://{self.stack.bucket}/templates/{self.name}.json"
        with self.stack.storage() as storage:
            blob = storage.bucket(self.stack.bucket).blob(f"templates/{self.name}.json")
            blob.upload_from_string(json.dumps(spec))
        return self.dataflow.launch(
            {
                "jobName": self.name,
                "containerSpecGcsPath": uri,
                "parameters": {
                    "subscription": self.subscription,
                    "dataset": f"{self.stack.project}.{self.dataset}",
                    "log_format": "article",
                },
                "environment": {
                    "tempLocation": f"gs://{self.stack.bucket}/tmp",
                    "additionalUserLabels": {"logline-version": version},
                },
                "update": update,
            }
        )

    def jobs(self) -> list[DataflowJob]:
        return self.dataflow.jobs(self.name)

    def state(self, job_id: str) -> str:
        return next(job.state for job in self.jobs() if job.id == job_id)

    def wait_until_running(self, job_id: str) -> None:
        """Wait until the job runs and its process has written its first counters.

        The first job of a clone compiles the parser, beside other tests that do the same.
        """
        eventually(lambda: self.state(job_id) == RUNNING and "messages" in self.dataflow.counters(job_id), seconds=600)

    def processes(self) -> list[psutil.Process]:
        """The processes of the streaming job, without those that watch over them."""
        return streaming_processes(self.stack, self.name)

    @contextmanager
    def publishing(self, truth: Path, *, messages: int, rate: int, seed: int, **shares: float) -> Iterator[None]:
        """Publish meanwhile, and wait at the end until everything is published; the truth is then in the file."""
        options = {"topic": self.topic, "truth": truth, "messages": messages, "rate": rate, "seed": seed, **shares}
        with publishing(self.stack, options):
            yield

    def query(self, sql: str) -> list[dict[str, Any]]:
        return [dict(row.items()) for row in self.bigquery.query_and_wait(sql)]

    def count(self, table: str) -> int:
        """Distinct events in a table; copies of redelivered messages count once."""
        sql = f"SELECT COUNT(DISTINCT event_id) AS n FROM {self.dataset}.{table} WHERE {every_row(table)}"
        return int(self.query(sql)[0]["n"])

    def event_ids(self, table: str) -> list[str]:
        sql = f"SELECT event_id FROM {self.dataset}.{table} WHERE {every_row(table)}"
        return [row["event_id"] for row in self.query(sql)]

    def unacknowledged(self) -> int:
        """How many messages the subscription would deliver now."""
        with grpc.insecure_channel(self.stack.config.pubsub_host) as channel:
            subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
            try:
                answer = subscriber.pull(subscription=self.subscription, max_messages=1000, timeout=3, retry=None)
            except DeadlineExceeded:
                return 0
            return len(answer.received_messages)

    def drain(self, job_id: str) -> None:
        self.dataflow.drain(job_id)
        eventually(lambda: not any(job.is_active for job in self.jobs()))


def streaming_processes(stack: RunningStack, job_name: str) -> list[psutil.Process]:
    """The processes of the streaming jobs of one name, without those that watch over them."""
    found = []
    for process in processes.members(stack.config.state_dir):
        try:
            command = process.cmdline()
        except psutil.Error:
            continue
        if command[1:4] == ["-P", "-m", "beam_jobs.stream"] and f"--job_name={job_name}" in command:
            found.append(process)
    return found


@contextmanager
def publishing(stack: RunningStack, options: dict[str, object]) -> Iterator[None]:
    """Run `generate_logs --publish` meanwhile, and wait at the end until everything is published."""
    command = [sys.executable, "-m", "beam_jobs.generate_logs", "--publish"]
    command += [f"--{name}={value}" for name, value in options.items()]
    publisher = subprocess.Popen(command, cwd=REPOSITORY, env=stack.process_env, stderr=subprocess.PIPE, text=True)
    try:
        yield
        _, said = publisher.communicate(timeout=400)
        assert publisher.returncode == 0, said
    finally:
        publisher.kill()
        publisher.wait()


def read_truth(file: Path) -> dict[str, Any]:
    truth: dict[str, Any] = json.loads(file.read_text())
    return truth


def ids_of(truth: dict[str, Any], fate: str) -> set[str]:
    """The events that must become a `row`, `rejected` or `blank`."""
    return {event_id for event_id, (known, _) in truth["events"].items() if known == fate}
