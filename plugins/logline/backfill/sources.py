"""What a run is asked to read, worked out from its Params alone: which days, and which objects of each.

Nothing here talks to a service, so every user error is found before anything has started.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from os.path import commonprefix
from string import Formatter

from logline.params import DAY_FORMAT, ParamError, days_in_range
from logline.uris import split_uri

# The label of a pattern without `{date}`.
ALL_DAYS = "all"

_GLOB_CHARACTERS = re.compile(r"[*?\[]")
_GLOB_PARTS = re.compile(r"(\*\*|\*|\?|\[!?[^\]]+\])")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
# The codes strftime knows on every platform; it passes any other through silently.
_DATE_SPEC = re.compile(r"(?:%[YmdjyHMSbBaAGVu%]|[^%{}])*")


@dataclass(frozen=True)
class SourcePattern:
    """A `gs://bucket/object` pattern: `*`, `?`, `[...]` and `**` match objects, `{date}` stands for the day.

    `{date}` is the day as `YYYY-MM-DD`, `{date:%Y%m%d}` the day in any other form.
    """

    text: str

    @classmethod
    def parse(cls, text: str) -> SourcePattern:
        """Check `text` and wrap it.

        Raises:
            ParamError: not on gs://, no object, an unknown placeholder or an unknown date format.
        """
        shown = repr(text)
        if not text.startswith("gs://"):
            raise ParamError(f"source must start with gs://, it is {shown}")
        if any(character.isspace() or not character.isprintable() for character in text):
            raise ParamError(f"source must not contain white space or control characters, it is {shown}")
        try:
            fields = list(Formatter().parse(text))
        except ValueError as error:
            raise ParamError(f"source {shown} has an unbalanced brace ({error}): write the day as {{date}}") from None
        for literal, name, spec, conversion in fields:
            if "{" in literal or "}" in literal:
                raise ParamError(
                    f"source {shown} contains a brace that is not a placeholder: use *, ? or [...] to match"
                )
            if name is None:
                continue
            if name != "date" or conversion is not None:
                raise ParamError(
                    f"source {shown} has an unknown placeholder: only {{date}} and {{date:%Y%m%d}} are known"
                )
            if spec and (not _DATE_SPEC.fullmatch(spec) or "%" not in spec):
                raise ParamError(
                    f"source {shown} has an unknown date format {spec!r}: write for example {{date:%Y%m%d}}"
                )
        bucket, _, name = text.removeprefix("gs://").partition("/")
        if not _BUCKET.fullmatch(bucket):
            raise ParamError(f"source {shown} must name one bucket, without wildcard or placeholder, after gs://")
        if not name or name.endswith("/"):
            raise ParamError(f"source {shown} must name objects: add for example * after the last /")
        return cls(text)

    @property
    def dated(self) -> bool:
        """Return whether the pattern differs from day to day."""
        return any(name is not None for _, name, _, _ in Formatter().parse(self.text))

    def on(self, day: date) -> str:
        """Return the pattern of one day, its placeholders replaced."""
        parts: list[str] = []
        for literal, name, spec, _ in Formatter().parse(self.text):
            parts.append(literal)
            if name is not None:
                parts.append(day.strftime(spec or DAY_FORMAT))
        return "".join(parts)


@dataclass(frozen=True)
class DaySource:
    """What a run reads on one day, or the whole of a pattern without `{date}`.

    Attributes:
        label: `YYYY-MM-DD`, or `ALL_DAYS`.
        uri: `gs://` pattern of the objects: its bucket, and what Cloud Storage's `matchGlob` takes.
    """

    label: str
    uri: str

    @property
    def bucket(self) -> str:
        """Return the bucket."""
        return split_uri(self.uri)[0]

    @property
    def glob(self) -> str:
        """Return the pattern of the object names."""
        return split_uri(self.uri)[1]

    @property
    def prefix(self) -> str:
        """Return the part of the object names before the first wildcard."""
        return _GLOB_CHARACTERS.split(self.glob, maxsplit=1)[0]

    def matches(self, uri: str) -> bool:
        """Return whether the pattern matches an object, as Cloud Storage would say."""
        bucket, name = split_uri(uri)
        return bucket == self.bucket and self._regex.fullmatch(name) is not None

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        # https://cloud.google.com/storage/docs/json_api/v1/objects/list#list-objects-and-prefixes-using-glob
        parts = _GLOB_PARTS.split(self.glob)
        return re.compile(
            "".join(_regex_of(part) if place % 2 else re.escape(part) for place, part in enumerate(parts))
        )


def _regex_of(wildcard: str) -> str:
    if wildcard.startswith("["):
        members = wildcard[1:-1].removeprefix("!").replace("\\", r"\\")
        return f"[^{members}]" if wildcard[1] == "!" else f"[{members}]"
    return {"**": ".*", "*": "[^/]*", "?": "[^/]"}[wildcard]


def day_sources(pattern: SourcePattern, days: Sequence[date]) -> list[DaySource]:
    """Return what a run reads, day by day; a pattern without `{date}` once, whatever the days."""
    if not pattern.dated:
        return [DaySource(ALL_DAYS, pattern.text)]
    return [DaySource(f"{day:{DAY_FORMAT}}", pattern.on(day)) for day in days]


def common_prefix(sources: Sequence[DaySource]) -> str:
    """Return what the addresses of all objects begin with that any of the patterns matches."""
    addresses = [f"gs://{source.bucket}/{source.prefix}" for source in sources]
    return commonprefix(addresses)  # noqa: RUF071 (part of a name, not of a path)


def days_to_read(start: object, end: object, now: datetime) -> list[date]:
    """Return all days from `start` to `end`, both included; the day before `now` (UTC) when both are None.

    Raises:
        ParamError: not a date, end before start, or more than MAX_DAYS days.
    """
    return days_in_range(start, end) or [now.astimezone(UTC).date() - timedelta(days=1)]
