"""Run all benchmarks: ``python -m benchmarks``, or some: ``python -m benchmarks parser memory``."""

from __future__ import annotations

import importlib
import sys

BENCHMARKS = (
    "parser",
    "parser_stages",
    "parquet",
    "instructions",
    "since",
    "rivals",
    "backfill",
    "gzip_file",
    "memory",
    "scale",
    "objects",
    "landing",
    "cost",
    "day",
    "year",
    "warehouse",
    "pubsub",
    "storage",
    "stream",
    "stream_cpu",
    "page",
    "start",
    "commands",
    "triggers",
    "drills",
    "soak",
    "tests",
)


def main(names: list[str]) -> None:
    """Run the named benchmarks, or all, each printing its own table."""
    unknown = sorted(set(names) - set(BENCHMARKS))
    if unknown:
        sys.exit(f"unknown benchmark {', '.join(unknown)}: choose from {', '.join(BENCHMARKS)}")
    for name in names or BENCHMARKS:
        importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    main(sys.argv[1:])
