"""Mutated lines by the million: none may raise, none may be lost, and how a file is cut must change nothing.

    python -m tests.fuzz.volume --lines 100000000 [--seed 1] [--processes 2]

Lines of the cases are drawn, and bytes of most of them overwritten, left out, doubled, or cut off to the line's end;
line ends are hit as well. A block is parsed whole, or cut as a file is, in blocks and reads of odd sizes. Of each:

- rows, rejected lines and blanks number as many as the newlines say there are lines;
- each row and rejected line begins where a line begins, no two at the same byte;
- the values are what columns can hold (Arrow's full validation);
- of one portion in 8: cut in pieces it gives the same rows and rejected lines as in one block, and its first lines are,
  value for value, what the reference reader reads.

What is done is kept in .local/fuzz/volume.json, so that a run which was stopped goes on where it was. A block that
fails is written to .local/fuzz/crash-*, and ``python -m tests.fuzz`` with its path runs it again.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from beam_jobs.access_log import BlockParser, ParsedBlock, get_format
from beam_jobs.access_log.reading.line_blocks import LineBlock, split_stream
from tests.fuzz.inputs import FORMAT_NAMES, FOUND, Input, lines_of_cases
from tests.unit.beam_jobs.access_log.oracle import assert_parsed_as, expected_block

PORTION_LINES = 50_000
"""Lines drawn for a portion; line ends that are hit make a few less or more of them."""
_COMPARED_LINES = 200
_BLOCKS = ((777, 0.02), (65_537, 0.2), (1_000_003, 1.0))
"""Bytes of blocks, and which share of a portion is cut into them."""
_COMPARED_PORTIONS = 8
_MAX_LINE_BYTES = 1 << 20
# What formats give a meaning to, so that mutations fall where readers decide.
_MEANINGFUL = np.frombuffer(b'"""[]{}::,,  \t\\\\--//..%%??&&==+#\x00\r\n\xc3\xa9\xff0123456789eE', np.uint8)


class Outcome(NamedTuple):
    """How many lines a portion had, and what became of them."""

    lines: int
    rows: int
    rejected: int
    blank: int


def mutated(lines: list[bytes], count: int, rng: np.random.Generator) -> bytes:
    """Return `count` of `lines` drawn at random, most of them spoilt."""
    drawn = rng.integers(0, len(lines), count)
    data = np.frombuffer(b"".join([lines[number] + b"\n" for number in drawn]), np.uint8).copy()
    lengths = np.array([len(line) + 1 for line in lines])[drawn]
    ends = np.cumsum(lengths)
    starts = ends - lengths

    def positions(share: float) -> npt.NDArray[np.int64]:
        hit = np.flatnonzero(rng.random(count) < share)
        return starts[hit] + (rng.random(len(hit)) * lengths[hit]).astype(np.int64)

    overwritten = positions(0.4)
    data[overwritten] = rng.choice(_MEANINGFUL, len(overwritten))
    overwritten = positions(0.1)
    data[overwritten] = rng.integers(0, 256, len(overwritten))
    repeats = np.ones(len(data), np.int64)
    repeats[positions(0.3)] = 0
    doubled = positions(0.2)
    repeats[doubled] = rng.integers(2, 5, len(doubled))
    for position in positions(0.05):  # a line that was cut off
        repeats[position : ends[np.searchsorted(ends, position, "right")] - 1] = 0
    for position in positions(0.05):  # bytes within a line that are there twice or not at all
        repeats[position : position + rng.integers(2, 40)] = rng.choice([0, 2])
    return np.repeat(data, repeats).tobytes()


def cut(data: bytes, rng: np.random.Generator) -> Iterator[LineBlock]:
    """Cut `data` as files are of which each read gives another number of bytes, into blocks of odd sizes.

    A block costs what some hundred lines do, so the first lines are in small blocks, and the more lines, the larger.
    """
    start = 0
    for block_bytes, share in _BLOCKS:
        end = data.find(b"\n", start + int(share * len(data))) + 1 or len(data)
        for block in split_stream(_reads(data[start:end], block_bytes, rng), block_bytes, _MAX_LINE_BYTES):
            yield LineBlock(start + block.offset, block.data)
        start = end


def _reads(data: bytes, block_bytes: int, rng: np.random.Generator) -> Iterator[bytes]:
    start = 0
    while start < len(data):
        end = start + int(rng.integers(1, 2 * block_bytes))
        yield data[start:end]
        start = end


