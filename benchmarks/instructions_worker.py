"""The work that `benchmarks.instructions` counts, each kind between two requests to valgrind.

Without valgrind the requests do nothing.
"""

from __future__ import annotations

import ctypes
import gc
import mmap
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from beam_jobs.access_log import BlockParser, get_format
from beam_jobs.access_log.places.columns import Places
from beam_jobs.access_log.places.databases import RegistryCountries
from beam_jobs.access_log.privacy.addresses import AddressMode
from beam_jobs.access_log.privacy.anonymiser import Anonymiser, AnonymisingParser
from beam_jobs.output.identity import BACKFILLED_SCHEMA, LineOrigins, identified_in_objects
from beam_jobs.output.manifest import RunInfo
from beam_jobs.output.parquet_files import file_options
from beam_jobs.storage.objects import StoredObject
from benchmarks.instructions import LINES, ROUNDS

# The numbers of requests in callgrind.h, and the instructions that valgrind.h (3.19) makes one of, as a function of the
# address of the request: mov rax,rdi; xor edx,edx; rol rdi,3; rol rdi,13; rol rdi,61; rol rdi,51; xchg rbx,rbx; ret.
_DUMP, _START, _STOP = (ord("C") << 24 | ord("T") << 16 | number for number in (0, 4, 5))
_CODE = bytes.fromhex("4889f8 31d2 48c1c703 48c1c70d 48c1c73d 48c1c733 4887db c3")

_LINE = (
    '10.{}.{}.{} - - [17/May/2015:{:02}:{:02}:{:02} +0000] "GET /articles/{}?page={} HTTP/1.1" {} {} '
    '"https://example.org/{}" "Mozilla/5.0 (X11; Linux x86_64; rv:{}.0) Gecko/20100101 Firefox/{}.0"\n'
)


class _Valgrind:
    """Requests to the valgrind that runs this process, if one does."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        self._memory.write(_CODE)
        address = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        self._code = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(address)

    def ask(self, request: int) -> None:
        """Make a request."""
        arguments = (ctypes.c_uint64 * 6)(request)
        self._code(ctypes.addressof(arguments))


def _log() -> bytes:
    """Write lines that no library's version changes."""
    seed = 1
    lines = []
    for number in range(LINES):
        seed = seed * 6364136223846793005 + 1442695040888963407 & (1 << 64) - 1
        high = seed >> 33
        visitor, page = high % 3_000, high // 3_000 % 500
        second = number * 86_400 // LINES
        lines.append(
            _LINE.format(
                visitor % 256, visitor // 256, visitor % 251, second // 3600, second // 60 % 60, second % 60, page,
                page % 5, 404 if high % 20 == 0 else 200, high % 100_000, page * 7 % 400, visitor % 90, visitor % 90,
            )
        )  # fmt: skip
    return "".join(lines).encode()


def main() -> None:
    """Do each kind of work once, then count it."""
    pa.set_cpu_count(1)
    log, log_format, places = _log(), get_format("combined"), Places(RegistryCountries())
    parser = BlockParser(log_format, places=places)
    anonymising = AnonymisingParser(log_format, Anonymiser(AddressMode.TRUNCATE, redact_secrets=True), places=places)
    origins = LineOrigins((StoredObject("gs://b/a.log", 1, 1),), np.zeros(1, np.int64))
    run = RunInfo("run", "job", None, "gs://b/*", "gs://b/out", "1", datetime(2026, 11, 28, tzinfo=UTC))
    rows = parser.parse(log).rows

    def write() -> None:
        table = identified_in_objects(rows, BACKFILLED_SCHEMA, origins, run)
        pq.write_table(table, pa.BufferOutputStream(), **file_options(table))

    works: list[Callable[[], object]] = [lambda: parser.parse(log), lambda: anonymising.parse(log), write]
    valgrind = _Valgrind()
    valgrind.ask(_STOP)
    for work in works:
        work()
        gc.collect()
        gc.disable()
        valgrind.ask(_START)
        for _ in range(ROUNDS):
            work()
        valgrind.ask(_STOP)
        valgrind.ask(_DUMP)
        gc.enable()


if __name__ == "__main__":
    main()
