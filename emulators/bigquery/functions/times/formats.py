"""Dates and times by formats such as `%Y-%m-%d`, and formats of DuckDB's `strftime` in their place.

BigQuery's documentation of "Format elements for date and time parts" has the list.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

_ELEMENT = re.compile(r"%(E[\d*]S|E4Y|E[zYyCcxX]|O[a-zA-Z]|.)?", re.DOTALL)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _END = -62_135_596_800 * 10**6, 253_402_300_800 * 10**6
_SAME_AS = {"D": "%m/%d/%y", "x": "%m/%d/%y", "F": "%E4Y-%m-%d", "R": "%H:%M", "T": "%H:%M:%S", "X": "%H:%M:%S"} | {
    "c": "%a %b %e %H:%M:%S %E4Y",
    "r": "%I:%M:%S %p",
    "h": "%b",
}
#: What a type does not have stays as it is written.
_WITHOUT = {
    "DATE": frozenset("cHIklMPpRrSsTXZz"),
    "TIME": frozenset("AaBbhCcDdeFGgjmsUuVWwxYyZzQ"),
    "DATETIME": frozenset("Zz"),
    "TIMESTAMP": frozenset[str](),
}
_AS_IN_DUCKDB = frozenset("YmdHMSjBbAaypIUWVGuw")
_FRACTIONS = {"E3S": "%S.%g", "E6S": "%S.%f", "E0S": "%S"}
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)

#: Days and years after which the calendar begins again.
_CYCLE_DAYS, _CYCLE_YEARS = 146_097, 400


class Clock(NamedTuple):
    """A clock on the wall.

    Attributes:
        moment: What it shows, but some years from there where Python has no such year.
        years: So many.
        offset: Micros that it is east of UTC.
    """

    moment: datetime
    years: int
    offset: int

    @property
    def year(self) -> int:
        """Return the year of the calendar."""
        return self.moment.year + self.years

    @property
    def iso_year(self) -> int:
        """Return the year that the ISO week belongs to."""
        return self.moment.isocalendar().year + self.years


_Writer = Callable[[Clock], str]


def elements(text: str) -> Iterator[tuple[str, str]]:
    """Return the parts of a format: what stands in it, and of an element its name, else nothing."""
    start = 0
    for found in _ELEMENT.finditer(text):
        if found.start() > start:
            yield text[start : found.start()], ""
        yield found[0], found[1] or ""
        start = found.end()
    if start < len(text):
        yield text[start:], ""


def is_of(kind: str, element: str) -> bool:
    """Tell whether a type has an element."""
    return element[-1:] not in _WITHOUT[kind] and not (element[:1] == "E" and element[-1] in _WITHOUT[kind])


def duckdb_format(text: str, kind: str) -> str | None:
    """Return the format for DuckDB's `strftime` of a time in UTC; None where it has none."""
    parts = []
    for written, element in elements(text):
        short = element[1:] if element[:1] == "O" or element in ("EY", "Ey") else element
        if written[0] != "%" or element == "%":
            parts.append(written)
        elif not is_of(kind, element):
            return None
        elif short == "E4Y" or short in _AS_IN_DUCKDB:
            parts.append(f"%{short[-1]}")
        elif element in _FRACTIONS:
            parts.append(_FRACTIONS[element])
        elif element in ("z", "Ez", "Z"):
            parts.append({"z": "+0000", "Ez": "+00:00", "Z": "UTC"}[element])
        elif element in _SAME_AS and (same := duckdb_format(_SAME_AS[element], kind)) is not None:
            parts.append(same)
        else:
            return None
    return "".join(parts) or None


def formatted(text: str, micros: int, offset: int, kind: str) -> str:
    """Return a date or time as a format has it.

    Args:
        text: The format.
        micros: Since 1970, in UTC.
        offset: Micros that the clock is east of UTC.
        kind: The type's name.

    Raises:
        ValueError: There is no such element.
    """
    local, cycles = micros + offset, 0
    if not _FIRST <= local < _END:
        cycles = 1 if local >= _END else -1
    moment = _EPOCH + timedelta(-cycles * _CYCLE_DAYS, microseconds=local)
    clock = Clock(moment, cycles * _CYCLE_YEARS, offset)
    return "".join(write if isinstance(write, str) else write(clock) for write in _writers(text, kind))


