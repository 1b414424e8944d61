"""What a line costs, the figures that docs/scale.md is based on: ``python -m benchmarks.scale``.

CPU time of the whole backfill job per line, and what a row takes as a log line, as gzip, as Parquet and in BigQuery.
BigQuery's own bytes are computed from the rows by its rules for the sizes of data types:
https://cloud.google.com/bigquery/pricing#data
"""

from __future__ import annotations

import gzip
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.table import machine

LINES = 1_000_000
_SAMPLE_BYTES = 20_000_000


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        cpu_seconds(
            "beam_jobs.generate_logs", f"--output={folder}/logs", "--start_date=2026-11-01", f"--lines_per_day={LINES}"
        )
        log = Path(folder, "logs/2026-11-01/access-0001.log")
        backfill = ["beam_jobs.backfill", f"--source={log}", f"--output={folder}/out", "--run_id=scale"]
        seconds = [cpu_seconds(*backfill) for _ in range(3)]
        sample = log.read_bytes()[:_SAMPLE_BYTES]
        files = sorted(Path(folder, "out/rows").rglob("*.parquet"))
        rows = sum(pq.read_metadata(file).num_rows for file in files)
        parquet = sum(file.stat().st_size for file in files)
        stored = sum(_stored_bytes(pq.read_table(file)) for file in files)
        line_bytes = log.stat().st_size / LINES
    zipped = len(gzip.compress(sample, 6)) / len(sample) * line_bytes
    # The first run may compile the parser; the last ones have it on disk.
    cpu = min(seconds[1:])
    print(f"One line in numbers, of {LINES:,} generated ones; {machine()}")
    print(f"  backfill job, CPU time with start-up      {cpu:8.1f} s: {LINES / cpu:,.0f} lines a CPU second")
    print(f"  a line in the log                         {line_bytes:8.0f} bytes")
    print(f"  the same in gzip -6                       {zipped:8.0f} bytes")
    print(f"  a row in the job's Parquet files          {parquet / rows:8.0f} bytes")
    print(f"  a row in BigQuery, uncompressed           {stored / rows:8.0f} bytes")


def cpu_seconds(module: str, *options: str) -> float:
    """Run a module and return the CPU seconds that it and its children took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", module, *options], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _stored_bytes(table: pa.Table) -> int:
    """Return the bytes BigQuery counts for these rows: NULL is 0, a text 2 and its bytes, BOOL 1, all other types 8."""
    total = 0
    for column in table.columns:
        valid = len(column) - column.null_count
        if pa.types.is_string(column.type) or pa.types.is_binary(column.type) or pa.types.is_large_string(column.type):
            total += 2 * valid + (pc.sum(pc.binary_length(column)).as_py() or 0)
        elif pa.types.is_fixed_size_binary(column.type):
            total += valid * (2 + column.type.byte_width)
        elif pa.types.is_dictionary(column.type):
            total += _stored_bytes(pa.table({"decoded": column.cast(column.type.value_type)}))
        else:
            total += valid * (1 if pa.types.is_boolean(column.type) else 8)
    return total


if __name__ == "__main__":
    main()
