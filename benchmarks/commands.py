"""How soon a command answers, from the start of its process: ``python -m benchmarks.commands``.

The CPU time decides: it is what a machine takes that does nothing else.
"""

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
# What numba imports where it is installed, as in the environment of the tests, and logline's own requirements lack.
_NOT_NEEDED = "scipy", "cffi"
_PARSE = f"""
import sys
sys.modules.update(dict.fromkeys({_NOT_NEEDED}))
from logline_cli.command import main
sys.exit(main())
"""
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
    met = [_print_row(("-m", *arguments), " ".join(arguments), HELP_SECONDS) for arguments in _HELP]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "access.log")
        log.write_bytes(make_log("combined", _LINES))
        parse = "parse", str(log)
        met.append(_print_row(("-c", _PARSE, *parse), f"logline_cli parse, {_LINES:,} lines", FIRST_BLOCK_SECONDS))
        _print_row(
            ("-m", "logline_cli", *parse), f"the same, {' and '.join(_NOT_NEEDED)} installed", FIRST_BLOCK_SECONDS
        )
    if not all(met):
        sys.exit(1)


def _print_row(arguments: tuple[str, ...], name: str, most: float) -> bool:
    runs = [_seconds(arguments) for _ in range(RUNS + 1)][1:]
    wall, cpu = min(wall for wall, _ in runs), min(cpu for _, cpu in runs)
    print(f"{name:44}{wall:>9.2f}{cpu:>9.2f}  {'met' if cpu <= most else 'MISSED'}: at most {most:g}")
    return cpu <= most


def _seconds(arguments: tuple[str, ...]) -> tuple[float, float]:
    """Return the seconds on the wall, and those of CPU time, that Python takes."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=_REPOSITORY, check=True, stdout=subprocess.DEVNULL)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
