"""Logs of running jobs, and how they are kept small.

A job appends to its logs itself, and runs on when the emulator does not. The beginning of a log that has grown is freed
in place (a hole): no byte moves, so that neither the job nor an offset into the log notices.
"""

import ctypes
from pathlib import Path

KEPT_BYTES = 10_000_000
"""Of the end of a log; its beginning is freed when as much again has been written."""

_PUNCH_HOLE = 0x02 | 0x01
"""FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE of Linux."""
_BLOCK_BYTES = 512
"""What `st_blocks` counts in."""


def keep_end(log: Path, *, before: int | None = None) -> None:
    """Free the disk space of all but the last 10 MB of a log that takes up 20 MB.

    Nothing is done where the file system cannot make holes.

    Args:
        log: Need not exist.
        before: The byte before which it may be freed; all of it where none is given.
    """
    try:
        status = log.stat()
    except FileNotFoundError:
        return
    length = status.st_size - KEPT_BYTES
    if before is not None:
        length = min(length, before)
    if length <= 0 or status.st_blocks * _BLOCK_BYTES < 2 * KEPT_BYTES:
        return
    with log.open("r+b") as file:
        _free(file.fileno(), length)


def _free(file: int, length: int) -> None:
    try:
        fallocate = ctypes.CDLL(None, use_errno=True).fallocate
    except AttributeError:
        return
    fallocate(file, _PUNCH_HOLE, ctypes.c_long(0), ctypes.c_long(length))
