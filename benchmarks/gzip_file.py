"""One gzip file through the backfill job, beside the slowest of what is done to it: ``python -m benchmarks.gzip_file``.

Reading, decompressing, parsing and writing a line are timed alone, as CPU time; then whole jobs on all cores of the
machine, by both clocks, from a file of `COPIES` members and from one of a single member. The difference is what the
lines between take, without the half second in which Beam builds and ends any pipeline.
"""

from __future__ import annotations

import gzip
import os
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from beam_jobs.access_log import BlockParser, get_format
from beam_jobs.access_log.places.columns import Places
from beam_jobs.access_log.places.databases import RegistryCountries
from beam_jobs.access_log.reading.compression import Compression, Members
from beam_jobs.output.manifest import RunInfo
from beam_jobs.output.parquet_files import ParsedLines, write_block
from beam_jobs.storage.objects import StoredObject
from benchmarks.backfill import run_backfill
from benchmarks.parser_logs import cut_blocks, make_log
from benchmarks.table import machine

LINES = 1_000_000
COPIES = 5
RUNS = 3
_PIECE = 1 << 20
_BLOCK_BYTES = 16 << 20


def main() -> None:
    """Print what a line takes in each stage and in the whole job, in nanoseconds."""
    log = make_log("combined", LINES)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stages = _stages(log, folder)
        whole = _jobs(log, folder)
    print(f"One gzip file, nanoseconds a line, least of {RUNS} runs. {machine()}, load {os.getloadavg()[0]:.1f}")
    for stage, taken in stages.items():
        print(f"{stage:44}{taken:>8.1f}  CPU")
    cores = os.cpu_count() or 1
    floor = max(stages["decompressed"], sum(stages.values()) / cores)
    print(f"{f'the least that {cores} cores can take':44}{floor:>8.1f}")
    for kind, (wall, cpu) in whole.items():
        print(f"{f'the job, from a {kind} file':44}{cpu:>8.1f}  CPU")
        print(f"{'':44}{wall:>8.1f}  on the wall, {1e3 / wall:.2f} million lines/s")
    wall = whole["gzip"][0]
    print(f"of the plain file's rate: {whole['plain'][0] / wall:.2f}; of the least: {floor / wall:.2f}")


def _stages(log: bytes, folder: Path) -> dict[str, float]:
    compressed = folder / "one.gz"
    compressed.write_bytes(gzip.compress(log, 6))
    parser = BlockParser(get_format("combined"), places=Places(RegistryCountries()))
    stored = StoredObject("gs://bucket/access.log.gz", 1, len(log))
    run = RunInfo("run", "job", None, "gs://bucket/*", str(folder / "rows"), "1", datetime(2026, 11, 1, tzinfo=UTC))
    blocks = list(cut_blocks(log, _BLOCK_BYTES))
    parsed = [ParsedLines.of(parser.parse(block), stored) for block in blocks]

    def read() -> None:
        for _ in _pieces(compressed):
            pass

    def decompress() -> None:
        for _ in Members(Compression.GZIP, pieces):
            pass

    def parse() -> None:
        for block in blocks:
            parser.parse(block)

    def write() -> None:
        for number, lines in enumerate(parsed):
            write_block([lines], number, run)

    pieces = list(_pieces(compressed))
    works = {"read": read, "decompressed": decompress, "parsed, with places": parse, "identified, written": write}
    return {stage: _least(work, time.process_time) / LINES * 1e9 for stage, work in works.items()}


def _pieces(path: Path) -> list[bytes]:
    with path.open("rb") as file:
        return list(iter(partial(file.read, _PIECE), b""))


def _jobs(log: bytes, folder: Path) -> dict[str, list[float]]:
    """Return what a line takes in the job, from a gzip file and from a plain one: on the wall, and of CPU time."""
    contents = {"gzip": (folder / "one.gz").read_bytes(), "plain": log}
    least: dict[tuple[str, int], list[float]] = {}
    for kind, content in contents.items():
        for copies in (1, COPIES):
            (folder / f"{kind}-{copies}").write_bytes(content * copies)
    for _ in range(RUNS):
        for kind in contents:
            for copies in (1, COPIES):
                clocks = time.perf_counter(), time.process_time()
                run_backfill(folder / f"{kind}-{copies}", folder / "out")
                taken = [time.perf_counter() - clocks[0], time.process_time() - clocks[1]]
                least[kind, copies] = [min(pair) for pair in zip(taken, least.get((kind, copies), taken), strict=True)]
    between = (COPIES - 1) * LINES
    return {
        kind: [(many - one) / between * 1e9 for many, one in zip(least[kind, COPIES], least[kind, 1], strict=True)]
        for kind in contents
    }


def _least(work: Callable[[], object], clock: Callable[[], float]) -> float:
    work()
    taken = []
    for _ in range(RUNS):
        started = clock()
        work()
        taken.append(clock() - started)
    return min(taken)


if __name__ == "__main__":
    main()
