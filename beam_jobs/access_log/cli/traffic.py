"""What the requests of all logs together tell: when they came, what they asked for, who sent them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from beam_jobs.access_log.arrow.arrays import int64_array, number_values
from beam_jobs.access_log.cli.counts import Top, ValueCounts

SHOWN = 10
_MOST_DAYS = 62
_PANELS = (
    "paths",
    "paths not found (404)",
    "addresses",
    "virtual hosts",
    "referers",
    "browsers",
    "operating systems",
    "bots",
    "user agents",
)
_HOUR = 3_600_000_000
_DURATION_STEP = 1.02  # percentiles of durations are right within 1 %
_SHORTEST_MS = 1e-3
_NOT_FOUND = 404


class Bar(NamedTuple):
    """A number of requests with its name.

    Attributes:
        name: What is counted.
        requests: How many.
        bots: How many of these requests are from bots; None where that is not told.
    """

    name: str
    requests: int
    bots: int | None = None


class Panel(NamedTuple):
    """Counts that are shown together.

    Attributes:
        title: What they are.
        bars: The counts.
        total: What their shares are of.
        note: How many there are that are not shown, or nothing.
    """

    title: str
    bars: list[Bar]
    total: int
    note: str = ""


@dataclass
class Traffic:
    """Counts over the rows of all logs.

    Attributes:
        requests: All rows.
        bots: Those of bots.
        bytes_sent: The sum of `body_bytes_sent`.
        statuses: Requests by status, None where there is none.
        hours: Requests by the hour in which they came, in hours since 1970 (UTC).
        bot_hours: The same of bots alone.
    """

    requests: int = 0
    bots: int = 0
    bytes_sent: int = 0
    statuses: Counter[int | None] = field(default_factory=Counter)
    hours: Counter[int] = field(default_factory=Counter)
    bot_hours: Counter[int] = field(default_factory=Counter)
    _durations: Counter[int] = field(default_factory=Counter)
    _values: dict[str, ValueCounts] = field(default_factory=dict)

    def add(self, rows: Any) -> None:
        """Count the rows of a block, a record batch in `ROWS_SCHEMA`."""
        if not rows.num_rows:
            return
        is_bot = rows.column("is_bot")
        is_human = pc.invert(is_bot)
        statuses = rows.column("status")
        not_found = int64_array(np.flatnonzero(number_values(statuses, np.int64) == _NOT_FOUND))
        self.requests += rows.num_rows
        self.bots += pc.sum(is_bot).as_py() or 0
        self.bytes_sent += pc.sum(rows.column("body_bytes_sent")).as_py() or 0
        times = rows.column("timestamp").cast(pa.int64())
        _count(self.hours, number_values(times, np.int64) // _HOUR)
        _count(self.bot_hours, number_values(times.filter(is_bot), np.int64) // _HOUR)
        for counted in pc.value_counts(statuses).to_pylist():
            self.statuses[counted["values"]] += counted["counts"]
        self._add("addresses", rows.column("remote_addr"))
        self._add("virtual hosts", rows.column("host"))
        self._add("paths", rows.column("path"))
        self._add("paths not found (404)", rows.column("path").take(not_found))
        self._add("referers", rows.column("referer"))
        self._add("browsers", rows.column("browser").filter(is_human))
        self._add("operating systems", rows.column("os").filter(is_human))
        self._add("bots", rows.column("browser").filter(is_bot))
        self._add("user agents", rows.column("user_agent"))
        durations = number_values(rows.column("request_duration_ms").drop_null(), np.float64)
        if len(durations):
            steps = np.log(np.maximum(durations, _SHORTEST_MS)) / np.log(_DURATION_STEP)
            _count(self._durations, np.rint(steps).astype(np.int64))

    def share_of_statuses(self, hundred: int) -> float:
        """Return which share of the requests has a status of 400 to 499, for example."""
        found = sum(count for status, count in self.statuses.items() if status and status // 100 == hundred)
        return found / self.requests if self.requests else 0.0

    def duration_ms(self, share: float) -> float | None:
        """Return the duration in which that share of the requests was answered, within 1 %; None if none is logged."""
        left = share * self._durations.total()
        for step in sorted(self._durations):
            left -= self._durations[step]
            if left <= 0:
                return float(_DURATION_STEP**step)
        return None

    def top(self, name: str, most: int = SHOWN) -> Top:
        """Return the most frequent values of one of the counted columns."""
        return self._values[name].top(most) if name in self._values else Top([], 0, 0, True)

    def days(self) -> Panel:
        """Return the requests by day, or by month where there are more than 62 days."""
        title, bars = "requests by day (UTC)", self._bars("%Y-%m-%d")
        if len(bars) > _MOST_DAYS:
            title, bars = "requests by month (UTC)", self._bars("%Y-%m")
        return Panel(title, bars, self.requests)

    def hours_of_the_day(self) -> Panel:
        """Return the requests by hour of the day."""
        by_hour: dict[str, list[int]] = {f"{hour:02}": [] for hour in range(24)}
        for hour in self.hours:
            by_hour[f"{hour % 24:02}"].append(hour)
        return Panel(
            "requests by hour of the day (UTC)",
            [self._bar(name, hours) for name, hours in by_hour.items()],
            self.requests,
        )

    def panels(self) -> Iterator[Panel]:
        """Yield the counts of everything that the logs have, most interesting first."""
        counts = sorted(self.statuses.items(), key=lambda item: (-item[1], item[0] or 0))
        yield Panel(
            "statuses", [Bar("-" if status is None else str(status), count) for status, count in counts], self.requests
        )
        for name in _PANELS:
            found = self.top(name)
            if found.rows:
                more = found.distinct - len(found.rows)
                about = "" if found.is_exact else "at least "
                note = f"{about}{more:,} more" if more else ""
                yield Panel(name, [Bar(value, count) for value, count in found.rows], self.requests, note)

    def _add(self, name: str, column: Any) -> None:
        self._values.setdefault(name, ValueCounts()).add(column)

    def _bars(self, form: str) -> list[Bar]:
        groups: dict[str, list[int]] = {}
        for hour in sorted(self.hours):
            groups.setdefault(f"{datetime.fromtimestamp(hour * 3600, UTC):{form}}", []).append(hour)
        return [self._bar(name, hours) for name, hours in groups.items()]

    def _bar(self, name: str, hours: list[int]) -> Bar:
        return Bar(name, sum(self.hours[hour] for hour in hours), sum(self.bot_hours[hour] for hour in hours))


def _count(counter: Counter[int], numbers: npt.NDArray[np.int64]) -> None:
    values, counts = np.unique(numbers, return_counts=True)
    for value, count in zip(values.tolist(), counts.tolist(), strict=True):
        counter[value] += count
