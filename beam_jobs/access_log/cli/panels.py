"""What a report shows of the traffic, in words and figures; how it looks is up to the report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from beam_jobs.access_log.arrow.schema import Column
from beam_jobs.access_log.cli.shown import duration, percent, size
from beam_jobs.access_log.cli.traffic import BYTES, MILLISECONDS, Counts, Traffic, added
from beam_jobs.access_log.cli.value_totals import Top

_PERCENTILES = (("median", 0.5), ("p95", 0.95), ("p99", 0.99))
_UNITS = (("hour", "h"), ("day", "D"), ("month", "M"), ("year", "Y"))
# What a page loads and nobody asks for by itself.
_STATIC = r"(?i)\.(?:css|js|mjs|map|json|xml|txt|ico|png|jpe?g|gif|svg|webp|avif|bmp|woff2?|ttf|otf|eot|mp[34]|webm)$"
_SITE = r"^[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^/?#@]*@)?([^/?#:]+).*$"
# What a bot that ua-parser does not know calls itself: the word that says so, else its first one.
_BOT = r"(?i)^.*?([a-z0-9._-]*(?:bot|crawl|spider|scan|monitor|feed|archive)[a-z0-9._-]*).*$"
_PRODUCT = r"^(?:Mozilla/[0-9.]+ \(compatible; *)?([^/;)( ]+).*$"
_KNOWN_STATUSES = frozenset(HTTPStatus)


class Period(NamedTuple):
    """A stretch of time.

    Attributes:
        name: When it was.
        counts: The requests in it.
        visitors: How many visitors there were, None where that is not counted.
    """

    name: str
    counts: Counts
    visitors: int | None = None


class Chart(NamedTuple):
    """Periods that are shown side by side."""

    title: str
    periods: list[Period]

    def as_panel(self) -> Panel:
        """Return the requests of the periods below each other."""
        bars = [Bar(name, counts.requests, f"{counts.requests:,}") for name, counts, _ in self.periods]
        return Panel(self.title, bars, sum(bar.amount for bar in bars))


class Bar(NamedTuple):
    """A text with its number: as it is, and as it is shown."""

    name: str
    amount: float
    shown: str


class Panel(NamedTuple):
    """Texts that are shown below each other.

    Attributes:
        title: What they are.
        bars: They and their numbers, the largest first.
        total: What their shares are of.
        measure: What the numbers are.
        note: How many there are that are not shown, or nothing.
        is_brief: Whether the texts are short enough for a terminal.
    """

    title: str
    bars: list[Bar]
    total: float
    measure: str = "requests"
    note: str = ""
    is_brief: bool = True


def figures(traffic: Traffic) -> Iterator[tuple[str, str]]:
    """Yield the figures of all traffic, each with its name."""
    counts = traffic.counts
    addresses = traffic.totals["remote_addr"].top(1)
    yield "requests", f"{counts.requests:,}"
    yield "visitors", _at_least(traffic.visitors, traffic.has_all_visitors)
    if addresses.distinct:
        yield "addresses", _at_least(addresses.distinct, addresses.is_exact)
    yield "from bots", percent(counts.bots, counts.requests)
    yield "4xx errors", f"{counts.client_errors:,} ({percent(counts.client_errors, counts.requests)})"
    yield "5xx errors", f"{counts.server_errors:,} ({percent(counts.server_errors, counts.requests)})"
    yield "sent", size(counts.bytes_sent)
    busiest = max(sorted(traffic.hours), key=lambda hour: traffic.hours[hour].requests)
    yield "busiest hour", f"{_name(busiest, 'h')} ({traffic.hours[busiest].requests:,})"
    hours = max(traffic.hours) - min(traffic.hours) + 1
    if hours > len(traffic.hours):
        yield "without a request", f"{hours - len(traffic.hours):,} of {hours:,} hours"
    for name, share in _PERCENTILES:
        if (milliseconds := traffic.duration_ms(share)) is not None:
            yield f"{name} duration", duration(milliseconds)


def over_time(traffic: Traffic, most: Sequence[int]) -> Chart:
    """Return the requests by hour, day, month or year, with the periods in which there were none.

    Args:
        traffic: The requests.
        most: How many hours, days and months there may be at most; the first unit with no more is taken.
    """
    hours = np.array(sorted(traffic.hours), "datetime64[h]")
    spans = [hours.astype(f"datetime64[{unit}]").astype(np.int64) for _, unit in _UNITS]
    fitting = [number for number, limit in enumerate(most) if spans[number][-1] - spans[number][0] < limit]
    chosen = fitting[0] if fitting else len(most)
    (noun, unit), numbers = _UNITS[chosen], spans[chosen].tolist()
    groups: dict[int, list[Counts]] = {number: [] for number in range(numbers[0], numbers[-1] + 1)}
    for number, hour in zip(numbers, hours.astype(np.int64).tolist(), strict=True):
        groups[number].append(traffic.hours[hour])
    return Chart(
        f"requests by {noun} (UTC)",
        [
            Period(_name(number, unit), added(counts), traffic.visitors_of(number) if unit == "D" else None)
            for number, counts in groups.items()
        ],
    )


def hours_of_the_day(traffic: Traffic) -> Chart:
    """Return the requests by hour of the day."""
    return Chart(
        "requests by hour of the day (UTC)",
        [
            Period(f"{hour:02}", added([counts for number, counts in traffic.hours.items() if number % 24 == hour]))
            for hour in range(24)
        ],
    )


def panels(traffic: Traffic, most: int) -> Iterator[Panel]:
    """Yield what was asked for and by whom, most interesting first, with up to `most` texts in each."""
    counts, totals = traffic.counts, traffic.totals
    statuses = sorted(traffic.statuses.items(), key=lambda item: (-item[1], item[0] or 0))
    yield Panel("statuses", [Bar(_status(status), count, f"{count:,}") for status, count in statuses], counts.requests)
    paths = totals["path"]
    yield from _requests(traffic, "pages", paths.renamed(_pages).top(most))
    yield from _requests(traffic, "static files", paths.renamed(_static_files).top(most))
    yield from _requests(traffic, "paths not found (404)", totals["not_found"].top(most))
    yield from _requests(traffic, "paths of server errors (5xx)", totals["server_errors"].top(most))
    yield from _panel("paths by bytes sent", paths.top(most, BYTES), counts.bytes_sent, size, "sent")
    yield from _panel("paths by time taken", paths.top(most, MILLISECONDS), traffic.milliseconds, duration, "time")
    yield from _requests(traffic, "addresses", totals["remote_addr"].top(most))
    yield from _requests(traffic, "virtual hosts", totals["host"].top(most))
    yield from _requests(traffic, "referring sites", totals["referer"].renamed(_sites).top(most))
    yield from _requests(traffic, "referers", totals["referer"].top(most), is_brief=False)
    yield from _requests(traffic, "browsers of people", totals["people_browser"].top(most))
    yield from _requests(traffic, "operating systems of people", totals["people_os"].top(most))
    yield from _requests(traffic, "bots", totals["bot_browser"].joined(totals["unknown_bot"].renamed(_bots)).top(most))
    yield from _requests(traffic, "user agents", totals["user_agent"].top(most), is_brief=False)


def _requests(traffic: Traffic, title: str, top: Top, *, is_brief: bool = True) -> Iterator[Panel]:
    return _panel(title, top, traffic.counts.requests, "{:,.0f}".format, "requests", is_brief=is_brief)


def _panel(
    title: str, top: Top, total: float, shown: Callable[[float], str], measure: str, *, is_brief: bool = True
) -> Iterator[Panel]:
    """Yield the panel, unless there is nothing in it."""
    if top.rows:
        more = top.distinct - len(top.rows)
        note = f"{_at_least(more, top.is_exact)} more" if more else ""
        yield Panel(
            title, [Bar(name, amount, shown(amount)) for name, amount in top.rows], total, measure, note, is_brief
        )


def _at_least(number: int, is_exact: bool) -> str:
    return f"{number:,}" if is_exact else f"at least {number:,}"


def _status(status: int | None) -> str:
    if status is None:
        return "none"
    return f"{status} {HTTPStatus(status).phrase}" if status in _KNOWN_STATUSES else str(status)


def _name(number: int, unit: str) -> str:
    """Return a period by its number since 1970."""
    name = str(np.datetime64(number, unit))  # type: ignore[call-overload]
    return f"{name.replace('T', ' ')}:00" if unit == "h" else name


def _pages(paths: Any) -> Column:
    return _only(pc.invert(pc.match_substring_regex(paths, _STATIC)), paths)


def _static_files(paths: Any) -> Column:
    return _only(pc.match_substring_regex(paths, _STATIC), paths)


def _sites(referers: Any) -> Column:
    return _only(pc.match_substring_regex(referers, _SITE), pc.replace_substring_regex(referers, _SITE, r"\1"))


def _bots(user_agents: Any) -> Column:
    words = pc.replace_substring_regex(user_agents, _BOT, r"\1")
    names: Column = pc.replace_substring_regex(words, _PRODUCT, r"\1")
    return names


def _only(mask: Any, texts: Any) -> Column:
    """Return the texts, null where the mask is false."""
    column: Column = pc.if_else(mask, texts, pa.nulls(len(texts), pa.string()))
    return column
