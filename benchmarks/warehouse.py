"""A day of up to 10,000,000 requests, rebuilt and summarised by the real SQL: ``python -m benchmarks.warehouse``.

On a BigQuery emulator of its own. The day grows: after each size its `requests` are rebuilt from the landing tables (a
fifth of the lines has been streamed too, one of a hundred of those twice), then all daily tables with their checks.
`make proof` checks the figures. GoAccess, where installed, makes its report of the first million.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa

from beam_jobs.access_log import PARSER_VERSION, BlockParser, get_format
from beam_jobs.generate_logs.day_truth import DayTruth
from beam_jobs.generate_logs.synthetic_logs import draw_day, make_pools
from benchmarks.table import machine
from local_stack.running import RunningStack, running_stack
from tests.sql.days import load, rebuild
from tests.sql.warehouse import DAILY_TABLES, Warehouse, portion_of

DAY = date(2026, 11, 1)
MILLION = 1_000_000
SIZES = (1, 3, 10)
# How much longer a million may take the processor at the last size than at the first.
MAX_RATIO = 1.5


def main() -> None:
    """Measure and print; exit non-zero where a figure is wrong or a million takes longer the more there are."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_stack(Path(folder), airflow=False) as stack,
        stack.bigquery() as client,
    ):
        warehouse = Warehouse(client)
        print(f"A day in the warehouse, on the BigQuery emulator: {machine()}")
        print(
            f"{'rows':>12}  {'requests':>9}  {'tables':>8}  {'checks':>8}  {'per million':>11}  {'of processor':>12}  "
            f"{'most memory':>11}"
        )
        per_million, landed = [], 0
        for size in SIZES:
            for number in range(landed, size):
                _land(warehouse, number, _lines(number))
            landed = size
            per_million.append(_measure(stack, warehouse, size))
        if shutil.which("goaccess"):
            _report_of_goaccess(Path(folder))
    if per_million[-1] > MAX_RATIO * per_million[0]:
        sys.exit(f"a million of {SIZES[-1]} takes the processor more than {MAX_RATIO} times as long as the first one")


def _measure(stack: RunningStack, warehouse: Warehouse, size: int) -> float:
    emulator = psutil.Process(stack.component("bigquery").pid)
    before = emulator.cpu_times()
    marks = [time.perf_counter()]
    rebuild(warehouse, DAY, "requests")
    marks.append(time.perf_counter())
    rebuild(warehouse, DAY, *DAILY_TABLES)
    marks.append(time.perf_counter())
    checks = warehouse.run(warehouse.sql("daily_summary/checks.sql", portion_of(DAY)))
    marks.append(time.perf_counter())
    failed = [check["check_name"] for check in checks if check["level"] == "fail" and not check["passed"]]
    (summary,) = warehouse.rows("daily_summary")
    if failed or summary["requests"] != size * MILLION:
        sys.exit(f"{summary['requests']:,} requests of {size * MILLION:,}; failed: {', '.join(failed) or 'no check'}")
    after = emulator.cpu_times()
    processor = (after.user + after.system - before.user - before.system) / size
    status = Path(f"/proc/{emulator.pid}/status").read_text()
    memory = int(status.partition("VmHWM:")[2].split()[0]) / 2**20
    seconds = [end - start for start, end in pairwise(marks)]
    print(
        f"{size * MILLION:>12,}  {seconds[0]:>7.1f} s  {seconds[1]:>6.1f} s  {seconds[2]:>6.1f} s  "
        f"{sum(seconds) / size:>9.1f} s  {processor:>10.1f} s  {memory:>7.1f} GiB",
        flush=True,
    )
    return processor


def _lines(number: int) -> bytes:
    pools = make_pools("combined", 1)
    drawn = draw_day(pools, "combined", DAY, MILLION, 0.0, number, DayTruth())
    # Blank lines are not requests; the parser and the proof get none.
    lines = [line for chunk in drawn for line in chunk if line.strip()]
    lines += lines[: MILLION - len(lines)]
    return b"\n".join(lines) + b"\n"


def _land(warehouse: Warehouse, number: int, log: bytes) -> None:
    block = BlockParser(get_format("combined")).parse(log)
    rows = pa.Table.from_batches([block.rows])
    if rows.num_rows != MILLION:
        sys.exit(f"{rows.num_rows:,} rows of {MILLION:,} lines")
    backfilled = _from_source(rows, "backfill", f"gs://logs/{number}.log", f"{number:04x}:")
    streamed = _from_source(rows.slice(0, MILLION // 5), "stream", "projects/p/subscriptions/s", f"m{number:04x}:")
    load(warehouse, "backfilled_requests", backfilled)
    load(warehouse, "streamed_requests", pa.concat_tables([streamed, streamed.slice(0, streamed.num_rows // 100)]))


def _from_source(rows: pa.Table, source: str, uri: str, prefix: str) -> pa.Table:
    count = rows.num_rows
    offsets = rows["source_offset"]
    columns: dict[str, pa.Array[Any] | pa.ChunkedArray[Any]] = {
        "event_id": pa.array([f"{prefix}{offset:015}" for offset in offsets.to_pylist()]),
        "source": pa.array([source] * count),
        "source_uri": pa.array([uri] * count),
        "source_offset": offsets,
        "parser_version": pa.array([PARSER_VERSION] * count),
        "ingested_at": pa.array([datetime.now(UTC)] * count, pa.timestamp("us", tz="UTC")),
    }
    rows = rows.drop_columns(["source_offset"])
    for name, column in columns.items():
        rows = rows.append_column(name, column)
    return rows


def _report_of_goaccess(folder: Path) -> None:
    path = folder / "access.log"
    path.write_bytes(_lines(0))
    start = time.perf_counter()
    command = ["goaccess", str(path), "--no-global-config", "--log-format=COMBINED", "--no-progress"]
    subprocess.run([*command, "-o", str(folder / "report.json")], check=True, capture_output=True)
    print(f"{MILLION:>12,}  GoAccess, its report of the same lines: {time.perf_counter() - start:.1f} s", flush=True)


if __name__ == "__main__":
    main()
