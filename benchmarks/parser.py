"""The parser on one core, beside what a user would write or run instead: ``python -m benchmarks.parser``."""

from __future__ import annotations

import gzip
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from beam_jobs.access_log import BlockParser, get_format
from beam_jobs.access_log.addresses import AddressMode, DailyKeys
from beam_jobs.access_log.anonymising import Anonymiser, AnonymisingParser
from beam_jobs.lines import gunzip, split_stream
from beam_jobs.reading_ahead import ReadAhead
from beam_jobs.sinks import write_parquet
from benchmarks.log_report import goaccess_seconds, our_seconds
from benchmarks.parser_logs import FORMAT_STRING, cut_blocks, make_log
from benchmarks.per_line import caddy_to_dict, custom_to_dict, nginx_json_to_dict, regex_to_dict, seven_regexes
from benchmarks.table import machine, median_seconds

LINES = 1_000_000
SLOW_LINES = 50_000
RUNS = 5
BLOCK_BYTES = 16 << 20
"""Those of the backfill where nobody says otherwise."""


class Comparison(NamedTuple):
    """One way of ours beside another one.

    Attributes:
        ours: What ours does.
        theirs: What the other does.
        ours_rate: Lines a second.
        theirs_rate: The same.
        wanted: How many times as fast as the other one ours is to be, at least; 0 where nothing is asked.
    """

    ours: str
    theirs: str
    ours_rate: float
    theirs_rate: float
    wanted: float


def run(lines: int = LINES, slow_lines: int = SLOW_LINES, runs: int = RUNS) -> list[Comparison]:
    """Measures each pair on the same lines; those ways that take Python steps per line on the first `slow_lines`.

    Times are those of the process's CPU, all threads together, and so one core's; but those of gzip, where a second
    thread decompresses, are on the wall.
    """
    pa.set_cpu_count(1)
    rows = []
    combined = make_log("combined", lines)
    parse = _rate(_parsing("combined", combined), lines, runs)
    name = f"combined, {len(combined) / lines:.0f} bytes a line, to Arrow"
    rows.append(Comparison(name, "re per line to a typed dict", parse, _slow(regex_to_dict, combined, slow_lines), 25))
    newlines = _rate(lambda: combined.count(b"\n"), lines, runs)
    rows.append(Comparison(name, "counting the newlines (bytes.count)", parse, newlines, 1 / 3))
    with tempfile.TemporaryDirectory() as folder:
        written = _rate(_to_parquet(combined, folder), lines, runs)
    rows.append(Comparison(f"{name} to zstd Parquet", "to Arrow alone", written, parse, 0.6))
    article = make_log("article", lines)
    rate = _rate(_parsing("article", article), lines, runs)
    rows.append(
        Comparison("article", "its seven regexes per line", rate, _slow(seven_regexes, article, slow_lines), 40)
    )
    del article
    rows += _gzip(combined, lines, runs)
    rows += _anonymised(combined, lines, runs, parse)
    for name, way, wanted in (
        (FORMAT_STRING, custom_to_dict, 10),
        ("nginx_json", nginx_json_to_dict, 10),
        ("caddy", caddy_to_dict, 10),
    ):
        log = make_log(name, lines)
        rate = _rate(_parsing(name, log), lines, runs)
        shown = "a log_format string" if name == FORMAT_STRING else name
        other = "re per line to a typed dict" if name == FORMAT_STRING else "json.loads per line to a typed dict"
        rows.append(Comparison(shown, other, rate, _slow(way, log, slow_lines), wanted))
    return [*rows, *_goaccess(combined, lines, runs)]


def _rate(work: Callable[[], object], lines: int, runs: int, clock: Callable[[], float] = time.process_time) -> float:
    work()
    return lines / median_seconds(work, runs, clock)