def check(log_format_name: str, data: bytes, rng: np.random.Generator, is_compared: bool) -> Outcome:
    """Parse a block in pieces, and where `is_compared` whole and by the reference reader too.

    Raises:
        AssertionError: What the parser made of it does not add up.
    """
    parser = _parser(log_format_name)
    lines = data.count(b"\n") + (not data.endswith(b"\n") and bool(data))
    following, pieces = parser, []
    for block in cut(data, rng):
        pieces.append(following.parse(block.data, block.offset))
        following = following.following(block.data)
    rows, rejected = _joined(pieces, "rows"), _joined(pieces, "rejected")
    blank = sum(piece.blank for piece in pieces)
    assert sum(piece.lines for piece in pieces) == lines, "lines are lost between blocks"
    assert rows.num_rows + rejected.num_rows + blank == lines, "lines do not add up"
    line_starts = np.concatenate(([0], np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n")) + 1))
    offsets = np.sort(np.concatenate([table["source_offset"].to_numpy() for table in (rows, rejected)]))
    assert np.isin(offsets, line_starts, assume_unique=True).all(), "a row or rejected line does not begin a line"
    assert (np.diff(offsets) > 0).all(), "two rows or rejected lines begin at one byte"
    rows.validate(full=True)
    rejected.validate(full=True)
    if is_compared:
        whole = parser.parse(data)
        if not whole.frames:  # a line that a collector has cut is joined within a block only
            assert rows.equals(pa.Table.from_batches([whole.rows])), "cut in pieces the rows are others"
            assert rejected.equals(pa.Table.from_batches([whole.rejected])), "cut in pieces the rejected are others"
        few = b"".join(data.splitlines(keepends=True)[:_COMPARED_LINES])
        assert_parsed_as(parser.parse(few), expected_block(parser.log_format, few, parser.max_line_bytes))
    return Outcome(lines, rows.num_rows, rejected.num_rows, blank)


def run_portion(seed: int, number: int) -> Outcome:
    """Make portion `number` of a run and check it; the same seed and number give the same bytes."""
    rng = np.random.default_rng([seed, number])
    by_format = lines_of_cases()
    every_line = [line for lines in by_format.values() for line in lines]
    name = FORMAT_NAMES[number % len(FORMAT_NAMES)]
    own = by_format.get(name, [])
    data = mutated(own * (len(every_line) // max(len(own), 1) * 9 + 1) + every_line, PORTION_LINES, rng)
    try:
        return check(name, data, rng, is_compared=number % _COMPARED_PORTIONS == 0)
    except Exception as error:
        path = FOUND / f"crash-volume-{seed}-{number}"
        path.write_bytes(Input(name, 0, data).to_bytes())
        raise AssertionError(f"{name}: {type(error).__name__}: {error}; the block is in {path}") from error


@cache
def _parser(log_format_name: str) -> BlockParser:
    return BlockParser(get_format(log_format_name), _MAX_LINE_BYTES)


def _joined(pieces: list[ParsedBlock], name: str) -> pa.Table:
    return pa.Table.from_batches([getattr(piece, name) for piece in pieces]).combine_chunks()


class Progress:
    """What a run has done, kept in a file after each portion; a run of another seed begins anew."""

    def __init__(self, path: Path, seed: int) -> None:
        self._path = path
        self.seed = seed
        self.portions = 0
        self.totals = Outcome(0, 0, 0, 0)
        if path.exists() and (kept := json.loads(path.read_text()))["seed"] == seed:
            self.portions, self.totals = kept["portions"], Outcome(**kept["totals"])

    def add(self, outcome: Outcome) -> None:
        self.portions += 1
        self.totals = Outcome(*(sum(pair) for pair in zip(self.totals, outcome, strict=True)))
        content = json.dumps({"seed": self.seed, "portions": self.portions, "totals": self.totals._asdict()})
        beside = self._path.with_suffix(".new")
        beside.write_text(content)
        beside.replace(self._path)


def run(lines: int, seed: int, processes: int) -> Progress:
    """Check portions until `lines` are done, those of an earlier run of this seed included, and tell how far it is."""
    progress = Progress(FOUND / "volume.json", seed)
    if progress.portions:
        print(f"seed {seed}: goes on after {progress.totals.lines:,} lines", flush=True)
    started, before, told = time.monotonic(), progress.totals.lines, 0.0
    with ProcessPoolExecutor(processes) as pool:
        while progress.totals.lines < lines:
            first = progress.portions
            last = first + max((lines - progress.totals.lines) // PORTION_LINES, 1)
            numbers = range(first, min(last, first + 20 * processes))
            for outcome in pool.map(run_portion, [seed] * len(numbers), numbers):
                progress.add(outcome)
                elapsed = time.monotonic() - started
                if elapsed - told > 10:
                    told, done = elapsed, progress.totals.lines
                    left = (lines - done) * elapsed / (done - before)
                    print(f"{done:,} of {lines:,} lines, {left / 60:.0f} min left", flush=True)
    return progress


def main() -> None:
    """Run until the lines are done or one portion fails."""
    parser = argparse.ArgumentParser(description="Mutated lines by the million through every format.")
    parser.add_argument("--lines", type=int, default=1_000_000, help="how many, over all runs of the seed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    if min(arguments.lines, arguments.processes) < 1 or arguments.seed < 0:
        sys.exit("--lines and --processes must be at least 1, --seed at least 0")
    FOUND.mkdir(parents=True, exist_ok=True)
    try:
        totals = run(arguments.lines, arguments.seed, arguments.processes).totals
    except AssertionError as error:
        sys.exit(str(error))
    unaccounted = totals.lines - totals.rows - totals.rejected - totals.blank
    print(
        f"{totals.lines:,} lines in {len(FORMAT_NAMES)} formats: {totals.rows:,} rows, {totals.rejected:,} rejected, "
        f"{totals.blank:,} blank; 0 exceptions, {unaccounted} unaccounted"
    )


if __name__ == "__main__":
    main()
