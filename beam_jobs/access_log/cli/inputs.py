"""The files that a command line names: files, folders, patterns and standard input."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

STDIN = "-"
_DIGITS = re.compile(r"(\d+)")


class InputNameError(ValueError):
    """A name leads to no file; the message is one line that begins with it."""


def expand(name: str) -> list[str]:
    """Return the files that a name of the command line stands for, rotated ones in the order of their numbers.

    Args:
        name: A file, a folder (all files in it and in its folders, but no hidden ones), a pattern with `*`, `?`, `[]`
            or `**`, or `-` for standard input.

    Raises:
        InputNameError: There is no such file, or none in it.
    """
    if name.startswith("gs://"):
        raise InputNameError(f"{name}: is on Cloud Storage; pipe it in: gcloud storage cat {name} | logline parse -")
    try:
        if name == STDIN or Path(name).is_file():
            return [name]
        if Path(name).is_dir():
            return _files_below(name)
        if Path(name).exists() or not glob.has_magic(name):
            return [name]  # a device or a named pipe; or missing, which opening it says
    except OSError as error:
        raise InputNameError(f"{name}: cannot be read: {error.strerror}") from error
    matches = glob.glob(name, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute pattern
    found = sorted((match for match in matches if Path(match).is_file()), key=_natural_order)
    if not found:
        raise InputNameError(f"{name}: no file matches")
    return found


def expand_all(names: Sequence[str]) -> Iterator[str | InputNameError]:
    """Yield the files of all names, each file once whatever its links, and the errors of names that lead to none."""
    seen: set[str] = set()
    for name in names:
        try:
            found = expand(name)
        except InputNameError as error:
            yield error
            continue
        for file in found:
            target = os.path.realpath(file)  # Path.resolve raises where links lead in a circle
            if target not in seen:
                seen.add(target)
                yield file


def _files_below(folder: str) -> list[str]:
    def fail(error: OSError) -> None:
        raise InputNameError(f"{error.filename}: cannot be read: {error.strerror}") from error

    found: list[str] = []
    for parent, folders, files in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths = [Path(parent, name) for name in files if not name.startswith(".")]
        found += [str(path) for path in paths if path.is_file()]
    if not found:
        raise InputNameError(f"{folder}: is a folder without a file in it")
    return sorted(found, key=_natural_order)


def _natural_order(name: str) -> list[tuple[bool, int, str]]:
    """Sort `access.log.10` behind `access.log.9`."""
    return [(not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in _DIGITS.split(name)]
