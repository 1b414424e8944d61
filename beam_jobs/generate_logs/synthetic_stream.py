"""Draw the events of a synthetic live stream: lines, times, repetitions, and what must become of each."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from beam_jobs.generate_logs.day_truth import DayTruth
from beam_jobs.generate_logs.log_lines import logged_day
from beam_jobs.generate_logs.site.site_lines import draw_site_events
from beam_jobs.generate_logs.synthetic_logs import draw_day, make_pools

ROW, REJECTED, BLANK = "row", "rejected", "blank"
_DISORDER_SECONDS = 600
_REPEATED_WITHIN = 1000  # events after the first
_LOGGED_TIME = re.compile(rb"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d")


class Event(NamedTuple):
    """One published line without its end; `log_date` is the day in a row's line, "" for other lines."""

    event_id: str
    line: bytes
    fate: str
    log_date: str
    is_repetition: bool = False


@dataclass(frozen=True, slots=True)
class StreamPlan:
    """Parameters of the draw; the same plan gives the same events. Repetitions do not count among `events`."""

    events: int
    log_format: str
    seed: int
    start: datetime
    rate: float
    bad_share: float
    repeated_share: float
    late_share: float
    disorder_share: float
    is_site: bool = False


def draw_events(plan: StreamPlan) -> Iterator[Event]:
    """Draw the events in the order of publication."""
    rng = np.random.default_rng([plan.seed, plan.events])
    good, bad = _lines(plan, 0.0), _lines(plan, 1.0)
    is_bad = rng.random(plan.events) < plan.bad_share
    repeated = rng.random(plan.events) < plan.repeated_share
    kind = rng.random(plan.events)
    late = kind < plan.late_share
    disordered = ~late & (kind < plan.late_share + plan.disorder_share)
    delays = late * 86_400 + disordered * rng.integers(1, _DISORDER_SECONDS + 1, plan.events)
    gaps = rng.integers(1, _REPEATED_WITHIN + 1, plan.events)
    prefix = f"{plan.start:%Y%m%dT%H%M%S}-{plan.seed}"
    due: dict[int, list[Event]] = {}
    for index in range(plan.events):
        line = next(bad) if is_bad[index] else next(good)
        event_id = f"{prefix}-{index:09d}"
        if not line.strip(b" \t"):
            event = Event(event_id, line, BLANK, "")
        elif is_bad[index]:
            event = Event(event_id, line, REJECTED, "")
        else:
            when = plan.start + timedelta(seconds=int(index / plan.rate) - int(delays[index]))
            event = Event(event_id, _LOGGED_TIME.sub(_logged(when), line, count=1), ROW, when.date().isoformat())
        yield event
        if repeated[index]:
            due.setdefault(index + int(gaps[index]), []).append(event._replace(is_repetition=True))
        yield from due.pop(index, ())
    for _, events in sorted(due.items()):
        yield from events


def _lines(plan: StreamPlan, bad_share: float) -> Iterator[bytes]:
    """Draw as many lines as there are events, good or bad ones alone; of a site those of the minutes of publication."""
    day = plan.start.date()
    if not plan.is_site:
        pools = make_pools(plan.log_format, plan.seed)
        chunks = draw_day(pools, plan.log_format, day, plan.events, bad_share, plan.seed, DayTruth())
        return itertools.chain.from_iterable(chunks)
    start = 3600 * plan.start.hour + 60 * plan.start.minute + plan.start.second
    good, bad = (0, plan.events) if bad_share else (plan.events, 0)
    return draw_site_events(plan.log_format, day, start, plan.rate, good, bad, plan.seed)


@lru_cache(maxsize=4096)
def _logged(when: datetime) -> bytes:
    return b"[%b:%b" % (logged_day(when), f"{when:%H:%M:%S}".encode())
