"""The command line that `ps` and `/proc` show of a process."""

import ctypes
from collections.abc import Sequence
from pathlib import Path

ROOM = " " * 8192
"""A last argument of a process that will call `show`: it overwrites the memory of its arguments."""

#: Fields of /proc/self/stat after the name, cf. proc_pid_stat(5): arg_start is the 48th, arg_end the 49th of all.
_START, _END = 48 - 3, 49 - 3


def show(command: Sequence[str]) -> None:
    """Let this process be shown with another command line, cut to the room there is; does nothing outside Linux."""
    try:
        fields = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return
    start, end = int(fields[_START]), int(fields[_END])
    shown = b"".join(argument.encode(errors="replace") + b"\0" for argument in command)[: end - start - 1]
    ctypes.memset(start, 0, end - start)
    ctypes.memmove(start, shown, len(shown))
