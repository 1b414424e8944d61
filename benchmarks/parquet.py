"""From a line to Parquet, step by step and column by column: ``python -m benchmarks.parquet``."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from beam_jobs.access_log import BlockParser, get_format
from beam_jobs.access_log.places.columns import Places
from beam_jobs.access_log.places.databases import RegistryCountries
from beam_jobs.output.identity import BACKFILLED_SCHEMA, LineOrigins, identified_in_objects
from beam_jobs.output.manifest import RunInfo
from beam_jobs.output.parquet_files import file_options
from beam_jobs.storage.objects import StoredObject
from benchmarks.parser_logs import make_log
from benchmarks.table import machine

LINES = 70_000
"""Those of a block of 16 MiB."""
RUNS = 15


def main() -> None:
    """Print what each step takes, then each column of the file."""
    pa.set_cpu_count(1)
    log = make_log("combined", LINES)
    parser = BlockParser(get_format("combined"), places=Places(RegistryCountries()))
    rows = parser.parse(log).rows
    origins = LineOrigins((StoredObject("gs://bucket/access.log", 1, len(log)),), np.zeros(1, np.int64))
    run = RunInfo("run", "job", None, "gs://bucket/*", "gs://bucket/out", "1", datetime(2026, 11, 1, tzinfo=UTC))

    def identify() -> pa.Table:
        return identified_in_objects(rows, BACKFILLED_SCHEMA, origins, run)

    table = identify()
    steps = least_ns(
        {
            "parsed": lambda: parser.parse(log),
            "identified": identify,
            "written": lambda: written(table),
            "parsed, identified, written": lambda: (parser.parse(log), written(identify())),
        }
    )
    print(f"CPU nanoseconds a line, least of {RUNS} runs in turns. {machine()}, load {os.getloadavg()[0]:.1f}")
    for name, taken in steps.items():
        print(f"{name:28}{taken:>8.1f}")
    print(f"{'column':22}{'written':>8}{'uncompressed':>14}{'bytes':>8}")
    sums = [0.0, 0.0]
    for name in table.schema.names:
        column = table.select([name])
        works = {"as it is": partial(written, column), "uncompressed": partial(written, column, codec="none")}
        compressed, uncompressed = least_ns(works).values()
        sums = [sums[0] + compressed, sums[1] + uncompressed]
        print(f"{name:22}{compressed:>8.1f}{uncompressed:>14.1f}{written(column).size / LINES:>8.2f}")
    print(f"{'all columns':22}{sums[0]:>8.1f}{sums[1]:>14.1f}{written(table).size / LINES:>8.2f}")


def written(table: pa.Table, codec: str = "") -> Any:
    """Return the file that the job would write; `codec` is another one for all columns."""
    settings = file_options(table)
    if codec:
        settings = {name: value for name, value in settings.items() if name != "compression_level"}
        settings["compression"] = codec
    buffer = pa.BufferOutputStream()
    write: Any = pq.write_table
    write(table, buffer, **settings)
    return buffer.getvalue()


def least_ns(works: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Return the least CPU time of each piece of work over several runs in turns, in nanoseconds a line."""
    least = dict.fromkeys(works, float("inf"))
    for _ in range(RUNS):
        for name, work in works.items():
            start = time.process_time_ns()
            work()
            least[name] = min(least[name], (time.process_time_ns() - start) / LINES)
    return least


if __name__ == "__main__":
    main()
