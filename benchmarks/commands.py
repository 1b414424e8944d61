"""How soon a command answers, from the start of its process: ``python -m benchmarks.commands``."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.parser_logs import make_log
from benchmarks.table import machine

RUNS = 10
HELP_SECONDS, FIRST_BLOCK_SECONDS = 0.3, 1.0
_LINES = 1_000
_REPOSITORY = Path(__file__).parents[1]
_HELP = (
    ("logline_cli", "--help"),
    ("logline_cli", "parse", "--help"),
    ("logline_cli", "load", "--help"),
    ("beam_jobs.backfill", "--help"),
    ("beam_jobs.stream", "--help"),
    ("beam_jobs.replay", "--help"),
    ("beam_jobs.generate_logs", "--help"),
    ("local_stack", "--help"),
)


def main() -> None:
    """Print the table; exit non-zero where a command takes longer than it may."""
    print(f"From the start of a process to its end, the least of {RUNS}; {machine()}, load {os.getloadavg()[0]:.1f}")
    print(f"{'':44}{'seconds':>9}{'of CPU':>9}")
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "access.log")
        log.write_bytes(make_log("combined", _LINES))
        rows = [(arguments, " ".join(arguments), HELP_SECONDS) for arguments in _HELP]
        first_block = (("logline_cli", "parse", str(log)), f"logline_cli parse, {_LINES:,} lines", FIRST_BLOCK_SECONDS)
        met = [_print_row(*row) for row in (*rows, first_block)]
    if not all(met):
        sys.exit(1)


def _print_row(arguments: tuple[str, ...], name: str, most: float) -> bool:
    runs = [_seconds(arguments) for _ in range(RUNS + 1)][1:]
    wall, cpu = (min(taken) for taken in zip(*runs, strict=True))
    print(f"{name:44}{wall:>9.2f}{cpu:>9.2f}  {'met' if wall <= most else 'MISSED'}: at most {most:g}")
    return wall <= most


def _seconds(arguments: tuple[str, ...]) -> tuple[float, float]:
    """Return the seconds on the wall, and those of CPU time, that a module takes."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-m", *arguments], cwd=_REPOSITORY, check=True, stdout=subprocess.DEVNULL)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
