"""Compiled code on disk is reused only while every file that went into it is the same."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import beam_jobs.access_log
from beam_jobs.access_log.compiled.jit import folder_digest

PACKAGE = Path(beam_jobs.access_log.__file__).parent
# The day number of a date, -1 where it is not one, and whether the compiled code came from the disk.
SCRIPT = """
import numpy as np
from beam_jobs.access_log.compiled.scan_times import clf_days
text = np.frombuffer(b"17/May/2015:" + bytes(64), np.uint8)
print(clf_days(text.ctypes.data), sum(clf_days.stats.cache_hits.values()))
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    shutil.copytree(PACKAGE, tmp_path / "beam_jobs" / "access_log", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "beam_jobs" / "access_log"


def _run(package: Path) -> list[int]:
    root = package.parents[1]
    environment = os.environ | {"PYTHONPATH": str(root), "NUMBA_CACHE_DIR": str(root / "cache")}
    process = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=root, env=environment, capture_output=True, text=True, check=True
    )
    return [int(number) for number in process.stdout.split()]


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def test_a_change_in_another_file_is_seen_by_the_next_process(package: Path) -> None:
    assert _run(package) == [16572, 0]
    assert _run(package) == [16572, 1]
    _replace(package / "formats" / "fields.py", 'b"May"', 'b"Mai"')
    assert _run(package) == [-1, 0]
    _replace(package / "formats" / "fields.py", 'b"Mai"', 'b"May"')
    load_byte = "builder.zext(_load(builder, address, _BYTE), _WORD)"
    _replace(package / "compiled" / "simd.py", load_byte, f"builder.add({load_byte}, _WORD(1))")
    assert _run(package) == [-1, 0]


def test_every_file_of_the_package_counts(package: Path) -> None:
    sources = sorted(package.rglob("*.py"))
    assert {"compiled", "formats", "arrow"} <= {source.parent.name for source in sources}
    digests = {folder_digest(package)}
    for source in sources:
        with source.open("a") as file:
            file.write("# changed\n")
        digests.add(folder_digest(package))
    assert len(digests) == len(sources) + 1
