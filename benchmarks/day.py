"""Days of logs from the trigger to the end of their daily summaries, beside commit BASE: ``python -m benchmarks.day``.

Three days of 20,000 lines and a day of 1,000,000, each on a stack of its own with a real Airflow, for each commit.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks import pipeline
from benchmarks.base_commit import BASE, THIS, Checkout, base_commit
from benchmarks.pipeline import WAIT_SECONDS, Measured
from benchmarks.table import machine

FIRST_DAY = "2026-11-01"
MAX_TASKS = 6


@dataclass(frozen=True)
class Work:
    """What is backfilled, and the most that it may take: a share of what BASE takes."""

    days: int
    lines: int
    max_share: float

    def __str__(self) -> str:
        return f"{self.days} x {self.lines:,} lines"


WORK = (Work(3, 20_000, 0.25), Work(1, 1_000_000, 0.4))


def main() -> None:
    """Measure both commits and print; exit non-zero where a figure is missed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with base_commit(folder / "base") as earlier:
            found = [(work, _measured(earlier, folder, work), _measured(THIS, folder, work)) for work in WORK]
    print(f"From the trigger to the last daily summary, everything on this machine: {machine()}")
    print(f"| days x lines | {BASE} | now | share | tasks of the run |")
    print("|---|---|---|---|---|")
    met = True
    for work, base, now in found:
        share = now.seconds / base.seconds
        is_met = share <= work.max_share and now.tasks <= MAX_TASKS
        met = met and is_met
        print(
            f"| {work} | {base.seconds:.1f} s | {now.seconds:.1f} s | {share:.2f} of {work.max_share} "
            f"| {base.tasks}, now {now.tasks} of {MAX_TASKS} | {'met' if is_met else 'MISSED'} |"
        )
    for work, _, now in found:
        print(f"  {work}: log_backfill {now.backfill_seconds:.1f} s")
        for task, seconds in now.longest:
            print(f"    {task:32} {seconds:6.1f} s")
        print("  the longest statements of the local BigQuery")
        for written, seconds in now.statements:
            print(f"    {written:32} {seconds:6.1f} s")
    if not met:
        sys.exit(1)


def _measured(checkout: Checkout, folder: Path, work: Work) -> Measured:
    with tempfile.TemporaryDirectory(dir=folder) as state_dir:
        done = subprocess.run(
            [checkout.python, pipeline.__file__, state_dir, FIRST_DAY, str(work.days), str(work.lines)],
            cwd=checkout.folder,
            env=checkout.environment,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            timeout=2 * WAIT_SECONDS,
        )
    return Measured(**json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    main()
