"""Log files of the stack's processes, and how they are kept small.

Processes append to their log themselves: they run on when nobody reads what they say. A log that has grown is copied to
a second file, which replaces the last such copy, and then its beginning is cut off.
"""

import ctypes
import os
import shutil
import time
from pathlib import Path
from typing import BinaryIO

KEPT_LOG_BYTES = 10_000_000
"""Size at which a log is cut; with its copy it takes up to twice that."""
KEPT_TASK_LOG_DAYS = 14
KEPT_TASK_LOG_BYTES = 500_000_000

_COLLAPSE_RANGE = 0x08
"""FALLOC_FL_COLLAPSE_RANGE of Linux: takes whole blocks out of a file, in one step."""


def size(log: Path) -> int:
    """Return a log's size in bytes, 0 where there is none."""
    return log.stat().st_size if log.exists() else 0


def rotate(log: Path) -> int:
    """Move the beginning of a log of more than 10 MB to a second file, while processes go on appending to it.

    No line is lost where the file system can cut off the beginning of a file, as ext4 and XFS can. Elsewhere the log
    is emptied when it has just been copied to its end: what is written in that very moment is lost.

    Returns:
        How many bytes were moved.
    """
    if size(log) <= KEPT_LOG_BYTES:
        return 0
    older, unfinished = log.with_suffix(".log.1"), log.with_suffix(".unfinished")
    with log.open("r+b") as file, unfinished.open("wb") as copy:
        shutil.copyfileobj(file, copy)
        block = os.fstatvfs(file.fileno()).f_bsize
        moved = (copy.tell() - 1) // block * block
        if not _cut(file, moved):
            shutil.copyfileobj(file, copy)
            moved = copy.tell()
            file.truncate(0)
        copy.truncate(moved)
    unfinished.replace(older)
    return moved


def last_lines(log: Path, *, since: int = 0, count: int = 3) -> str:
    """Return the last non-empty lines of a log on one line, of at most 4 kB and nothing before the byte `since`."""
    if not log.exists():
        return "(no output)"
    with log.open("rb") as file:
        file.seek(max(since, size(log) - 4096))
        lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    return " | ".join(lines[-count:]) or "(no output)"


def delete_old(folder: Path) -> None:
    """Delete the files of a folder that were last written more than 14 days ago, and the oldest beyond 500 MB."""
    files = sorted(
        ((file.stat().st_mtime, file.stat().st_size, file) for file in folder.rglob("*") if file.is_file()),
        reverse=True,
    )
    total, oldest = 0, time.time() - KEPT_TASK_LOG_DAYS * 86_400
    for written, length, file in files:
        total += length
        if written < oldest or total > KEPT_TASK_LOG_BYTES:
            file.unlink(missing_ok=True)
            _delete_empty(file.parent, folder)


def _delete_empty(inner: Path, outer: Path) -> None:
    while inner != outer:
        try:
            inner.rmdir()
        except OSError:
            return
        inner = inner.parent


def _cut(file: BinaryIO, length: int) -> bool:
    """Take `length` bytes, whole blocks, off the beginning of a file; False where the file system cannot."""
    try:
        fallocate = ctypes.CDLL(None, use_errno=True).fallocate
    except AttributeError:
        return False
    return bool(fallocate(file.fileno(), _COLLAPSE_RANGE, ctypes.c_long(0), ctypes.c_long(length)) == 0)