@lru_cache(1000)
def _writers(text: str, kind: str) -> list[str | _Writer]:
    found: list[str | _Writer] = []
    for written, element in elements(text):
        if written[0] != "%" or not element or not is_of(kind, element):
            found.append(written)
        elif element in _SAME_AS or (element[0] in "EO" and element[1:] in _SAME_AS):
            found.extend(_writers(_SAME_AS[element[-1]], kind))
        else:
            found.append(_writer(element))
    return found


def _writer(element: str) -> _Writer:
    if element[0] == "E" and element[-1] == "S":
        return _with_fraction(element[1])
    short = element[1:] if element[0] == "O" or element in ("EY", "Ey", "EC") else element
    if short not in _WRITERS:
        raise ValueError(f"Format element %{element} is not offered by the local BigQuery")
    return _WRITERS[short]


def _with_fraction(digits: str) -> _Writer:
    def write(clock: Clock) -> str:
        moment = clock.moment
        fraction = f"{moment.microsecond:06}000"
        fraction = fraction.rstrip("0") if digits == "*" else fraction[: int(digits)]
        return f"{moment.second:02}.{fraction}" if fraction else f"{moment.second:02}"

    return write


def _week(moment: datetime, first: int) -> int:
    """Return the week of the year; the days before the first one that begins with that weekday are in week 0."""
    return (moment.timetuple().tm_yday + 6 - (moment.weekday() - first) % 7) // 7


def _unix_seconds(clock: Clock) -> str:
    days = clock.years // _CYCLE_YEARS * _CYCLE_DAYS
    return str((clock.moment - _EPOCH + timedelta(days, microseconds=-clock.offset)) // timedelta(seconds=1))


def _offset(offset: int, between: str) -> str:
    minutes = abs(offset) // (60 * 10**6)
    return f"{'-' if offset < 0 else '+'}{minutes // 60:02}{between}{minutes % 60:02}"


def _zone(offset: int) -> str:
    if abs(offset) < 60 * 10**6:
        return "UTC"
    difference = _offset(offset, "")
    return f"UTC{difference[0]}{int(difference[1:3]) if difference.endswith('00') else difference[1:]}"


_WRITERS: Mapping[str, _Writer] = {
    "%": lambda clock: "%",
    "A": lambda clock: _DAYS[clock.moment.weekday()],
    "a": lambda clock: _DAYS[clock.moment.weekday()][:3],
    "B": lambda clock: _MONTHS[clock.moment.month - 1],
    "b": lambda clock: _MONTHS[clock.moment.month - 1][:3],
    "C": lambda clock: f"{clock.year // 100:02}",
    "d": lambda clock: f"{clock.moment.day:02}",
    "E4Y": lambda clock: f"{clock.year:04}",
    "e": lambda clock: f"{clock.moment.day:2}",
    "Ez": lambda clock: _offset(clock.offset, ":"),
    "G": lambda clock: f"{clock.iso_year:04}",
    "g": lambda clock: f"{clock.iso_year % 100:02}",
    "H": lambda clock: f"{clock.moment.hour:02}",
    "I": lambda clock: f"{(clock.moment.hour + 11) % 12 + 1:02}",
    "j": lambda clock: f"{clock.moment.timetuple().tm_yday:03}",
    "k": lambda clock: f"{clock.moment.hour:2}",
    "l": lambda clock: f"{(clock.moment.hour + 11) % 12 + 1:2}",
    "M": lambda clock: f"{clock.moment.minute:02}",
    "m": lambda clock: f"{clock.moment.month:02}",
    "n": lambda clock: "\n",
    "P": lambda clock: "am" if clock.moment.hour < 12 else "pm",
    "p": lambda clock: "AM" if clock.moment.hour < 12 else "PM",
    "Q": lambda clock: f"{(clock.moment.month + 2) // 3}",
    "S": lambda clock: f"{clock.moment.second:02}",
    "s": _unix_seconds,
    "t": lambda clock: "\t",
    "U": lambda clock: f"{_week(clock.moment, 6):02}",
    "u": lambda clock: f"{clock.moment.isoweekday()}",
    "V": lambda clock: f"{clock.moment.isocalendar().week:02}",
    "W": lambda clock: f"{_week(clock.moment, 0):02}",
    "w": lambda clock: f"{clock.moment.isoweekday() % 7}",
    "Y": lambda clock: f"{clock.year}",
    "y": lambda clock: f"{clock.year % 100:02}",
    "Z": lambda clock: _zone(clock.offset),
    "z": lambda clock: _offset(clock.offset, ""),
}
