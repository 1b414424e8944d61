"""A backfill of many small objects beside one of the same lines in one file: ``python -m benchmarks.objects``.

CPU time of the whole job, start-up of Python and Beam included, and how many Parquet files it writes.
"""

from __future__ import annotations

import gzip
import itertools
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.scale import cpu_seconds
from benchmarks.table import machine

ZIPPED, ZIPPED_LINES = 366, 2_000
TINY, TINY_LINES = 30_000, 4


def main() -> None:
    """Measure and print."""
    print(f"A backfill of many objects, CPU seconds of the whole job; {machine()}")
    with tempfile.TemporaryDirectory() as folder:
        lines = ZIPPED * ZIPPED_LINES
        cpu_seconds(
            "beam_jobs.generate_logs", f"--output={folder}/one", "--start_date=2026-11-01", f"--lines_per_day={lines}"
        )
        log = Path(folder, "one/2026-11-01/access-0001.log")
        _divide(log, Path(folder, "zipped"), ZIPPED, ZIPPED_LINES, gzip.compress)
        _divide(log, Path(folder, "tiny"), TINY, TINY_LINES, bytes)
        _measure(f"1 object of {lines:,} lines", str(log), folder)
        _measure(f"{ZIPPED:,} objects in gzip of {ZIPPED_LINES:,} lines", f"{folder}/zipped/*", folder)
        _measure(f"{TINY:,} objects of {TINY_LINES} lines", f"{folder}/tiny/*", folder)


def _divide(log: Path, folder: Path, objects: int, lines: int, compress: Callable[[bytes], bytes]) -> None:
    folder.mkdir()
    with log.open("rb") as source:
        for number in range(objects):
            Path(folder, f"{number:06d}.log").write_bytes(compress(b"".join(itertools.islice(source, lines))))


def _measure(name: str, source: str, folder: str) -> None:
    output = Path(folder, "out")
    seconds = cpu_seconds("beam_jobs.backfill", f"--source={source}", f"--output={output}", "--run_id=objects")
    manifest = json.loads((output / "manifest.json").read_bytes())
    files = len(manifest["files"]["rows"])
    print(f"  {name:40} {seconds:6.1f} s, {files:4} files of rows, {len(manifest['errors'])} unreadable")


if __name__ == "__main__":
    main()
