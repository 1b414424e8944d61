"""Numbered lines, and what is to become of each: all of it follows from its number and its time."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

FIRST_OF_FILES = 1_000_000_000
"""Lines of files have numbers from here on."""
_BAD_ONE_IN = 25
_STATUSES = (200, 200, 200, 200, 200, 301, 404, 404, 500)


@dataclass(frozen=True)
class Line:
    """A line.

    Attributes:
        number: Its own; no other line has it.
        time: When the request was, in UTC, whole seconds.
        is_bad: Whether nobody can read it.
    """

    number: int
    time: datetime
    is_bad: bool

    @property
    def path(self) -> str:
        """The path of the request."""
        return f"/chaos/{self.number}"

    @property
    def status(self) -> int:
        """The status of the answer."""
        return _STATUSES[self.number % len(_STATUSES)]

    @property
    def size(self) -> int:
        """The bytes of the answer."""
        return self.number % 997

    @property
    def text(self) -> str:
        """The line in the format combined, without its end."""
        if self.is_bad:
            return f"no line of a log, and its number is {self.number}"
        return (
            f'192.0.2.{self.number % 251} - - [{self.time:%d/%b/%Y:%H:%M:%S} +0000] "GET {self.path} HTTP/1.1" '
            f'{self.status} {self.size} "-" "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"'
        )


class Numbers:
    """Draws lines, each with a number of its own.

    Args:
        draws: What decides the times of lines of a day.
        first: The first number.
    """

    def __init__(self, draws: random.Random, first: int) -> None:
        self._draws = draws
        self._next = first

    def line(self, time: datetime) -> Line:
        """Return the next line."""
        self._next += 1
        return Line(self._next, time.replace(microsecond=0), self._next % _BAD_ONE_IN == 0)

    def lines_of(self, day: datetime, count: int) -> list[Line]:
        """Return lines of all hours of a day; the first can be read, which tells the format."""
        self._next += -self._next % _BAD_ONE_IN  # the next is not bad, and never are two bad ones near each other
        return [self.line(day + timedelta(seconds=self._draws.randrange(86_400))) for _ in range(count)]


def midnight(day: datetime) -> datetime:
    """Return when a day begins."""
    return day.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
