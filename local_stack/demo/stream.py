"""The demo's live minute: lines published to the stream, their rows counted while they arrive."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from google.cloud import bigquery

from local_stack.clients.airflow import AirflowApi
from local_stack.clients.dataflow import RUNNING
from local_stack.config import REPOSITORY, StackError
from local_stack.demo.runs import run_to_success
from local_stack.demo.screen import Screen
from local_stack.running import RunningStack
from local_stack.waiting import wait_for

_LINE_EVERY = 5.0
_COUNT_EVERY = 1.0
_START_SECONDS = 90
_ARRIVAL_SECONDS = 120


@dataclass(frozen=True)
class Lines:
    """Lines to publish.

    Attributes:
        name: Of the file of their truth.
        messages: How many, repetitions aside.
        rate: Messages a second.
        start_time: Of the first line, RFC 3339; None: when it is published.
        seed: What their draws start from.
    """

    name: str
    messages: int
    rate: int
    start_time: str | None = None
    seed: int = 1


@dataclass(frozen=True)
class Arrival:
    """What has arrived.

    Attributes:
        rows: Distinct events in streamed_requests.
        rejected: Distinct events in rejected_lines.
        newest: When the newest row was made; None while there is none.
    """

    rows: int
    rejected: int
    newest: datetime | None


def start_stream(stack: RunningStack, api: AirflowApi, screen: Screen, run_id: str) -> None:
    """Let stream_supervisor launch the streaming job, unless it runs, and wait until it does.

    Raises:
        StackError: The run fails, or the job does not start.
    """
    run_to_success(api, screen, "stream_supervisor", {"action": "launch"}, run_id=run_id, seconds=300)
    name = stack.config.stream_job
    with stack.dataflow() as dataflow:

        def running() -> str | None:
            jobs = [job for job in dataflow.jobs(name) if job.state == RUNNING]
            return jobs[0].id if jobs and "messages" in dataflow.counters(jobs[0].id) else None

        job_id = wait_for(running, seconds=_START_SECONDS, what=f"the streaming job {name}")
    screen.line(f"Dataflow job {name} ({job_id}) reads the stream")


def stream_lines(
    stack: RunningStack, screen: Screen, lines: Sequence[Lines], *, since: str, bad_share: float, repeated_share: float
) -> list[Mapping[str, Any]]:
    """Publish lines and show how their rows arrive, until all have.

    Args:
        stack: The stack, with a streaming job that runs.
        screen: Takes the progress.
        lines: What to publish, all at once.
        since: First day of the lines.
        bad_share: Bad lines, 0 to 1.
        repeated_share: Messages sent twice, 0 to 1.

    Returns:
        The publishers' truths, one for each of `lines`.

    Raises:
        StackError: A publisher fails, or not everything arrives.
    """
    folder = stack.config.state_dir / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    options = ["--site", f"--topic=projects/{stack.project}/topics/{stack.config.topic}"]
    options += [f"--bad_share={bad_share}", f"--duplicate_share={repeated_share}"]
    begun = datetime.now(UTC)
    files = [folder / f"{one.name}.json" for one in lines]
    with stack.bigquery() as client, _publishers(stack, lines, files, options) as publishers:
        progress = _Progress(client, screen, stack.dataset, since, begun)
        while any(publisher.poll() is None for publisher in publishers):
            progress.count()
            time.sleep(_COUNT_EVERY)
        for publisher in publishers:
            said = publisher.communicate()[1]
            if publisher.returncode:
                raise StackError(f"the publisher failed: {(said.strip().splitlines() or ['no reason given'])[-1]}")
        truths: list[Mapping[str, Any]] = [json.loads(file.read_text()) for file in files]
        messages, repetitions = (sum(truth[name] for truth in truths) for name in ("messages", "repetitions"))
        rows, rejected = (sum(truth["totals"].get(fate, 0) for truth in truths) for fate in ("row", "rejected"))
        screen.line(f"published {messages:,} messages, {repetitions:,} of them a second time")

        def all_there() -> bool:
            seen = progress.count()
            return bool(seen.rows >= rows and seen.rejected >= rejected)

        wait_for(all_there, seconds=_ARRIVAL_SECONDS, what=f"{rows:,} rows and {rejected:,} rejected lines", pause=0.5)
        progress.line()
    return truths


class _Progress:
    """Counts what has arrived since the beginning, and prints it now and then."""

    def __init__(self, client: bigquery.Client, screen: Screen, dataset: str, since: str, begun: datetime) -> None:
        self._client, self._screen = client, screen
        self._query = (
            f"SELECT COUNT(DISTINCT event_id) AS n, MAX(ingested_at) AS newest, "
            f"(SELECT COUNT(DISTINCT event_id) FROM {dataset}.rejected_lines WHERE source = 'stream' "
            "AND ingested_at >= @begun) AS rejected "
            f"FROM {dataset}.streamed_requests WHERE log_date >= @since AND ingested_at >= @begun"
        )
        self._parameters = [
            bigquery.ScalarQueryParameter("begun", "TIMESTAMP", begun),
            bigquery.ScalarQueryParameter("since", "DATE", since),
        ]
        self._begun = self._told = time.monotonic()
        self._told_rows = 0
        self._seen = Arrival(0, 0, None)

    def count(self) -> Arrival:
        """Count what has arrived."""
        config = bigquery.QueryJobConfig(query_parameters=self._parameters)
        row = next(iter(self._client.query(self._query, job_config=config).result(timeout=60)))
        self._seen = Arrival(row["n"], row["rejected"], row["newest"])
        clock = time.monotonic()
        self._screen.working(f"{self._seen.rows:,} rows{self._age()}")
        if not self._seen.rows:  # the publisher is starting
            self._told = clock
        elif clock - self._told >= _LINE_EVERY:
            self.line()
        return self._seen

    def line(self) -> None:
        """Print the last count."""
        clock = time.monotonic()
        rate = (self._seen.rows - self._told_rows) / (clock - self._told)
        self._screen.line(
            f"{clock - self._begun:4.0f} s  {self._seen.rows:>7,} rows in streamed_requests, {rate:5,.0f} rows/s"
            f"{self._age()}, {self._seen.rejected:,} rejected"
        )
        self._told, self._told_rows = clock, self._seen.rows

    def _age(self) -> str:
        newest = self._seen.newest
        return (
            "" if newest is None else f", the newest {max(0.0, (datetime.now(UTC) - newest).total_seconds()):.1f} s old"
        )


@contextmanager
def _publishers(
    stack: RunningStack, lines: Sequence[Lines], files: Sequence[Path], options: Sequence[str]
) -> "Iterator[list[subprocess.Popen[str]]]":
    started: list[subprocess.Popen[str]] = []
    with ExitStack() as until_end:
        for one, file in zip(lines, files, strict=True):
            own = [f"--messages={one.messages}", f"--rate={one.rate}", f"--seed={one.seed}", f"--truth={file}"]
            own += [f"--start_time={one.start_time}"] if one.start_time else []
            publisher = until_end.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "beam_jobs.generate_logs", "--publish", *options, *own],
                    env=stack.process_env,
                    cwd=REPOSITORY,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
            until_end.callback(publisher.kill)
            started.append(publisher)
        yield started
