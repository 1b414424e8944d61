"""The requests of a stretch of time, in the order of their times."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from itertools import accumulate
from typing import NamedTuple

from beam_jobs.generate_logs.site import attacks, machines
from beam_jobs.generate_logs.site.browsers import draw_person, returning_person
from beam_jobs.generate_logs.site.clients import Client
from beam_jobs.generate_logs.site.draws import Draws, Weighted
from beam_jobs.generate_logs.site.hits import Hit
from beam_jobs.generate_logs.site.incidents import Incidents
from beam_jobs.generate_logs.site.pages import BLOG, HOSTS, Host
from beam_jobs.generate_logs.site.visits import Visit

HALF_HOUR = 1800
_DAY = 86_400
_SATURDAY = 5
# Requests by the hour, UTC: Europe by day, America in the evening; at the weekend people get up later.
_WEEKDAY = (34, 27, 23, 21, 23, 32, 52, 82, 108, 121, 124, 119, 113, 118, 125, 126, 121, 116, 118, 121, 113, 94, 70, 48)
_WEEKEND = (44, 35, 28, 24, 22, 24, 31, 46, 70, 94, 110, 116, 114, 112, 112, 113, 115, 118, 124, 128, 119, 99, 76, 56)
_ATTACK_SHARE, _ATTACK_SECONDS, _MOST_ATTACKS = 0.3, 1500, 3000
_RETURNING, _LINES_OF_A_PERSON = 0.4, 40
# How often each happens; a visit is a dozen requests, a crawl more than that, the others one or a few.
_HAPPENINGS: Weighted[Callable[[Draws, Host, int], list[Hit]] | None] = Weighted(
    (480, None),  # a person's visit
    (160, machines.crawl),
    (230, machines.assist),
    (75, machines.preview),
    (300, machines.read_feed),
    (115, machines.call_api),
    (50, attacks.probe),
    (300, machines.monitor),
)


class Slot(NamedTuple):
    """A stretch of time and how many requests begin in it."""

    start: int
    seconds: int
    requests: int


def lines_of_day(day: date, lines: int) -> int:
    """Return how many lines a day has of which a weekday has `lines`: at the weekend five eighths."""
    return lines if day.weekday() < _SATURDAY else max(1, lines * 5 // 8)


def hours_of(day: date, requests: int) -> list[Slot]:
    """Share the requests of a day out among its hours."""
    weights = _WEEKDAY if day.weekday() < _SATURDAY else _WEEKEND
    up_to = [requests * sum_of // sum(weights) for sum_of in accumulate(weights, initial=0)]
    return [Slot(hour * 3600, 3600, up_to[hour + 1] - up_to[hour]) for hour in range(24)]


def minutes_at(rate: float, start: int, requests: int) -> list[Slot]:
    """Share requests out among minutes, at a steady rate a second."""
    slots = [Slot(start, 60, min(int(rate * 60), requests))]
    done = slots[0].requests
    while done < requests:
        up_to = min(int(rate * 60 * (len(slots) + 1)), requests)
        slots.append(Slot(start + 60 * len(slots), 60, up_to - done))
        done = up_to
    return slots


class Traffic:
    """The requests of some slots, one after the other.

    A person's two visits lie more than half an hour apart, also over midnight, so that the visits that were drawn are
    those that a log shows.

    Args:
        seed: What persons come back by.
        draws: What to draw from.
        slots: When, and how many requests.
        incidents: What goes wrong; slots are hours then.
        end: Second at which visits are cut off.
    """

    def __init__(self, seed: int, draws: Draws, slots: Sequence[Slot], incidents: Incidents, end: int = _DAY) -> None:
        self._seed, self._draws, self._slots, self._incidents, self._end = seed, draws, slots, incidents, end
        self._persons = max(20, sum(slot.requests for slot in slots) // _LINES_OF_A_PERSON)
        self._visits = 0
        self._seen: dict[tuple[str, str], list[tuple[int, int]]] = {}

    def hits(self) -> Iterator[list[Hit]]:
        """Yield the hits of each slot, in order; of the last one all that is left."""
        waiting: list[Hit] = []
        left = sum(slot.requests for slot in self._slots)
        later = left
        for number, slot in enumerate(self._slots):
            is_last = number == len(self._slots) - 1
            later -= slot.requests
            if number == self._incidents.attack_hour:
                left -= self._take(self._attack(slot, left - later), waiting, left)
            while left > later:
                hits = self._happening(slot.start + self._draws.below(slot.seconds))
                left -= self._take(hits, waiting, left)
            waiting.sort(key=_second)
            ended = slot.start + slot.seconds
            ready = len(waiting) if is_last else sum(hit.second < ended for hit in waiting)
            yield waiting[:ready]
            waiting = waiting[ready:]

    def sample(self) -> Hit:
        """Return a hit that belongs to none of the slots."""
        return machines.read_feed(self._draws, BLOG, 0)[0]

    def _take(self, hits: list[Hit], waiting: list[Hit], most: int) -> int:
        silent = self._incidents.silent
        if silent is not None:
            hits = [hit for hit in hits if hit.host != silent.name]
        if self._incidents.outage is not None:
            hits = self._incidents.outage.strike(self._draws, hits)
        hits = [hit for hit in sorted(hits, key=_second) if hit.second < self._end][:most]
        waiting += hits
        return len(hits)

    def _happening(self, second: int) -> list[Hit]:
        draws = self._draws
        host = HOSTS.draw(draws)
        happening = _HAPPENINGS.draw(draws)
        return self._visit(host, second) if happening is None else happening(draws, host, second)

    def _visit(self, host: Host, second: int) -> list[Hit]:
        draws = self._draws
        is_known = draws.random() < _RETURNING and second > HALF_HOUR
        if is_known:
            client, host = returning_person(self._seed, int(self._persons * draws.random() * draws.random()))
        else:
            client = draw_person(draws)
        hits = Visit(draws, self._visits + 1, client, host, second, is_known=is_known).hits()
        if not self._is_apart(client, hits):
            return []
        self._visits += 1
        return hits

    def _attack(self, slot: Slot, due: int) -> list[Hit]:
        draws = self._draws
        seconds = min(_ATTACK_SECONDS, slot.seconds)
        first = slot.start + draws.below(slot.seconds - seconds + 1)
        count = min(max(int(due * _ATTACK_SHARE), 0), _MOST_ATTACKS)
        self._visits += 1
        return attacks.attack(draws, first, seconds, count, self._visits)

    def _is_apart(self, client: Client, hits: list[Hit]) -> bool:
        first, last = hits[0].second, hits[-1].second + 3
        seen = self._seen.setdefault((client.address, client.user_agent), [])
        if any(first - until <= HALF_HOUR and begin - last <= HALF_HOUR for begin, until in seen):
            return False
        seen.append((first, last))
        return True


def _second(hit: Hit) -> int:
    return hit.second
