"""The backfill job beside the article's way, in one run: ``python -m benchmarks.backfill``.

Both run in this process on Beam's FnApiRunner, from a local file to Parquet files. Each is timed from its options to
its last file: building the pipeline included, imports and one warm-up run of each aside. They take turns, and the
medians count. Beam takes half a second to build and end any pipeline: a third of our time for 1,000,000 lines, so that
more are measured too. One line in a hundred is bad; those that are not UTF-8 are kept
from the article's way, which would stop at the first.
"""

from __future__ import annotations

import contextlib
import functools
import io
import itertools
import logging
import re
import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.options.pipeline_options import PipelineOptions

from beam_jobs.backfill import job as backfill
from beam_jobs.generate_logs import command as generate_logs
from benchmarks.table import Row, machine, median_seconds, print_table

LINES = (5_000_000, 1_000_000)
ARTICLE_LINES = 200_000
RUNS = 3

# One expression in place of the article's seven: the faster way to write it.
_LINE = re.compile(
    r'(?P<remote_addr>\S+) - - \[(?P<timelocal>[^\]]+)\] "(?P<request_type>\S+) (?P<request_path>\S+) [^"]*"'
    r' \[(?P<status>\d{3})\] (?P<body_bytes_sent>\d{1,18}) "(?P<http_referer>[^"]*)" "(?P<http_user_agent>[^"]*)"'
)
_FIELDS: list[tuple[str, pa.DataType]] = [
    ("remote_addr", pa.string()),
    ("timelocal", pa.timestamp("us", tz="UTC")),
    ("request_type", pa.string()),
    ("request_path", pa.string()),
    ("status", pa.int64()),
    ("body_bytes_sent", pa.int64()),
    ("http_referer", pa.string()),
    ("http_user_agent", pa.string()),
]
_SCHEMA = pa.schema(_FIELDS)


def main() -> None:
    """Measure both and print the table."""
    with tempfile.TemporaryDirectory() as folder:
        logs = {lines: _generated(lines, Path(folder, str(lines))) for lines in LINES}
        sample = Path(folder, "sample.log")
        with logs[LINES[0]].open("rb") as source:
            sample.write_bytes(b"".join(itertools.islice((line for line in source if _is_utf8(line)), ARTICLE_LINES)))
        seconds = median_seconds(
            [
                *(functools.partial(run_backfill, log, Path(folder, "logline")) for log in logs.values()),
                functools.partial(_article, sample, Path(folder, "article")),
            ],
            RUNS,
        )
        line_bytes = logs[LINES[0]].stat().st_size / LINES[0]
    names = [f"logline backfill, {lines:,} lines to Parquet, rejected lines and manifest" for lines in LINES]
    names.append(f"the article's way, {ARTICLE_LINES:,} lines: ReadFromText, regex, dict, WriteToParquet")
    print_table(
        f"Backfill, whole jobs in one process, {line_bytes:.0f} bytes a line, medians of {RUNS} runs, {machine()}",
        [Row(name, lines / taken) for name, lines, taken in zip(names, (*LINES, ARTICLE_LINES), seconds, strict=True)],
    )


def _generated(lines: int, folder: Path) -> Path:
    _quietly(generate_logs.main, [f"--output={folder}", "--start_date=2026-11-01", f"--lines_per_day={lines}"])
    return Path(folder, "2026-11-01/access-0001.log")


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def run_backfill(source: Path, output: Path) -> None:
    """Run the job in this process."""
    shutil.rmtree(output, ignore_errors=True)
    if _quietly(backfill.main, [f"--source={source}", f"--output={output}", "--run_id=benchmark"]) != 0:
        raise RuntimeError("the backfill failed")


def _article(source: Path, output: Path) -> None:
    shutil.rmtree(output, ignore_errors=True)
    with beam.Pipeline(options=PipelineOptions(runner="FnApiRunner")) as pipeline:
        (
            pipeline
            | beam.io.ReadFromText(str(source))
            | beam.FlatMap(_parse)
            | beam.io.WriteToParquet(str(output / "rows"), _SCHEMA, codec="zstd")
        )


def _parse(line: str) -> list[dict[str, Any]]:
    match = _LINE.fullmatch(line)
    if match is None:
        return []
    row: dict[str, Any] = match.groupdict()
    try:
        row["timelocal"] = datetime.strptime(row["timelocal"], "%d/%b/%Y:%H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return []
    row["status"] = int(row["status"])
    row["body_bytes_sent"] = int(row["body_bytes_sent"])
    return [row]


def _quietly(work: Callable[[list[str]], int], arguments: list[str]) -> int:
    logging.disable(logging.INFO)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            return work(arguments)
    finally:
        logging.disable(logging.NOTSET)


if __name__ == "__main__":
    main()
