"""A whole local stack under steady traffic: is its memory and disk bounded? ``make bench NAMES=soak SECONDS=3600``.

Airflow, the emulators and the streaming job run in a folder of their own while RATE messages a second are published.
The memory of every part (proportional set size, its children included) and the disk of every folder are sampled. Each
series is flat if its growth after the first ten minutes (of a run below 20 minutes: after its first half) is within an
hour at most GROWTH_SHARE of its mean, or NOISE_BYTES where that is more. The growth is the median of the slopes between
all pairs of samples (Theil and Sen): memory that is taken for seconds and given back is none. The folders of tables
and objects grow with the rows, so they are shown and not judged. DuckDB keeps pages of the tables in memory up to its
limit: BIGQUERY_MEMORY MiB here, which the rows of the first minutes fill, so that what still grows after it would leak.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import grpc
import psutil
from google.pubsub_v1 import PublisherClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.types import PublishRequest

from benchmarks.stream import LINES
from benchmarks.table import machine
from local_stack.clients.dataflow import RUNNING
from local_stack.running import RunningStack, running_stack
from local_stack.waiting import wait_for

SECONDS = int(os.environ.get("SOAK_SECONDS", "300"))
RATE = 1_000
REQUESTS_PER_SECOND = 20
GROWTH_SHARE = 0.1
NOISE_BYTES = 2 * 16 * 2**20  # two files of PostgreSQL's write-ahead log, which come and go whole
BIGQUERY_MEMORY = 128
GROW_WITH_ROWS = ("bigquery", "storage")

_WARM_UP_SECONDS = min(600, SECONDS / 2)
_SAMPLE_SECONDS = max(5, SECONDS / 240)
_SHOWN_SAMPLES = 12
_WAIT_SECONDS = 900


@dataclass(frozen=True)
class Sample:
    """Bytes by part and by folder, so many seconds after the first message."""

    seconds: float
    memory: Counter[str]
    disk: Counter[str]


def main() -> None:
    """Print both tables and a verdict for each series; exit non-zero where one grows or a message is lost."""
    print(f"A local stack, {RATE:,} messages/s for {SECONDS:,} s: {machine()}", flush=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_stack(Path(folder), airflow=True, bigquery_memory=BIGQUERY_MEMORY) as stack,
    ):
        _start_stream(stack)
        publishing = _Publishing(stack)
        samples = _sample(stack, publishing)
        landed = _landed(stack, publishing.finish())
    faults = _judged("memory", [(sample.seconds, sample.memory) for sample in samples])
    faults += _judged("disk", [(sample.seconds, sample.disk) for sample in samples])
    print(f"{publishing.published:,} messages published, {landed:,} of them queryable")
    if landed < publishing.published:
        faults.append("messages that are not queryable")
    if _WARM_UP_SECONDS < 600:
        print("the stack still warms up in a run this short: judge it by an hour")
    print(f"flat after the first {_WARM_UP_SECONDS:,.0f} s: {'MISSED: ' + ', '.join(faults) if faults else 'met'}")
    if faults:
        sys.exit(1)


def _start_stream(stack: RunningStack) -> None:
    with stack.airflow() as airflow, stack.dataflow() as dataflow:
        for dag_id, conf in (("provision", {}), ("stream_supervisor", {"action": "launch"})):
            run = airflow.wait_for_run(airflow.trigger(dag_id, conf), seconds=_WAIT_SECONDS)
            if run.state != "success":
                sys.exit(f"run {run.run_id} of {dag_id} failed: {airflow.why_failed(run)}")

        def has_counters() -> bool:
            jobs = [job for job in dataflow.jobs(stack.config.stream_job) if job.state == RUNNING]
            return bool(jobs) and "messages" in dataflow.counters(jobs[0].id)

        wait_for(has_counters, seconds=_WAIT_SECONDS, what="the streaming job")


class _Publishing:
    """A thread that publishes at RATE; what it misses while the machine is busy it makes up for."""

    def __init__(self, stack: RunningStack) -> None:
        self.published = 0
        self.started = time.monotonic()
        self._topic = f"projects/{stack.project}/topics/{stack.config.topic}"
        self._channel = grpc.insecure_channel(stack.config.pubsub_host)
        self._client = PublisherClient(transport=PublisherGrpcTransport(channel=self._channel))
        self._running = ThreadPoolExecutor(1).submit(self._run)

    def is_running(self) -> bool:
        return not self._running.done()

    def finish(self) -> int:
        """Wait for the end and return how many were published."""
        self._running.result()
        self._channel.close()
        return self.published

    def _run(self) -> None:
        size = RATE // REQUESTS_PER_SECOND
        for number in range(SECONDS * REQUESTS_PER_SECOND):
            time.sleep(max(0.0, self.started + number / REQUESTS_PER_SECOND - time.monotonic()))
            request = PublishRequest.pb(PublishRequest(topic=self._topic))
            for event in range(self.published, self.published + size):
                request.messages.add(data=LINES[event % len(LINES)], attributes={"event_id": f"soak-{event}"})
            self._client.publish(request=PublishRequest.wrap(request), timeout=60)
            self.published += size


def _sample(stack: RunningStack, publishing: _Publishing) -> list[Sample]:
    samples: list[Sample] = []
    while publishing.is_running():
        samples.append(Sample(time.monotonic() - publishing.started, _memory(stack), _disk(stack.config.state_dir)))
        latest = samples[-1]
        print(
            f"  {latest.seconds:6,.0f} s  {publishing.published:>10,} published  "
            f"memory {latest.memory.total() / 1e6:7,.0f} MB  disk {latest.disk.total() / 1e6:7,.0f} MB",
            flush=True,
        )
        time.sleep(_SAMPLE_SECONDS)
    return samples


def _memory(stack: RunningStack) -> Counter[str]:
    """Return the memory of the components, each with all processes of its session, the jobs and the supervisor."""
    components = json.loads(stack.config.state_file.read_text())["components"]
    names = {component["pid"]: name for name, component in components.items()}
    memory: Counter[str] = Counter()
    for process in psutil.process_iter():
        try:
            if process.pid == os.getpid() or process.environ().get("LOGLINE_STATE_DIR") != str(stack.config.state_dir):
                continue
            module = re.search(r"-m (beam_jobs\.\w+|local_stack)\b", " ".join(process.cmdline()))
            name = module[1] if module else names.get(os.getsid(process.pid), process.name())
            memory[name] += process.memory_full_info().pss
        except (psutil.Error, OSError):
            continue
    return memory


def _disk(state_dir: Path) -> Counter[str]:
    """Return the bytes on disk of each folder of the stack; Airflow's logs apart from its other files."""
    disk: Counter[str] = Counter()
    for folder, _, files in os.walk(state_dir):
        parts = Path(folder).relative_to(state_dir).parts
        name = "airflow/logs" if parts[:2] == ("airflow", "logs") else parts[0] if parts else "."
        for file in files:
            try:
                disk[name] += (Path(folder) / file).lstat().st_blocks * 512
            except OSError:
                continue
    return disk


