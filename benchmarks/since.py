"""The parser and the backfill job beside those of commit BASE, which had fewer columns: ``python -m benchmarks.since``.

Each reads the same combined lines, in a process of its own, the two commits in turn. Times are CPU time of all threads.
The parser's is what it takes once it is compiled, the least of its rounds; that of the job includes its start, which
the difference of a long log and a short one does not.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks import since_worker
from benchmarks.base_commit import BASE, THIS, Checkout, base_commit
from benchmarks.measured_process import Ended, run_measured
from benchmarks.parser_logs import make_log
from benchmarks.table import machine

LINES = 2_000_000
TIMES_AS_LONG = 3
RUNS = 5
MAX_RATIO = 1.05


class Took(NamedTuple):
    """What one run took.

    Attributes:
        parser: CPU seconds of parsing all lines.
        job: CPU seconds of the whole job.
        long_job: Those of one of `TIMES_AS_LONG` times the lines.
        peak: Most memory that this one had resident, in bytes.
    """

    parser: float
    job: float
    long_job: float
    peak: float


def main() -> None:
    """Measure both commits and print; exit non-zero where a figure is missed."""
    with tempfile.TemporaryDirectory() as name, base_commit(Path(name, "base")) as base:
        log, long = Path(name, "access.log"), Path(name, "long.log")
        log.write_bytes(make_log("combined", LINES))
        with long.open("wb") as file:
            file.writelines(log.read_bytes() for _ in range(TIMES_AS_LONG))
        for checkout in (base, THIS):
            _measured(checkout, log, log)  # compiles, and warms the caches
        runs = [(_measured(base, log, long), _measured(THIS, log, long)) for _ in range(RUNS)]
    before, now = (Took(*map(median, zip(*side, strict=True))) for side in zip(*runs, strict=True))
    print(f"{LINES:,} combined lines of 238 bytes, medians of {RUNS} runs: {machine()}")
    print(f"| | {BASE} | now | ratio | |")
    print("|---|---|---|---|---|")
    met = [
        _row("parser to Arrow, CPU ns a line", before.parser / LINES * 1e9, now.parser / LINES * 1e9, MAX_RATIO),
        _row("backfill job, CPU ns a line, start included", before.job / LINES * 1e9, now.job / LINES * 1e9, MAX_RATIO),
        _row("backfill job, CPU ns of each further line", _further(before), _further(now), MAX_RATIO),
    ]
    growth = now.peak / before.peak
    print(f"| peak memory of the job, MB | {before.peak / 1e6:,.0f} | {now.peak / 1e6:,.0f} | {growth:.2f} | |")
    if not all(met):
        sys.exit(1)


def _row(name: str, before: float, now: float, wanted: float) -> bool:
    met = now <= before * wanted
    print(f"| {name} | {before:,.0f} | {now:,.0f} | {now / before:.2f} of {wanted} | {'met' if met else 'MISSED'} |")
    return met


def _further(took: Took) -> float:
    return (took.long_job - took.job) / (LINES * (TIMES_AS_LONG - 1)) * 1e9


def _measured(checkout: Checkout, log: Path, long: Path) -> Took:
    parsed = _run(checkout, since_worker.__file__, str(log))
    job, long_job = _job(checkout, log), _job(checkout, long)
    return Took(float(parsed.output.splitlines()[-1]), job.cpu, long_job.cpu, long_job.peak)


def _job(checkout: Checkout, log: Path) -> Ended:
    with tempfile.TemporaryDirectory() as output:
        options = [f"--source={log}", f"--output={output}", "--run_id=benchmark"]
        return _run(checkout, "-m", "beam_jobs.backfill", *options)


def _run(checkout: Checkout, *arguments: str) -> Ended:
    return run_measured([checkout.python, *arguments], checkout.folder, checkout.environment)


if __name__ == "__main__":
    main()
