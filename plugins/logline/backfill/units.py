"""What one backfill run will do, worked out from its Params alone: which days, which objects, which names.

Nothing here talks to a service, so every user error is found before anything has started.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from string import Formatter

from logline.params import DAY_FORMAT, ParamError, parse_day

MAX_DAYS = 366

_GLOB_CHARACTERS = re.compile(r"[*?\[]")
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
class BackfillUnit:
    """One parse job and the replace that follows it: one day's objects, or a pattern without `{date}` as a whole.

    Attributes:
        label: `YYYY-MM-DD`, or `all` for a pattern without `{date}`.
        source: `gs://` pattern of the objects to read: its bucket, and what Cloud Storage's `matchGlob` takes.
        output: `gs://` folder the job writes to.
        job_name: name of the Dataflow job; the same for every try of this unit in this run, so that Dataflow refuses
            a second one while the first is active.
        suffix: ends the names of this unit's staging tables.
    """

    label: str
    source: str
    bucket: str
    objects: str
    output: str
    job_name: str
    suffix: str

    @property
    def prefix(self) -> str:
        """Return the part of the object names before the first wildcard."""
        return _GLOB_CHARACTERS.split(self.objects, maxsplit=1)[0]


def days_to_read(start: object, end: object, now: datetime) -> list[date]:
    """Return all days from `start` to `end`, both included; the day before `now` (UTC) when both are None.

    Raises:
        ParamError: not a date, end before start, or more than MAX_DAYS days.
    """
    yesterday = now.astimezone(UTC).date() - timedelta(days=1)
    first = parse_day("start_date", start) if start is not None else None
    last = parse_day("end_date", end) if end is not None else None
    if first is None:
        first = last if last is not None else yesterday
    if last is None:
        last = first
    if last < first:
        raise ParamError(f"end_date {last} is before start_date {first}: swap them")
    count = (last - first).days + 1
    if count > MAX_DAYS:
        raise ParamError(f"{first} to {last} are {count} days, one run takes at most {MAX_DAYS}: split the range")
    return [first + timedelta(days=offset) for offset in range(count)]


def plan_units(pattern: SourcePattern, days: list[date], *, bucket: str, run_id: str) -> list[BackfillUnit]:
    """Plan one unit per day, or a single one for a pattern without `{date}`; staging files go to `bucket`.

    Every name is a function of the run and the day.
    """
    run = hashlib.sha256(run_id.encode()).hexdigest()[:8]
    labelled = [(f"{day:{DAY_FORMAT}}", pattern.on(day)) for day in days] if pattern.dated else [("all", pattern.text)]
    units = []
    for label, source in labelled:
        source_bucket, _, objects = source.removeprefix("gs://").partition("/")
        units.append(
            BackfillUnit(
                label=label,
                source=source,
                bucket=source_bucket,
                objects=objects,
                output=f"gs://{bucket}/staging/{run}/{label}",
                job_name=f"logline-backfill-{label}-{run}",
                suffix=f"{label.replace('-', '')}_{run}",
            )
        )
    return units
