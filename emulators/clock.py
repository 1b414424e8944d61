"""A clock that tests set ahead of the machine's, so that "an hour later" takes no hour.

A file holds by how many seconds it is ahead. Emulators that are given the same file, by `--clock-file`, have the same
time; the file is read whenever one asks for it, also after a restart. Without a file the time is the machine's. Whoever
may write the file may set the clock: the local stack keeps it in its own folder, which is its user's alone.
"""

import argparse
from datetime import UTC, datetime, timedelta
from pathlib import Path


class Clock:
    """The machine's time, and what the file adds.

    Args:
        file: It need not exist; None for the machine's time.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file

    def follow(self, file: Path | None) -> None:
        """Read this file from now on."""
        self._file = file

    def ahead(self) -> timedelta:
        """Return by how much the clock is ahead.

        Raises:
            ValueError: The file holds no number.
        """
        try:
            text = self._file.read_text(encoding="ascii") if self._file else ""
        except FileNotFoundError:
            return timedelta()
        try:
            return timedelta(seconds=float(text or 0))
        except ValueError as error:
            raise ValueError(f"{self._file} holds {text[:20]!r}: write a number of seconds") from error

    def now(self) -> datetime:
        """Return the time in UTC."""
        return datetime.now(UTC) + self.ahead()

    def now_ms(self) -> int:
        """Return the time in milliseconds since 1970."""
        return int(self.now().timestamp() * 1000)


def set_ahead(file: Path, ahead: timedelta) -> None:
    """Set the clock of all emulators that were given the file."""
    written = file.with_name(f"{file.name}.new")
    written.write_text(str(ahead.total_seconds()), encoding="ascii")
    written.replace(file)


def add_clock_file(parser: argparse.ArgumentParser) -> None:
    """Let a command line name the file; it is `clock_file`."""
    parser.add_argument(
        "--clock-file",
        type=Path,
        metavar="FILE",
        help="for tests: holds by how many seconds the emulator's clock is ahead of the machine's, read at each look",
    )
