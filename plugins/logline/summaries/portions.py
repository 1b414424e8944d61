"""Days to build, in portions that one statement takes, as the templates of SQL know them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import groupby
from typing import Any

# BigQuery takes more of both; a portion that fails is built again, and its end is the progress that the log shows.
MOST_DAYS = 150
MOST_ROWS = 5_000_000
# Of days, from which two bounds are shorter than a list.
SHORTEST_SPAN = 3
# As findings/anomalies/query.sql compares them.
WEEKS_COMPARED = 8
# A condition that no row meets, as every partition may need one.
NO_DAY = "log_date = DATE '0001-01-01'"


@dataclass(frozen=True)
class ChangedDay:
    """A day to build, as `request_builds/changed.sql` finds it.

    Attributes:
        day: `YYYY-MM-DD`.
        reason: why it is built.
        landed: how many rows the ledger says have landed.
        is_replayed: whether rejected lines have become rows of it.
        since: an instant before any of its lines was read.
        built_at: when it was built, where only the stream has brought lines since.
    """

    day: str
    reason: str
    landed: int
    is_replayed: bool
    since: str
    built_at: str | None


@dataclass(frozen=True)
class Portion:
    """Days that are built together: all from scratch, or all by adding what the stream has brought.

    Attributes:
        days: the days, in their order.
        streamed: those of them that the stream has landed rows of.
        numbered: those of them that have numbered lines.
        unknown: days beside them whose visitors around midnight have to be looked up.
    """

    days: tuple[ChangedDay, ...]
    streamed: tuple[str, ...] = ()
    numbered: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """Return the days, `YYYY-MM-DD`."""
        return [day.day for day in self.days]

    @property
    def label(self) -> str:
        """Return the days as a label of BigQuery jobs."""
        return "_".join(dict.fromkeys((self.names[0], self.names[-1])))

    def without(self, days: Collection[str]) -> Portion:
        """Return the portion with some days left out."""
        return replace(self, days=tuple(day for day in self.days if day.day not in days))

    @property
    def near(self) -> list[str]:
        """Return the days and the two before and after each, whose sessions these may change or need."""
        return around(self.names, 2)

    def values(self) -> dict[str, Any]:
        """Return what the templates below `dags/sql` need."""
        names, beside = self.names, around(self.names, 1)
        unknown_beside = [day for day in self.unknown if day in beside]
        return {
            "days": condition(names),
            "listed_days": literals(names),
            "streamed_days": condition([day for day in self.streamed if day in names]),
            "numbered_days": condition([day for day in self.numbered if day in names]),
            "replayed_days": condition([day.day for day in self.days if day.is_replayed]),
            "since": f"TIMESTAMP '{min(day.since for day in self.days)}'",
            "added_since": min((day.built_at for day in self.days if day.built_at), default=None),
            "counted_days": condition([*names, *self.unknown]),
            "around_days": condition([day for day in beside if day not in names]),
            "unknown_days": condition(unknown_beside) if unknown_beside else None,
            "near_days": condition(self.near),
            "weekdays_before": condition(weekdays_before(names)),
            "affected_days": literals(beside),
            "portion": self.label,
        }


def portions(days: Iterable[ChangedDay]) -> Iterator[Portion]:
    """Put days together that one statement takes, in their order."""
    portion: list[ChangedDay] = []
    for day in sorted(days, key=lambda day: (day.built_at is not None, day.day)):
        rows = sum(one.landed for one in portion) + day.landed
        is_like = not portion or (portion[0].built_at is None) == (day.built_at is None)
        if portion and (len(portion) >= MOST_DAYS or rows > MOST_ROWS or not is_like):
            yield Portion(tuple(portion))
            portion = []
        portion.append(day)
    if portion:
        yield Portion(tuple(portion))


def around(days: Sequence[str], reach: int) -> list[str]:
    """Return days and those up to `reach` days before and after each."""
    return _shifted(days, range(-reach, reach + 1))


def weekdays_before(days: Sequence[str]) -> list[str]:
    """Return days and the same weekdays of the weeks before that they are compared with."""
    return _shifted(days, range(-7 * WEEKS_COMPARED, 1, 7))


def _shifted(days: Sequence[str], by: Iterable[int]) -> list[str]:
    found = {date.fromisoformat(day) + timedelta(days=one) for day in days for one in by}
    return sorted(day.isoformat() for day in found)


def literals(days: Iterable[str]) -> list[str]:
    """Return days as SQL; they must have been checked."""
    return [f"DATE '{day}'" for day in days]


def condition(days: Sequence[str]) -> str:
    """Return a condition that leaves the partitions of some days: short, for a statement may ask it of many tables."""
    alone: list[str] = []
    parts: list[str] = []
    for span in _spans(days):
        if len(span) < SHORTEST_SPAN:
            alone += span
        else:
            first, last = literals((span[0], span[-1]))
            parts.append(f"log_date BETWEEN {first} AND {last}")
    if alone:
        parts.insert(0, f"log_date IN ({', '.join(literals(alone))})")
    if not parts:
        return NO_DAY
    return parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})"


def _spans(days: Iterable[str]) -> Iterator[list[str]]:
    """Yield days that follow one another, each time as many as there are."""
    ordered = sorted(set(days))
    for _, span in groupby(enumerate(ordered), lambda one: date.fromisoformat(one[1]).toordinal() - one[0]):
        yield [day for _, day in span]
