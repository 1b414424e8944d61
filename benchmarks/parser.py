"""The parser on one core, beside what a user would write or run instead: ``python -m benchmarks.parser``."""

from __future__ import annotations

import gzip
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from beam_jobs.access_log import BlockParser, get_format
from beam_jobs.access_log.privacy.addresses import AddressMode, DailyKeys
from beam_jobs.access_log.privacy.anonymiser import Anonymiser, AnonymisingParser
from beam_jobs.access_log.reading.compression import Compression, Members
from beam_jobs.access_log.reading.line_blocks import split_stream
from beam_jobs.access_log.reading.prefetch import ReadAhead
from beam_jobs.output.parquet_files import write_parquet
from benchmarks.log_report import goaccess_seconds, our_seconds
from benchmarks.parser_logs import FORMAT_STRING, cut_blocks, make_log
from benchmarks.per_line import (
    TEXT_LINES,
    caddy_to_dict,
    custom_to_dict,
    nginx_json_to_dict,
    regex_to_dict,
    seven_regexes,
    text_to_dict,
)
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


class _Way(NamedTuple):
    """A piece of work, and how many lines it reads."""

    work: Callable[[], object]
    lines: int


def run(lines: int = LINES, slow_lines: int = SLOW_LINES, runs: int = RUNS) -> list[Comparison]:
    """Time the compared programs in turns, on the same lines; those that step per line get the first `slow_lines` only.

    Times are CPU time of the process, all threads together, and so one core's. Those of gzip, where a second thread
    decompresses, are wall time.
    """
    pa.set_cpu_count(1)
    combined = make_log("combined", lines)
    rows = _combined(combined, lines, slow_lines, runs)
    rows += _gzip(combined, lines, runs)
    others: list[tuple[str, str, Callable[[str], Any], str, float]] = [
        ("article", "article", seven_regexes, "its seven regexes per line", 40),
        (FORMAT_STRING, "a log_format string", custom_to_dict, "re per line to a typed dict", 10),
        ("nginx_json", "nginx_json", nginx_json_to_dict, "json.loads per line to a typed dict", 10),
        ("caddy", "caddy", caddy_to_dict, "json.loads per line to a typed dict", 10),
        *(
            (name, name.partition(":")[0], partial(text_to_dict, name), "re per line to a typed dict", 10)
            for name in TEXT_LINES
        ),
    ]
    for name, shown, way, other, wanted in others:
        log = make_log(name, lines)
        blocks = list(cut_blocks(log, BLOCK_BYTES))
        ours, theirs = _rates(
            [_parsing(BlockParser(get_format(name)), blocks, lines), _by_line(way, log, slow_lines)], runs
        )
        rows.append(Comparison(shown, other, ours, theirs, wanted))
        del log, blocks
    return [*rows, *_goaccess(combined, lines, runs)]


def _combined(log: bytes, lines: int, slow_lines: int, runs: int) -> list[Comparison]:
    blocks = list(cut_blocks(log, BLOCK_BYTES))
    log_format = get_format("combined")
    parser = BlockParser(log_format)
    truncating = Anonymiser(AddressMode.TRUNCATE, redact_secrets=True)
    hashing = Anonymiser(AddressMode.HASH, redact_secrets=True, keys=DailyKeys("a-key-for-the-benchmark"))
    with tempfile.TemporaryDirectory() as folder:
        parse, by_regex, newlines, written, truncated, hashed = _rates(
            [
                _parsing(parser, blocks, lines),
                _by_line(regex_to_dict, log, slow_lines),
                _Way(lambda: log.count(b"\n"), lines),
                _to_parquet(parser, blocks, lines, folder),
                _parsing(AnonymisingParser(log_format, truncating), blocks, lines),
                _parsing(AnonymisingParser(log_format, hashing), blocks, lines),
            ],
            runs,
        )
    name = f"combined, {len(log) / lines:.0f} bytes a line, to Arrow"
    return [
        Comparison(name, "re per line to a typed dict", parse, by_regex, 25),
        Comparison(name, "counting the newlines (bytes.count)", parse, newlines, 1 / 3),
        Comparison(f"{name} to zstd Parquet", "to Arrow alone", written, parse, 0.6),
        Comparison("combined, addresses truncated, secrets redacted", "not anonymised", truncated, parse, 0),
        Comparison("combined, addresses hashed, secrets redacted", "not anonymised", hashed, parse, 0),
    ]


def _rates(ways: Sequence[_Way], runs: int, clock: Callable[[], float] = time.process_time) -> list[float]:
    seconds = median_seconds([way.work for way in ways], runs, clock)
    return [way.lines / taken for way, taken in zip(ways, seconds, strict=True)]


def _by_line(to_dict: Callable[[str], Any], log: bytes, lines: int) -> _Way:
    texts = log[: len(log) // 2].decode().splitlines()[:lines]
    return _Way(lambda: [to_dict(text) for text in texts], len(texts))


def _parsing(parser: BlockParser, blocks: Sequence[bytes], lines: int) -> _Way:
    return _Way(lambda: [parser.parse(block).lines for block in blocks], lines)


def _to_parquet(parser: BlockParser, blocks: Sequence[bytes], lines: int, folder: str) -> _Way:
    """Write rows as the backfill does, without the identity columns."""

    def work() -> None:
        for number, block in enumerate(blocks):
            write_parquet(f"{folder}/{number}.parquet", pa.Table.from_batches([parser.parse(block).rows]))

    return _Way(work, lines)


def _gzip(log: bytes, lines: int, runs: int) -> list[Comparison]:
    """Time whole gzip files from memory, read as the backfill reads them."""
    compressed = gzip.compress(log, 6)
    parser = BlockParser(get_format("combined"))

    def pieces(content: bytes) -> Any:
        return (content[start : start + (1 << 20)] for start in range(0, len(content), 1 << 20))

    def read_gzip() -> None:
        with ReadAhead(iter(Members(Compression.GZIP, pieces(compressed))), 16) as decompressed:
            for offset, data in split_stream(decompressed, BLOCK_BYTES, 1 << 20):
                parser.parse(data, offset)

    def read_plain() -> None:
        for offset, data in split_stream(pieces(log), BLOCK_BYTES, 1 << 20):
            parser.parse(data, offset)

    ours, theirs = _rates([_Way(read_gzip, lines), _Way(read_plain, lines)], runs, time.perf_counter)
    return [Comparison("combined from gzip, on the wall", "the same from a plain file", ours, theirs, 0.7)]


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
    """Print the table."""
    ours_width = max(len(row.ours) for row in comparisons)
    theirs_width = max(len(row.theirs) for row in comparisons)
    print(f"{'ours':{ours_width}}  {'lines/s':>11}  {'beside':{theirs_width}}  {'lines/s':>11}  {'ratio':>8}  at least")
    for row in comparisons:
        ratio = row.ours_rate / row.theirs_rate
        met = "" if not row.wanted else f"{row.wanted:8.2f}  {'met' if ratio >= row.wanted else 'MISSED'}"
        print(
            f"{row.ours:{ours_width}}  {row.ours_rate:>11,.0f}  {row.theirs:{theirs_width}}  {row.theirs_rate:>11,.0f}"
            f"  {ratio:>8.2f}  {met}".rstrip()
        )


def main() -> None:
    """Print the table."""
    print(f"Parsing {LINES:,} lines on one core, CPU time unless it says otherwise, medians of {RUNS} runs,")
    print(
        f"the ways that go line by line on the first {SLOW_LINES:,} lines. {machine()}, load {os.getloadavg()[0]:.1f}"
    )
    print_comparisons(run())


if __name__ == "__main__":
    main()
