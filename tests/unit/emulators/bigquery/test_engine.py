"""The memory that the engine gives back."""

import asyncio
import ctypes
from pathlib import Path

import duckdb_extensions
import psutil
import pytest
from bqemulator.config import PersistenceMode, Settings

from emulators.bigquery import engine
from emulators.bigquery.engine import LockedEngine

BLOCKS, BLOCK_BYTES = 2_000, 64 << 10


@pytest.mark.skipif(engine._malloc_trim is None, reason="the C library is not glibc")
def test_memory_that_is_free_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(LockedEngine, "trim_seconds", 0.01)
    duckdb_extensions.import_extension("spatial")
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    process = psutil.Process()

    async def run() -> None:
        blocks = [libc.malloc(BLOCK_BYTES) for _ in range(BLOCKS)]
        for block in blocks:
            ctypes.memset(block, 1, BLOCK_BYTES)
        for block in blocks[:-1]:  # above what is free something is in use, so that glibc keeps it
            libc.free(block)
        kept = process.memory_info().rss
        locked = LockedEngine(Settings(persistence_mode=PersistenceMode.PERSISTENT, data_dir=tmp_path))
        await locked.start()
        while process.memory_info().rss > kept - BLOCKS * BLOCK_BYTES / 2:
            await asyncio.sleep(0.01)
        await locked.stop()

    asyncio.run(asyncio.wait_for(run(), 120))
