"""Peak resident memory of the backfill's process for 1 and 20 million lines: ``python -m benchmarks.memory``."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time

from benchmarks.table import machine

SIZES = (1_000_000, 20_000_000)
MAX_BYTES = 1_500_000_000
GROWTH = 1.1  # how much more the larger run may take and still count as no more


def main() -> None:
    """Measure both sizes and print the table; exit non-zero where memory is not flat or above the limit."""
    peaks = []
    print(f"Backfill, one process per run on FnApiRunner, local file to Parquet, {machine()}")
    print(f"{'':18}  {'peak memory':>12}  {'seconds':>8}")
    for lines in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            arguments = [f"--output={folder}/logs", "--start_date=2026-11-01", f"--lines_per_day={lines}"]
            _run("beam_jobs.generate_logs", *arguments)
            started = time.perf_counter()
            peak = _run(
                "beam_jobs.backfill", f"--source={folder}/logs/*/*", f"--output={folder}/out", "--run_id=benchmark"
            )
            seconds = time.perf_counter() - started
        peaks.append(peak)
        print(f"{lines:>12,} lines  {peak / 1e6:>9,.0f} MB  {seconds:>8.1f}")
    if max(peaks) > MAX_BYTES:
        sys.exit(f"more than {MAX_BYTES / 1e6:,.0f} MB")
    if peaks[-1] > peaks[0] * GROWTH:
        sys.exit("memory grows with the number of lines")


def _run(module: str, *arguments: str) -> int:
    """Run a module in a process of its own and return the most memory it had resident, in bytes."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen([sys.executable, "-m", module, *arguments], stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            sys.exit(f"{module} failed: {output.read().decode(errors='replace')[-2000:]}")
    return usage.ru_maxrss * 1024


if __name__ == "__main__":
    main()
