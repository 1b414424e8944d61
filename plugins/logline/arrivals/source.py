"""Which objects are logs: the pattern of `LOGLINE_SOURCE`, of any day."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from string import Formatter

from logline.backfill.sources import ALL_DAYS, DaySource, SourcePattern
from logline.params import DAY_FORMAT, ParamError
from logline.settings import Settings, SettingsError

_DIGITS = {"Y": 4, "y": 2, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2, "j": 3, "V": 2, "G": 4, "u": 1}
_MARKS = re.compile("%.|[^%]")


@dataclass(frozen=True)
class LogObjects:
    """The objects that a pattern stands for on any day.

    Attributes:
        pattern: `gs://bucket/object` with wildcards and perhaps `{date}`.
    """

    pattern: SourcePattern

    @classmethod
    def of(cls, settings: Settings) -> LogObjects:
        """Return those of an installation.

        Raises:
            SettingsError: `LOGLINE_SOURCE` is not a pattern; one line that says what is wrong with it.
        """
        try:
            return cls(SourcePattern.parse(settings.source))
        except ParamError as error:
            raise SettingsError(f"LOGLINE_SOURCE: {error}") from None

    @cached_property
    def any_day(self) -> DaySource:
        """Return the pattern with wildcards in the place of the day."""
        parts = []
        for literal, name, spec, _ in Formatter().parse(self.pattern.text):
            parts.append(literal)
            if name is not None:
                parts += [_wildcard(mark) for mark in _MARKS.findall(spec or DAY_FORMAT)]
        return DaySource(ALL_DAYS, "".join(parts))

    def day_of(self, uri: str) -> date | None:
        """Return the day that an object's name says; None where it says none, or the pattern has no day."""
        if self._day_format is None:
            return None
        # Looked for at each place: one that is no day may overlap with the day.
        written = f"(?=({''.join(_matching(mark) for mark in _MARKS.findall(self._day_format))}))"
        for text in re.findall(written, uri):
            try:
                day = datetime.strptime(text, self._day_format).date()  # noqa: DTZ007 (a day)
            except ValueError:
                continue
            if DaySource(text, self.pattern.on(day)).matches(uri):
                return day
        return None

    @cached_property
    def _day_format(self) -> str | None:
        return next(
            (spec or DAY_FORMAT for _, name, spec, _ in Formatter().parse(self.pattern.text) if name is not None), None
        )


def _wildcard(mark: str) -> str:
    if len(mark) == 1 or mark == "%%":
        return mark[-1]
    return "[0-9]" * _DIGITS[mark[1]] if mark[1] in _DIGITS else "*"


def _matching(mark: str) -> str:
    if len(mark) == 1 or mark == "%%":
        return re.escape(mark[-1])
    return rf"[0-9]{{{_DIGITS[mark[1]]}}}" if mark[1] in _DIGITS else "[^/]+?"
