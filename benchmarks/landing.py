"""A day of 25,000 small objects, and 30,000 Parquet files of one unit, to the tables: ``python -m benchmarks.landing``.

By the tasks of `log_backfill` on the emulators, with the real limits: units of 10,000 objects, load jobs of 10,000
files. The Parquet files are those of one object that is parsed in blocks of 1 KiB.
"""

from __future__ import annotations

import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from benchmarks.table import machine
from local_stack.running import RunningStack, running_stack
from tests.backfill_tasks import run_backfill

OBJECTS, OBJECT_LINES = 25_000, 4
FILES, BLOCK_BYTES, LINES_OF_A_BLOCK = 30_000, 1024, 2
PARTS = ("storage", "bigquery", "dataflow")
_LINE = '192.0.2.{} - - [01/Nov/2026:10:05:03 +0000] "GET /{:08} HTTP/1.1" 200 5 "-" "{}"\n'
_SAMPLE_SECONDS = 0.5


class Memory(dict[str, float]):
    """The most memory, in MB, that each part of a stack and its children had."""

    def sample(self, processes: dict[str, psutil.Process]) -> None:
        """Look at them."""
        for name, process in processes.items():
            try:
                size = sum(one.memory_info().rss for one in (process, *process.children(recursive=True)))
            except psutil.NoSuchProcess:
                continue
            self[name] = max(self.get(name, 0), size / 1e6)


def main() -> None:
    """Measure and print; exit non-zero where a figure is wrong."""
    print(f"Many objects and many files, from the bucket to the tables: {machine()}")
    small = [_lines(number, OBJECT_LINES, "curl/8.0") for number in range(OBJECTS)]
    large = "".join(_lines(number, LINES_OF_A_BLOCK, "a" * 440) for number in range(FILES)).encode()
    right = [
        _measure(f"{OBJECTS:,} objects", [one.encode() for one in small], OBJECTS * OBJECT_LINES, {}),
        _measure(f"{FILES:,} Parquet files", [large], FILES * LINES_OF_A_BLOCK, {"block_bytes": BLOCK_BYTES}),
    ]
    if not all(right):
        sys.exit(1)


def _measure(name: str, contents: list[bytes], lines: int, limits: dict[str, int]) -> bool:
    with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder), airflow=False) as stack:
        _upload(stack, contents)
        with _watched(stack) as memory:
            tasks = run_backfill(stack, {"start_date": "2026-11-01", "end_date": "2026-11-01"}, **limits)
        landed, files = _landed(stack)
    units = len(next(task["returned"] for task in tasks if task["task"] == "plan"))
    verdict = "right" if landed == lines else f"WRONG, {lines:,} lines were written"
    print(f"{name}: {units} units, {files:,} files of rows loaded, {landed:,} rows landed, {verdict}")
    for step in ("plan", "unit.parse", "unit.load", "unit.land"):
        seconds = sum(task["seconds"] for task in tasks if task["task"] == step)
        cpu = sum(task["cpu"] for task in tasks if task["task"] == step)
        print(f"  {step:12} {seconds:8.1f} s, {cpu:6.1f} s of CPU in the task")
    print("  most memory:", ", ".join(f"{part} {size:,.0f} MB" for part, size in memory.items()))
    return landed == lines


def _lines(number: int, lines: int, agent: str) -> str:
    return "".join(_LINE.format(number % 250, number * lines + line, agent) for line in range(lines))


def _upload(stack: RunningStack, contents: list[bytes]) -> None:
    with stack.storage() as storage, ThreadPoolExecutor(4) as pool:
        bucket = storage.create_bucket(stack.bucket)

        def upload(number: int) -> None:
            bucket.blob(f"logs/2026-11-01/{number:06}.log").upload_from_string(contents[number])

        for _ in pool.map(upload, range(len(contents))):
            pass


@contextmanager
def _watched(stack: RunningStack) -> Iterator[Memory]:
    memory, done = Memory(), threading.Event()
    processes = {part: psutil.Process(stack.component(part).pid) for part in PARTS}

    def watch() -> None:
        while not done.wait(_SAMPLE_SECONDS):
            memory.sample(processes)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield memory
    finally:
        done.set()
        thread.join()


def _landed(stack: RunningStack) -> tuple[int, int]:
    """Return how many rows there are, and how many files of rows were loaded."""
    with stack.bigquery() as client:
        query = f"SELECT COUNT(*) AS n FROM {stack.dataset}.backfilled_requests WHERE log_date = '2026-11-01'"
        (row,) = client.query_and_wait(query)
        jobs: list[Any] = [job for job in client.list_jobs(max_results=1000) if job.job_id.startswith("logline_rows_")]
        return row["n"], sum(len(job.source_uris) for job in jobs)


if __name__ == "__main__":
    main()