def _slow(way: Callable[[str], Any], log: bytes, lines: int) -> float:
    texts = log[: len(log) // 2].decode().splitlines()[:lines]
    return len(texts) / median_seconds(lambda: [way(text) for text in texts], 3, time.process_time)


def _parsing(name: str, log: bytes) -> Callable[[], object]:
    blocks = list(cut_blocks(log, BLOCK_BYTES))
    parser = BlockParser(get_format(name))
    return lambda: [parser.parse(block).lines for block in blocks]


def _to_parquet(log: bytes, folder: str) -> Callable[[], object]:
    """As the backfill writes its rows, the columns that say where they are from aside."""
    blocks = list(cut_blocks(log, BLOCK_BYTES))
    parser = BlockParser(get_format("combined"))

    def work() -> None:
        for number, block in enumerate(blocks):
            write_parquet(f"{folder}/{number}.parquet", pa.Table.from_batches([parser.parse(block).rows]))

    return work


def _gzip(log: bytes, lines: int, runs: int) -> list[Comparison]:
    """Whole files from memory, as the backfill reads them."""
    compressed = gzip.compress(log, 6)
    parser = BlockParser(get_format("combined"))

    def pieces(content: bytes) -> Any:
        return (content[start : start + (1 << 20)] for start in range(0, len(content), 1 << 20))

    def read_gzip() -> None:
        with ReadAhead(gunzip(pieces(compressed)), 16) as decompressed:
            for offset, data in split_stream(decompressed, BLOCK_BYTES, 1 << 20):
                parser.parse(data, offset)

    def read_plain() -> None:
        for offset, data in split_stream(pieces(log), BLOCK_BYTES, 1 << 20):
            parser.parse(data, offset)

    wall = time.perf_counter
    return [
        Comparison(
            "combined from gzip, on the wall",
            "the same from a plain file",
            _rate(read_gzip, lines, runs, wall),
            _rate(read_plain, lines, runs, wall),
            0.7,
        )
    ]


def _anonymised(log: bytes, lines: int, runs: int, plain: float) -> list[Comparison]:
    blocks = list(cut_blocks(log, BLOCK_BYTES))
    keys = DailyKeys("a-key-for-the-benchmark")
    rows = []
    for mode in (AddressMode.TRUNCATE, AddressMode.HASH):
        anonymiser = Anonymiser(mode, redact_secrets=True, keys=keys if mode is AddressMode.HASH else None)
        parser = AnonymisingParser(get_format("combined"), anonymiser)
        rate = _rate(lambda: [parser.parse(block).lines for block in blocks], lines, runs)  # noqa: B023
        rows.append(Comparison(f"combined, addresses {mode}, secrets redacted", "not anonymised", rate, plain, 0))
    return rows


def _goaccess(log: bytes, lines: int, runs: int) -> list[Comparison]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "access.log")
        path.write_bytes(log)
        theirs = goaccess_seconds(path, Path(folder, "report.json"))
        if theirs is None:
            return []
        our_seconds(path)
        ours = sorted(our_seconds(path) for _ in range(runs))[runs // 2]
    return [
        Comparison("log file to 11 summary tables in DuckDB", "GoAccess's report", lines / ours, lines / theirs, 10)
    ]


def print_comparisons(comparisons: Sequence[Comparison]) -> None:
    """Prints the table."""
    ours_width, theirs_width = (max(len(row[column]) for row in comparisons) for column in (0, 1))
    print(f"{'ours':{ours_width}}  {'lines/s':>11}  {'beside':{theirs_width}}  {'lines/s':>11}  {'ratio':>8}  at least")
    for row in comparisons:
        ratio = row.ours_rate / row.theirs_rate
        met = "" if not row.wanted else f"{row.wanted:8.2f}  {'met' if ratio >= row.wanted else 'MISSED'}"
        print(
            f"{row.ours:{ours_width}}  {row.ours_rate:>11,.0f}  {row.theirs:{theirs_width}}  {row.theirs_rate:>11,.0f}"
            f"  {ratio:>8.2f}  {met}".rstrip()
        )


def main() -> None:
    """Prints the table."""
    print(f"Parsing {LINES:,} lines on one core, CPU time unless it says otherwise, medians of {RUNS} runs,")
    print(
        f"the ways that go line by line on the first {SLOW_LINES:,} lines. {machine()}, load {os.getloadavg()[0]:.1f}"
    )
    print_comparisons(run())


if __name__ == "__main__":
    main()
