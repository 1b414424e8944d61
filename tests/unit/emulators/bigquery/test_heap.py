"""Memory that is free does not stay with the emulator."""

import asyncio
import ctypes
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from bqemulator.config import PersistenceMode, Settings

from emulators.bigquery.engine import LockedEngine
from emulators.bigquery.spatial import link_extension
from local_stack.config import REPOSITORY

pytestmark = pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="the C library is not glibc")

BLOCKS, BLOCK_BYTES = 2_000, 64 << 10
THREADS = """
import ctypes
import threading

import wrapt

from emulators.bigquery.server import main


def allocate(_):
    threads = [threading.Thread(target=bytearray, args=(100_000,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ctypes.CDLL(None).malloc_stats()


wrapt.register_post_import_hook(lambda server: vars(server).update(run_forever=allocate), "bqemulator.server")
main()
"""


def test_threads_share_one_arena(tmp_path: Path) -> None:
    command = [sys.executable, "-c", THREADS, f"--data-dir={tmp_path}", "--project=p"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert [line for line in done.stderr.splitlines() if line.startswith("Arena ")] == ["Arena 0:"]


def test_memory_that_is_free_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(LockedEngine, "trim_seconds", 0.01)
    link_extension(tmp_path)
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
