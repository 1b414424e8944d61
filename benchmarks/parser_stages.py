"""Where the parser's time goes: ``python -m benchmarks.parser_stages``, or with a combined log of your own."""

from __future__ import annotations

import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from beam_jobs.access_log import BlockParser, get_format
from beam_jobs.access_log.places.columns import Places
from beam_jobs.access_log.places.databases import RegistryCountries
from beam_jobs.access_log.privacy.addresses import AddressMode
from beam_jobs.access_log.privacy.anonymiser import Anonymiser, AnonymisingParser
from benchmarks.parser_logs import cut_blocks, make_log
from benchmarks.table import machine

LINES = 200_000
RUNS = 9
BLOCK_BYTES = 16 << 20

STAGES = (
    ("parser.read_block", "lines set aside, batches put together"),
    ("engines.scan_block", "room for the outputs"),
    ("scanned_block.scan", "lines found, hashed, cut into fields"),
    ("block_reader.rows_batch", "dates, numbers, nulls, offsets"),
    ("batches.text_columns", "string columns: room"),
    ("strings._measure", "string columns: their sizes"),
    ("strings._gather", "string columns: bytes copied"),
    ("batches.classify_columns", "user agents: classes of the distinct ones"),
    ("distinct_texts._find", "user agents: numbered"),
    ("user_agents._verified", "agents' addresses beside published ranges"),
    ("classes._spread", "columns of classes: agents, places"),
    ("parser.with_places", "places of the distinct addresses"),
    ("columns._find", "addresses numbered"),
    ("anonymiser._mapped", "addresses replaced"),
    ("anonymiser._redacted_column", "secrets redacted"),
    ("anonymiser.hash_rows", "rows hashed anew"),
)
"""A function, in the module that calls it, and what it does itself, without the other ones that it calls."""

_PACKAGES = {"batches": "arrow", "strings": "arrow", "distinct_texts": "arrow", "user_agents": "arrow",
             "classes": "arrow", "columns": "places", "anonymiser": "privacy"}  # fmt: skip


class _Clock:
    """Adds up what each of several functions takes, less what the others take that it calls."""

    def __init__(self) -> None:
        self.taken: defaultdict[str, int] = defaultdict(int)
        self._inner = [0]

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            self._inner.append(0)
            start = time.process_time_ns()
            try:
                return function(*arguments, **named)
            finally:
                taken = time.process_time_ns() - start
                self.taken[name] += taken - self._inner.pop()
                self._inner[-1] += taken

        return timed


def stages(parser: BlockParser, blocks: Sequence[bytes], runs: int = RUNS) -> dict[str, float]:
    """Return the least CPU time of each stage over several runs, in nanoseconds a line; `total` is that of all."""
    lines = sum(parser.parse(block).lines for block in blocks)
    least: dict[str, float] = {}
    for _ in range(runs):
        with _clocked() as clock:
            start = time.process_time_ns()
            for block in blocks:
                parser.parse(block)
            clock.taken["total"] = time.process_time_ns() - start
        for name, taken in clock.taken.items():
            least[name] = min(least.get(name, float("inf")), taken / lines)
    return least


@contextmanager
def _clocked() -> Iterator[_Clock]:
    clock = _Clock()
    with ExitStack() as stack:
        for name, _ in STAGES:
            module, function = name.split(".")
            package = ".".join(filter(None, ("beam_jobs.access_log", _PACKAGES.get(module), module)))
            imported = sys.modules[package]
            stack.enter_context(patch.object(imported, function, clock.timed(name, getattr(imported, function))))
        yield clock


def main() -> None:
    """Print the stages of a parser with agents and places, and of one that anonymises too."""
    log = (
        Path(sys.argv[1]).read_bytes() if sys.argv[1:] and Path(sys.argv[1]).is_file() else make_log("combined", LINES)
    )
    blocks = list(cut_blocks(log, BLOCK_BYTES))
    places, log_format = Places(RegistryCountries()), get_format("combined")
    parsers = {
        "plain": BlockParser(log_format, places=places),
        "anonymised": AnonymisingParser(
            log_format, Anonymiser(AddressMode.TRUNCATE, redact_secrets=True), places=places
        ),
    }
    found = {name: stages(parser, blocks) for name, parser in parsers.items()}
    print(f"CPU nanoseconds a line, least of {RUNS} runs. {machine()}, load {os.getloadavg()[0]:.1f}")
    print(f"{'':46}" + "".join(f"{name:>12}" for name in found))
    for name, what in [*STAGES, ("total", "all")]:
        print(f"{what:46}" + "".join(f"{taken.get(name, 0):>12.1f}" for taken in found.values()))


if __name__ == "__main__":
    main()
