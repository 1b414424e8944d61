"""What the requests of all logs add up to: when they came, what they asked for, who sent them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from beam_jobs.access_log.arrow.arrays import int64_array, number_values
from beam_jobs.access_log.arrow.user_agents import OTHER
from beam_jobs.access_log.cli.value_totals import ValueTotals, bool_values, codes

_HOUR = 3_600_000_000
_DURATION_STEP = 1.02  # percentiles of durations are right within 1 %
_SHORTEST_MS = 1e-3
_NOT_FOUND = 404
_MOST_VISITORS = 1 << 22
BYTES, MILLISECONDS = 1, 2
"""What is added up by path, beside the requests."""


class Counts(NamedTuple):
    """What requests add up to.

    Attributes:
        requests: All of them.
        bots: Those of bots.
        bytes_sent: The sum of `body_bytes_sent`.
        client_errors: Those with a status of 400 to 499.
        server_errors: Those with a status of 500 to 599.
    """

    requests: int = 0
    bots: int = 0
    bytes_sent: int = 0
    client_errors: int = 0
    server_errors: int = 0


class Traffic:
    """Sums over the rows of all logs.

    Attributes:
        hours: By the hour in which the requests came, in hours since 1970 (UTC).
        statuses: Requests by status, None where there is none.
        totals: By the name of a column, its values with how often they came; of paths also the bytes sent and the
            milliseconds taken. `not_found` and `server_errors` are paths, `people_*` are of people alone,
            `bot_browser` of bots, `unknown_bot` user agents of bots of no known family.
        milliseconds: The sum of `request_duration_ms`.
        has_all_visitors: Whether visitors were never left out to save memory.
    """

    def __init__(self) -> None:
        self.hours: dict[int, Counts] = {}
        self.statuses: Counter[int | None] = Counter()
        self.totals: dict[str, ValueTotals] = {}
        self.milliseconds = 0.0
        self.has_all_visitors = True
        self._durations: Counter[int] = Counter()
        self._visitors: dict[int, set[int]] = {}

    def add(self, rows: Any) -> None:
        """Add the rows of a block, a record batch in `ROWS_SCHEMA`."""
        if not rows.num_rows:
            return
        statuses = _numbers(rows.column("status"))
        is_bot = bool_values(rows.column("is_bot"))
        sent = _numbers(rows.column("body_bytes_sent"))
        is_server_error = statuses // 100 == 5
        hours = number_values(rows.column("timestamp").cast(pa.int64()), np.int64) // _HOUR
        self._add_hours(hours, (np.ones(len(hours)), is_bot, sent, statuses // 100 == 4, is_server_error))
        for counted in pc.value_counts(rows.column("status")).to_pylist():
            self.statuses[counted["values"]] += counted["counts"]
        self._add_visitors(rows, hours // 24, is_bot)
        durations = _numbers(rows.column("request_duration_ms"), np.float64)
        self.milliseconds += float(durations.sum())
        path = rows.column("path")
        self._add("path", path, sent, durations)
        self._add("not_found", path.take(_places(statuses == _NOT_FOUND)))
        self._add("server_errors", path.take(_places(is_server_error)))
        for name in ("remote_addr", "host", "referer", "user_agent"):
            self._add(name, rows.column(name))
        browser = rows.column("browser")
        is_known = ~_is(browser, OTHER)
        self._add("people_browser", browser.take(_places(~is_bot)))
        self._add("people_os", rows.column("os").take(_places(~is_bot)))
        self._add("bot_browser", browser.take(_places(is_bot & is_known)))
        self._add("unknown_bot", rows.column("user_agent").take(_places(is_bot & ~is_known)))
        logged = number_values(rows.column("request_duration_ms").drop_null(), np.float64)
        steps = np.rint(np.log(np.maximum(logged, _SHORTEST_MS)) / np.log(_DURATION_STEP)).astype(np.int64)
        for step, count in zip(*map(np.ndarray.tolist, np.unique(steps, return_counts=True)), strict=True):
            self._durations[step] += count

    @property
    def counts(self) -> Counts:
        """The sums over all hours."""
        return added(self.hours.values())

    @property
    def visitors(self) -> int:
        """How many pairs of address and user agent there are that are not bots."""
        return len(set().union(*self._visitors.values()))

    def visitors_of(self, day: int) -> int:
        """Return the visitors of a day, in days since 1970."""
        return len(self._visitors.get(day, ()))

    def duration_ms(self, share: float) -> float | None:
        """Return the duration in which that share of the requests was answered, within 1 %; None if none is logged."""
        left = share * self._durations.total()
        for step in sorted(self._durations):
            left -= self._durations[step]
            if left <= 0:
                return float(_DURATION_STEP**step)
        return None

    def _add(self, name: str, column: Any, *numbers: npt.NDArray[np.float64]) -> None:
        self.totals.setdefault(name, ValueTotals()).add(column, *numbers)

    def _add_hours(self, hours: npt.NDArray[np.int64], measures: Sequence[npt.NDArray[Any]]) -> None:
        found, places = np.unique(hours, return_inverse=True)
        sums = [np.bincount(places, measure, len(found)).tolist() for measure in measures]
        for hour, *counts in zip(found.tolist(), *sums, strict=True):
            self.hours[hour] = added((self.hours.get(hour, Counts()), Counts(*map(int, counts))))

    def _add_visitors(self, rows: Any, days: npt.NDArray[np.int64], is_bot: npt.NDArray[np.bool_]) -> None:
        if sum(map(len, self._visitors.values())) > _MOST_VISITORS:
            self.has_all_visitors = False
            return
        addresses = rows.column("remote_addr").dictionary_encode("encode")
        agents = rows.column("user_agent")
        address_texts, agent_texts = addresses.dictionary.to_pylist(), ["", *agents.dictionary.to_pylist()]
        # No user agent is one too: code 0.
        agent_codes = np.where(bool_values(agents.is_valid()), codes(agents) + 1, 0)
        first_day = int(days.min())
        pairs = codes(addresses).astype(np.int64) * len(agent_texts) + agent_codes
        visits = np.unique((pairs + (days - first_day) * (len(address_texts) * len(agent_texts)))[~is_bot])
        for visit in visits.tolist():
            rest, agent = divmod(visit, len(agent_texts))
            day, address = divmod(rest, len(address_texts))
            visitor = hash((address_texts[address], agent_texts[agent]))
            self._visitors.setdefault(first_day + day, set()).add(visitor)


def added(counts: Iterable[Counts]) -> Counts:
    """Return the sums of several."""
    return Counts(*map(sum, zip(*counts, strict=True)))


def _numbers(column: Any, kind: type[np.int64] | type[np.float64] = np.int64) -> npt.NDArray[Any]:
    """Return a column of numbers, 0 where it is null."""
    values: npt.NDArray[Any] = number_values(column, kind)
    return np.where(bool_values(column.is_valid()), values, 0)


def _is(column: Any, text: str) -> npt.NDArray[np.bool_]:
    """Return where a dictionary column has a text."""
    texts = column.dictionary.to_pylist()
    is_text: npt.NDArray[np.bool_] = codes(column) == (texts.index(text) if text in texts else len(texts))
    return is_text


def _places(mask: npt.NDArray[np.bool_]) -> Any:
    return int64_array(np.flatnonzero(mask))
