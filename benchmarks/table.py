"""How the benchmarks print what they measured."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple


class Row(NamedTuple):
    """One way of doing a piece of work, and how many lines a second it does."""

    name: str
    lines_per_second: float


def median_seconds(
    works: Sequence[Callable[[], object]], runs: int, clock: Callable[[], float] = time.perf_counter
) -> list[float]:
    """Return the median seconds that each of `works` takes, over `runs` runs: on the wall, or by another clock.

    They take turns, and each runs once before, so that what slows the machine down for a while slows all of them.
    """
    for work in works:
        work()
    seconds: list[list[float]] = [[] for _ in works]
    for _ in range(runs):
        for work, taken in zip(works, seconds, strict=True):
            start = clock()
            work()
            taken.append(clock() - start)
    return [statistics.median(taken) for taken in seconds]


def print_table(title: str, rows: Sequence[Row]) -> None:
    """Print the rows; the ratio says how many times as fast as a row the first one is."""
    width = max(len(row.name) for row in rows)
    print(title)
    print(f"{'':{width}}  {'lines/s':>12}  {'ratio':>8}")
    for row in rows:
        ratio = rows[0].lines_per_second / row.lines_per_second
        print(f"{row.name:{width}}  {row.lines_per_second:>12,.0f}  {ratio:>7.2f}x")


def machine() -> str:
    """Return the processor, its cores and the Python that run this."""
    model = platform.processor() or platform.machine()
    cpu_info = Path("/proc/cpuinfo")
    if cpu_info.exists():
        for line in cpu_info.read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"
