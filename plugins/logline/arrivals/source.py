"""Which objects are logs: the pattern of `LOGLINE_SOURCE`, for a listing, for names, and for notifications."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from string import Formatter

from logline.backfill.units import SourcePattern
from logline.params import DAY_FORMAT

_DIGITS = {"Y": 4, "y": 2, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2, "j": 3, "V": 2, "G": 4, "u": 1}
_CODE = re.compile("%(.)")
_WILDCARD = re.compile(r"\*\*/|\*\*|\*|\?|\[[^\]]*\]|.", re.DOTALL)
_MEANINGS = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


@dataclass(frozen=True)
class LogObjects:
    """The objects that a pattern stands for on any day.

    Attributes:
        pattern: `gs://bucket/object` with wildcards and perhaps `{date}`.
    """

    pattern: SourcePattern

    @classmethod
    def parse(cls, text: str) -> LogObjects:
        """Check `text` and wrap it.

        Raises:
            ParamError: as `SourcePattern.parse`.
        """
        return cls(SourcePattern.parse(text))

    @cached_property
    def uri(self) -> str:
        """Return the pattern with wildcards in the place of the day: what a run that reads any day is given."""
        parts = []
        for literal, name, spec, _ in Formatter().parse(self.pattern.text):
            parts.append(literal)
            if name is not None:
                parts.append(_CODE.sub(_wildcard, spec or DAY_FORMAT))
        return "".join(parts)

    @property
    def bucket(self) -> str:
        """Return the bucket."""
        return self.uri.removeprefix("gs://").partition("/")[0]

    @property
    def glob(self) -> str:
        """Return what Cloud Storage's `matchGlob` takes."""
        return self.uri.removeprefix("gs://").partition("/")[2]

    @property
    def prefix(self) -> str:
        """Return what all names begin with."""
        return re.split(r"[*?\[]", self.glob, maxsplit=1)[0]

    def day_of(self, uri: str) -> date | None:
        """Return the day that an object's name says, None where the pattern has no day or the name none that exists."""
        found = self._named_days.fullmatch(uri)
        if found is None or "day" not in found.groupdict():
            return None
        try:
            return datetime.strptime(found["day"], self._day_format).date()  # noqa: DTZ007 (a day)
        except ValueError:
            return None

    @cached_property
    def _day_format(self) -> str:
        specs = [spec or DAY_FORMAT for _, name, spec, _ in Formatter().parse(self.pattern.text) if name is not None]
        return specs[0] if specs else DAY_FORMAT

    @cached_property
    def _named_days(self) -> re.Pattern[str]:
        parts: list[str] = []
        for literal, name, spec, _ in Formatter().parse(self.pattern.text):
            parts += [
                _MEANINGS.get(mark, mark if len(mark) > 1 else re.escape(mark)) for mark in _WILDCARD.findall(literal)
            ]
            if name is not None:
                day = "".join(_matching(mark) for mark in re.findall("%.|[^%]", spec or DAY_FORMAT))
                # Only the first one is read: the others are of the same day.
                parts.append(f"(?P<day>{day})" if not any("(?P<day>" in part for part in parts) else f"(?:{day})")
        return re.compile("".join(parts))


def _wildcard(code: re.Match[str]) -> str:
    if code[1] == "%":
        return "%"
    return "[0-9]" * _DIGITS[code[1]] if code[1] in _DIGITS else "*"


def _matching(mark: str) -> str:
    if len(mark) == 1 or mark == "%%":
        return re.escape(mark[-1])
    return rf"[0-9]{{{_DIGITS[mark[1]]}}}" if mark[1] in _DIGITS else "[^/]+?"
