"""The lines of the site, and the truth about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from beam_jobs.generate_logs.day_truth import DayTruth
from beam_jobs.generate_logs.log_lines import BAD_LINES, bad_line, fields_of, logged_day, positional
from beam_jobs.generate_logs.site.draws import Draws
from beam_jobs.generate_logs.site.hits import Hit
from beam_jobs.generate_logs.site.incidents import Incidents, incidents_of
from beam_jobs.generate_logs.site.traffic import Slot, Traffic, hours_of, minutes_at
from beam_jobs.generate_logs.site.truth import HostTruth

_BLANK_SHARE, _MAX_BLANK = 0.001, 10
_CLOCK = tuple(f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}" for second in range(86_400))


@dataclass
class SiteTruth(DayTruth):
    """Counts of a day of the site, in all and of each host."""

    hosts: dict[str, HostTruth] = field(default_factory=dict)
    incidents: Incidents = field(default_factory=Incidents)

    def count(self, hit: Hit) -> None:
        """Count one good line."""
        path = hit.target.partition("?")[0]
        self.rows += 1
        self.body_bytes_sent += hit.size
        self.statuses[str(hit.status)] += 1
        self.methods[hit.method] += 1
        self.hours[hit.second // 3600 % 24] += 1
        self.paths[path] += 1
        self.addresses.add(hit.client.address)
        host = self.hosts.get(hit.host)
        if host is None:
            host = self.hosts[hit.host] = HostTruth()
        host.count(hit, path)

    def as_json(self) -> dict[str, Any]:
        """Return the entry of `truth.json` for the day."""
        outage, silent = self.incidents.outage, self.incidents.silent
        return super().as_json() | {
            "hosts": {name: host.as_json() for name, host in sorted(self.hosts.items())},
            "outage": None
            if outage is None
            else {"host": outage.host, "start": _CLOCK[outage.start], "end": _CLOCK[outage.end]},
            "silent_host": None if silent is None else silent.name,
        }


def draw_site_day(
    log_format: str, day: date, lines: int, bad_share: float, seed: int, first_day: date, days: int, truth: SiteTruth
) -> Iterator[list[bytes]]:
    """Draw a day of the site, and count its lines into `truth`.

    Args:
        log_format: Key of `log_lines.TEMPLATES`.
        day: The day.
        lines: How many lines it has.
        bad_share: Share of bad lines, 0 to 1.
        seed: What the draws start from.
        first_day: First day of all that are drawn, see `incidents_of`.
        days: How many days are drawn.
        truth: Is counted into.

    Yields:
        The lines of an hour, without their newlines, in the order of their times.
    """
    blank = min(int(lines * _BLANK_SHARE), _MAX_BLANK)
    bad = min(round(lines * bad_share), lines - blank)
    truth.incidents = incidents_of(seed, first_day, days, day)
    slots = hours_of(day, lines - bad - blank)
    draws = Draws(seed, "day", day)
    yield from _lines(log_format, day, Traffic(seed, draws, slots, truth.incidents), draws, slots, bad, blank, truth)


def draw_site_events(
    log_format: str, day: date, start: int, rate: float, good: int, bad: int, seed: int
) -> Iterator[bytes]:
    """Draw lines of the site in ordinary times, at a steady rate.

    Args:
        log_format: Key of `log_lines.TEMPLATES`.
        day: The day of the first line.
        start: Second of that day; the lines may go on after midnight.
        rate: Good lines a second.
        good: How many good lines.
        bad: How many bad lines between these.
        seed: What the draws start from.
    """
    draws = Draws(seed, "stream", day, start, good, bad)
    slots = minutes_at(rate, start, good)
    traffic = Traffic(seed, draws, slots, Incidents(), slots[-1].start + slots[-1].seconds)
    for lines in _lines(log_format, day, traffic, draws, slots, bad, 0, SiteTruth()):
        yield from lines


def _lines(
    log_format: str,
    day: date,
    traffic: Traffic,
    draws: Draws,
    slots: Sequence[Slot],
    bad: int,
    blank: int,
    truth: SiteTruth,
) -> Iterator[list[bytes]]:
    """Format the hits, and put bad and blank lines between them, evenly over the day."""
    writer = _Writer(log_format, day)
    good = sum(slot.requests for slot in slots)
    done = spoilt = left_out = 0
    for number, hits in enumerate(traffic.hits()):
        for hit in hits:
            truth.count(hit)
        done += len(hits)
        is_last = number == len(slots) - 1
        now_bad, now_blank = (total if is_last else total * done // max(good, 1) for total in (bad, blank))
        between: dict[int, list[bytes]] = {}
        for _ in range(now_bad - spoilt):
            place = draws.below(max(len(hits), 1))
            base = hits[place] if hits else traffic.sample()
            line, reason = writer.spoil(base, draws)
            truth.rejected_by_reason[reason] += 1
            between.setdefault(place, []).append(line)
        for _ in range(now_blank - left_out):
            between.setdefault(draws.below(max(len(hits), 1)), []).append(draws.one_of((b"", b" \t")))
        spoilt, left_out = now_bad, now_blank
        truth.rejected, truth.blank, truth.lines = spoilt, left_out, done + spoilt + left_out
        lines: list[bytes] = []
        for place, hit in enumerate(hits):
            lines.append(writer.line(hit))
            if place in between:
                lines += between[place]
        if not hits:
            lines += [line for others in between.values() for line in others]
        yield lines


class _Writer:
    """Writes hits as lines of a day."""

    def __init__(self, log_format: str, day: date) -> None:
        self._format = log_format
        self._names = fields_of(log_format)
        self._template = positional(log_format)
        self._day = day
        self._days: dict[int, str] = {}

    def line(self, hit: Hit) -> bytes:
        """Write a hit."""
        values = self._values(hit)
        return (self._template % tuple([values[name] for name in self._names])).encode()

    def spoil(self, hit: Hit, draws: Draws) -> tuple[bytes, str]:
        """Write a hit as a bad line, and say why it is one."""
        fields = {name: value.encode() for name, value in self._values(hit).items()}
        return bad_line(
            self._format, fields, draws.below(BAD_LINES), lambda: bytes(draws.below(256) for _ in range(32))
        )

    def _values(self, hit: Hit) -> dict[str, str]:
        client = hit.client
        return {
            "addr": client.address,
            "user": client.user,
            "day": self._logged_day(hit.second // 86_400),
            "time": _CLOCK[hit.second % 86_400],
            "method": hit.method,
            "target": hit.target,
            "protocol": client.protocol,
            "status": str(hit.status),
            "size": str(hit.size),
            "referer": hit.referer,
            "agent": client.user_agent,
            "forwarded_for": client.forwarded_for,
            "host": hit.host,
            "seconds": f"{hit.milliseconds // 1000}.{hit.milliseconds % 1000:03}",
        }

    def _logged_day(self, number: int) -> str:
        logged = self._days.get(number)
        if logged is None:
            logged = self._days[number] = logged_day(self._day + timedelta(days=number)).decode()
        return logged