def _landed(stack: RunningStack, published: int) -> int:
    """Wait until every event is a row or a rejected line, and return how many are."""
    counts = " + ".join(
        f"(SELECT COUNT(DISTINCT event_id) FROM {stack.dataset}.{table} "
        f"WHERE STARTS_WITH(event_id, 'soak-') AND {column} IS NOT NULL)"
        for table, column in (("streamed_requests", "log_date"), ("rejected_streamed", "ingested_at"))
    )
    ends = time.monotonic() + _WAIT_SECONDS / 3
    with stack.bigquery() as client:
        while True:
            landed = int(next(iter(client.query(f"SELECT {counts}").result()))[0])
            if landed >= published or time.monotonic() > ends:
                return landed
            time.sleep(2)


def _judged(what: str, series: Sequence[tuple[float, Counter[str]]]) -> list[str]:
    """Print one kind of bytes over time with a verdict for each column; return the names of those that grow."""
    names = sorted({name for _, sizes in series for name in sizes}, key=lambda name: -series[-1][1][name])
    width = max(len(name) for name in names)
    shown = series[:: max(1, len(series) // _SHOWN_SAMPLES)]
    print(f"{what}, MB after seconds")
    print(f"  {'':{width}} " + _columns(f"{seconds:,.0f}" for seconds, _ in shown) + "   growth an hour")
    rest = [(seconds, sizes) for seconds, sizes in series if seconds >= _WARM_UP_SECONDS]
    missed = []
    for name in names:
        values = [(seconds, sizes[name]) for seconds, sizes in rest]
        growth = statistics.median((y - x) / (t - s) for (s, x), (t, y) in combinations(values, 2)) * 3600
        allowed = max(GROWTH_SHARE * statistics.fmean(size for _, size in values), NOISE_BYTES)
        verdict = "met" if growth <= allowed else "MISSED"
        if what == "disk" and name in GROW_WITH_ROWS:
            verdict = "grows with the rows"
        elif verdict == "MISSED":
            missed.append(f"{what} of {name}")
        cells = _columns(f"{sizes[name] / 1e6:,.1f}" for _, sizes in shown)
        print(f"  {name:{width}} {cells}  {growth / 1e6:+8,.1f} of {allowed / 1e6:,.1f}: {verdict}")
    return missed


def _columns(cells: Iterable[str]) -> str:
    return "".join(f"{cell:>9}" for cell in cells)


if __name__ == "__main__":
    main()
