"""Dates and times out of texts, by formats such as `%Y-%m-%d`.

The rules are those of Google's reference implementation: white space of the format stands for any or none, a later
element replaces an earlier one, and what the format leaves out is that of 1970-01-01 00:00:00.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from emulators.bigquery.functions.times.formats import elements, is_of
from emulators.bigquery.functions.times.zones import zone_offset

_SPACE = " \t\n\r\f\v"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = -62_135_596_800 * 10**6, 253_402_300_800 * 10**6 - 1
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november")
_SAME_AS = {"D": "%m/%d/%y", "x": "%m/%d/%y", "F": "%Y-%m-%d", "R": "%H:%M", "T": "%H:%M:%S", "X": "%H:%M:%S"} | {
    "c": "%a %b %e %H:%M:%S %Y",
    "r": "%I:%M:%S %p",
}
#: What an element without a meaning of its own stands for.
_ALIKE = {"e": "d", "k": "H", "l": "I", "P": "p", "a": "A", "b": "B", "h": "B", "EY": "Y", "Ey": "y", "EC": "C"}
_ALSO_WITH_O = ("I", "U", "u", "V", "W", "w")
_MICRO = timedelta(microseconds=1)


@dataclass
class _Reading:
    """A text that is read, and what is known so far.

    Attributes:
        at: Where the rest begins.
        calendar: Other elements of the date than year, month and day: name, value, and number of the element.
        last: The last element that tells of the year, the month and the day.
    """

    text: str
    at: int = 0
    element: int = 0
    year: int = 1970
    month: int = 1
    day: int = 1
    hour: int = 0
    minute: int = 0
    second: int = 0
    micros: int = 0
    century: int | None = None
    is_century_told: bool = False
    is_twelve_hours: bool = False
    is_afternoon: bool = False
    unix: int | None = None
    offset: int | None = None
    zone: str | None = None
    calendar: list[tuple[str, int, int]] = field(default_factory=list)
    last: dict[str, int] = field(default_factory=dict)

    def skip_space(self) -> None:
        while self.at < len(self.text) and self.text[self.at] in _SPACE:
            self.at += 1

    def expect(self, found: bool) -> None:
        if not found:
            raise ValueError(f"Failed to parse input string {self.text!r}")

    def number(self, digits: int, least: int, most: int) -> int:
        found = re.compile(rf"-?\d{{1,{digits}}}").match(self.text, self.at)
        self.expect(found is not None and least <= int(found[0]) <= most)
        assert found is not None
        self.at = found.end()
        return int(found[0])

    def word(self, words: tuple[str, ...]) -> int:
        rest = self.text[self.at :].lower()
        for number, word in enumerate(words):
            for candidate in (word, word[:3]):
                if rest.startswith(candidate):
                    self.at += len(candidate)
                    return number
        self.expect(False)
        return 0

    def tells(self, *parts: str) -> None:
        for part in parts:
            self.last[part] = self.element


def parse_time(text: str, value: str, zone: str, kind: str) -> int:
    """Return micros since 1970 of a date or time in a text.

    Args:
        text: The format.
        value: The text.
        zone: Where its clock is, unless the text tells.
        kind: The type's name.

    Raises:
        ValueError: The text is not of that format, or the format not of that type.
    """
    default = zone_offset(zone)
    reading = _Reading(value)
    reading.skip_space()
    _read(reading, _compiled(text, kind))
    reading.skip_space()
    reading.expect(reading.at == len(value))
    micros = _micros(reading, zone, default)
    if not _FIRST <= micros <= _LAST:
        raise ValueError("Invalid result from parsing function")
    return micros


@lru_cache(1000)
def _compiled(text: str, kind: str) -> tuple[tuple[str, str], ...]:
    parts: list[tuple[str, str]] = []
    for written, element in elements(text):
        if written[0] == "%" and not element:
            raise ValueError("Format string cannot end with a single '%'")
        if element and not is_of(kind, element):
            raise ValueError(f"Invalid format: %{element} is not allowed for the {kind} type.")
        short = element[1:] if element[:1] == "O" and element[1:] in _ALSO_WITH_O else element
        short = short[-1] if short[-1:] in _SAME_AS else short
        if short in _SAME_AS:
            parts.extend(_compiled(_SAME_AS[short], kind))
        elif element:
            parts.append((written, _ALIKE.get(short, short)))
        else:
            parts.extend((found[0], "n" if found[0][0] in _SPACE else "") for found in re.finditer(r"\s+|\S", written))
    return tuple(parts)


def _read(reading: _Reading, parts: tuple[tuple[str, str], ...]) -> None:
    for number, (written, element) in enumerate(parts):
        if reading.at >= len(reading.text):
            reading.expect(all(rest in ("n", "t") for _, rest in parts[number:]))
            return
        if not element:
            reading.expect(reading.text.startswith(written, reading.at))
            reading.at += len(written)
            continue
        reading.element = number
        before_element = number + 1 < len(parts) and parts[number + 1][1] not in ("", "n")
        if element[0] == "E" and element[-1] == "S":
            _read_seconds(reading, element[1])
        elif element in "YC":
            _read_year(reading, element, before_element)
        elif element in _READERS:
            _READERS[element](reading)
        else:
            raise ValueError(f"Format element %{element} is not offered by the local BigQuery")


def _read_year(reading: _Reading, element: str, is_short: bool) -> None:
    reading.tells("year")
    if element == "Y":
        reading.year, reading.century = reading.number(4 if is_short else 5, 0, 9999 if is_short else 10000), None
    else:
        if reading.century is None:
            reading.year = 0
        reading.century = reading.number(2 if is_short else 3, 0, 99 if is_short else 100)
    reading.is_century_told = element == "C"


def _year_of_four(reading: _Reading) -> None:
    start = reading.at
    reading.tells("year")
    reading.year, reading.century = reading.number(4, 0, 9999), None
    reading.expect(reading.at - start == 4)


def _year_of_century(reading: _Reading) -> None:
    reading.tells("year")
    reading.year = reading.number(2, 0, 99)
    if not reading.is_century_told:
        reading.century = 20 if reading.year < 69 else 19


def _month(reading: _Reading) -> None:
    reading.tells("month")
    reading.month = reading.number(2, 1, 12)


def _month_by_name(reading: _Reading) -> None:
    reading.tells("month")
    reading.month = reading.word((*_MONTHS, "december")) + 1


def _day(reading: _Reading) -> None:
    reading.tells("day")
    reading.skip_space()
    reading.day = reading.number(2, 1, 31)


def _quarter(reading: _Reading) -> None:
    reading.tells("month", "day")
    reading.month, reading.day = reading.number(1, 1, 4) * 3 - 2, 1


def _hour(reading: _Reading) -> None:
    reading.skip_space()
    reading.hour, reading.is_twelve_hours = reading.number(2, 0, 23), False


def _hour_of_twelve(reading: _Reading) -> None:
    reading.skip_space()
    reading.hour, reading.is_twelve_hours = reading.number(2, 1, 12) % 12, True


def _minute(reading: _Reading) -> None:
    reading.minute = reading.number(2, 0, 59)


def _read_seconds(reading: _Reading, digits: str = "0") -> None:
    reading.second = reading.number(2, 0, 60)
    if digits != "0" and reading.text.startswith(".", reading.at):
        found = re.compile(rf"\d{{1,{digits}}}" if digits != "*" else r"\d+").match(reading.text, reading.at + 1)
        reading.expect(found is not None)
        assert found is not None
        reading.at, reading.micros = found.end(), int(f"{found[0]:0<6}"[:6])


def _half_of_day(reading: _Reading) -> None:
    half = reading.text[reading.at : reading.at + 2].lower()
    reading.expect(half in ("am", "pm"))
    reading.at += 2
    reading.is_afternoon = half == "pm"


def _unix(reading: _Reading) -> None:
    reading.unix = reading.number(12, -62_135_596_800, 253_402_300_799)


def _difference(reading: _Reading, between: str = "") -> None:
    found = re.compile(rf"([+-])(\d\d)(?:{between and f'{between}?'}(\d\d))?").match(reading.text, reading.at)
    reading.expect(found is not None)
    assert found is not None
    minutes = int(found[2]) * 60 + int(found[3] or 0)
    if int(found[3] or 0) > 59 or minutes > 14 * 60:
        raise ValueError("Timezone offset out of valid range -14:00 to +14:00")
    reading.at = found.end()
    reading.offset = (-minutes if found[1] == "-" else minutes) * 60 * 10**6


def _difference_with_colon(reading: _Reading) -> None:
    if reading.text.startswith("Z", reading.at):
        reading.at, reading.offset = reading.at + 1, 0
    else:
        _difference(reading, ":")


def _zone(reading: _Reading) -> None:
    start = reading.at
    while reading.at < len(reading.text) and reading.text[reading.at] not in _SPACE:
        reading.at += 1
    reading.zone, reading.offset = reading.text[start : reading.at], None


def _calendar(name: str, digits: int, least: int, most: int) -> Callable[[_Reading], None]:
    def read(reading: _Reading) -> None:
        reading.calendar.append((name, reading.number(digits, least, most), reading.element))

    return read


def _weekday(reading: _Reading) -> None:
    reading.calendar.append(("A", reading.word(_DAYS), reading.element))


def _percent(reading: _Reading) -> None:
    reading.expect(reading.text.startswith("%", reading.at))
    reading.at += 1


_READERS: Mapping[str, Callable[[_Reading], None]] = {
    "%": _percent,
    "A": _weekday,
    "B": _month_by_name,
    "d": _day,
    "E4Y": _year_of_four,
    "Ez": _difference_with_colon,
    "G": _calendar("G", 20, 0, 99999),
    "g": _calendar("g", 2, 0, 99),
    "H": _hour,
    "I": _hour_of_twelve,
    "J": _calendar("J", 3, 1, 371),
    "j": _calendar("j", 3, 1, 366),
    "M": _minute,
    "m": _month,
    "n": _Reading.skip_space,
    "p": _half_of_day,
    "Q": _quarter,
    "S": _read_seconds,
    "s": _unix,
    "t": _Reading.skip_space,
    "U": _calendar("U", 2, 0, 53),
    "u": _calendar("A", 1, 1, 7),
    "V": _calendar("V", 2, 1, 53),
    "W": _calendar("W", 2, 0, 53),
    "w": _calendar("A", 1, 0, 6),
    "y": _year_of_century,
    "Z": _zone,
    "z": _difference,
}


def _micros(reading: _Reading, zone: str, default: int | None) -> int:
    if reading.zone is not None:
        zone, default = reading.zone, zone_offset(reading.zone)
    if reading.unix is not None:
        return reading.unix * 10**6
    year = reading.year + (reading.century or 0) * 100 if reading.century is not None else reading.year
    hour = reading.hour + 12 * (reading.is_twelve_hours and reading.is_afternoon)
    is_year_0, is_year_10000 = year == 0, year == 10000
    # Years beyond those of Python's dates come back into range by a zone alone.
    year, month, day = _date(reading, min(max(year, 1), 9999))
    moment = datetime(year, month, day, hour, reading.minute, min(reading.second, 59), tzinfo=UTC)
    micros = (moment - _EPOCH) // _MICRO + (10**6 if reading.second == 60 else reading.micros)
    if is_year_0 or is_year_10000:
        micros += (-366 if is_year_0 else 365) * 86_400 * 10**6
    elif reading.offset is None and default is None:
        local = moment.replace(tzinfo=ZoneInfo(zone))
        return micros - local.utcoffset() // _MICRO  # type: ignore[operator]
    return micros - (reading.offset if reading.offset is not None else default or 0)


def _date(reading: _Reading, year: int) -> tuple[int, int, int]:
    """Return year, month and day, where week or day of the year may tell of them."""
    found = {name: (value, element) for name, value, element in reading.calendar}
    is_plain = bool(reading.last) or reading.unix is not None or not found.keys().isdisjoint("jUW")
    if not is_plain:
        return _iso_date(found) if found.keys() & {"G", "g"} else (year, reading.month, reading.day)
    week = max((name for name in "UW" if name in found), key=lambda name: found[name][1], default=None)
    if "j" in found and (week is None or found["j"][1] > found[week][1] or "A" not in found):
        value, element = found["j"]
        other = date(year, 1, 1) + timedelta(value - 1)
        if other.year != year:
            raise ValueError(f"Year {year} has 365 days, but the specified day of year was {value}")
    elif week is not None:
        value, element = found[week]
        if "A" in found:
            raise ValueError("Weekday parse elements are not supported yet")
        first = date(year, 1, 1)
        first += timedelta((6 - first.weekday()) % 7 if week == "U" else -first.weekday() % 7)
        other = first + timedelta(7 * (value - 1))
        if (value == 0 and first.day == 1) or (value == 53 and other.year != year):
            raise ValueError(f"Week number {value} is invalid for year {year}")
    else:
        return year, reading.month, reading.day
    told = reading.last
    return (
        other.year if told.get("year", -1) < element else year,
        other.month if told.get("month", -1) < element else reading.month,
        other.day if told.get("day", -1) < element else reading.day,
    )


def _iso_date(found: Mapping[str, tuple[int, int]]) -> tuple[int, int, int]:
    if "V" in found and not ("J" in found and (found["J"][1] > found["V"][1] or "A" not in found)):
        raise ValueError("ISO parse elements are not supported yet")
    name = max((name for name in ("G", "g") if name in found), key=lambda name: found[name][1])
    value = found[name][0]
    year = value if name == "G" else value + (2000 if value < 69 else 1900)
    start = date.fromisocalendar(year, 1, 1)
    day = start + timedelta(found["J"][0] - 1 if "J" in found else 0)
    if day >= date.fromisocalendar(year + 1, 1, 1):
        raise ValueError(f"ISO Year {year} has 364 days, but the specified day of year was {found['J'][0]}")
    return day.year, day.month, day.day
