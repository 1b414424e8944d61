"""The rows of every summary from the bytes of a log, computed apart from dags/sql and from the parser.

Plain Python over the lines, one request after the other: no SQL, no windows, no columns. It knows `common`, `combined`,
`nginx_amplify` and the article's format. Percentiles are by nearest rank.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

import ua_parser

from tests.sql import independent_agents
from tests.sql.independent_detections import Seen, detections
from tests.sql.independent_errors import errors
from tests.sql.independent_objectives import objectives
from tests.sql.independent_origin import referer_class, referer_host
from tests.sql.independent_visits import Visit, channels, is_page_view, page_rows

QUOTED = rb'"((?:[^"\\]|\\.)*)"'
COMMON = rb"(\S+) \S+ .+? \[([^]]+)\] " + QUOTED + rb" \[?([1-5]\d\d)\]? (\d{1,18}|-)"
HEADERS = b" " + QUOTED + b" " + QUOTED
LINE = re.compile(COMMON + b"(?:" + HEADERS + b")?(?:" + HEADERS + rb" sn=\S+ rt=([0-9.]+) .*)?\r?")
COMBINED = re.compile(COMMON + HEADERS)
REQUEST = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+)( HTTP/\d(\.\d)?)?")
PAUSE = timedelta(minutes=30)


class Client(NamedTuple):
    """What a user agent says."""

    browser: str | None
    os: str | None
    device: str | None
    is_bot: bool | None
    who: independent_agents.Client


class Hit(NamedTuple):
    """One request."""

    moment: datetime
    address: str
    agent: str | None
    path: str | None
    referer: str | None
    status: int
    size: int
    duration: float | None = None
    host: str | None = None
    method: str | None = "GET"
    query: str | None = None


@dataclass
class Group:
    """Requests that are counted together."""

    hits: list[Hit] = field(default_factory=list)

    @property
    def requests(self) -> int:
        return len(self.hits)

    @property
    def bytes(self) -> int:
        return sum(hit.size for hit in self.hits)

    @property
    def bots(self) -> int:
        return sum(client(hit.agent).is_bot is True for hit in self.hits)

    @property
    def visitors(self) -> int:
        return len({(hit.address, hit.agent or "") for hit in self.hits if not client(hit.agent).is_bot})

    def errors(self, *hundreds: int) -> int:
        return sum(hit.status // 100 in hundreds for hit in self.hits)

    def percentiles(self) -> tuple[float | None, ...]:
        durations = sorted(hit.duration for hit in self.hits if hit.duration is not None)
        # The k-th of n values is p % of them or more where 100 k >= p n.
        return tuple(durations[-(-p * len(durations) // 100) - 1] if durations else None for p in (50, 95, 99))


def read_hits(log: bytes) -> Iterator[tuple[bytes, Hit]]:
    """The good lines of a log, and what they say."""
    for line in log.split(b"\n"):
        found = LINE.fullmatch(line)
        if found is None:
            continue
        address, logged_moment, request, status, size, referer, agent, _, host, seconds = found.groups(b"-")
        moment, text = _moment(logged_moment.decode()), request.decode()
        if moment is None:
            continue
        named = REQUEST.fullmatch(text)
        path, _, query = named[2].partition("?") if named else (text, "", "")
        yield (
            line,
            Hit(
                moment,
                address.decode(),
                _logged(agent),
                None if path in ("-", "") else path,
                _logged(referer),
                int(status),
                0 if size == b"-" else int(size),
                None if seconds == b"-" else float(Decimal(seconds.decode()) * 1000),
                _logged(host),
                method=named[1] if named else None,
                query=query or None,
            ),
        )


def summaries(hits: Iterable[Hit]) -> dict[str, dict[date, list[tuple[Any, ...]]]]:
    """The rows of every summary by table and day, as tuples in the order of its columns."""
    hits = list(hits)
    tables = {name: _grouped(hits, key, row) for name, (key, row) in GROUPED.items()}
    of_day = _grouped([hit._replace(host=None) for hit in hits], lambda hit: (), _day_figures)
    of_hosts = _grouped(hits, lambda hit: (), _day_figures)
    tables["daily_summary"] = {day: [row[:-1] for row in rows] for day, rows in of_day.items()}
    tables["daily_hosts"] = {day: [(day, row[-1], *row[1:-1]) for row in rows] for day, rows in of_hosts.items()}
    sessions: dict[date, list[tuple[Any, ...]]] = defaultdict(list)
    visits: dict[date, list[Visit]] = defaultdict(list)
    for session in _sessions(hits):
        day, visit = session[0].moment.date(), Visit.of(session)
        sessions[day].append((*_session_row(session), *visit.columns()))
        if visit.pages:
            visits[day].append(visit)
    viewed = [hit for hit in hits if not client(hit.agent).is_bot and is_page_view(hit)]
    views = _grouped(viewed, lambda hit: (hit.path,), lambda of: (of.requests, of.visitors))
    of_visits = {
        "daily_channels": {day: channels(day, visits[day]) for day in visits},
        "daily_pages": {day: page_rows(day, views.get(day, []), visits[day]) for day in {*views, *visits}},
    }
    return tables | {"daily_sessions": sessions} | of_visits | _findings(hits)


def _findings(hits: list[Hit]) -> dict[str, dict[date, list[tuple[Any, ...]]]]:
    seen = [
        Seen(
            *(hit.moment, hit.host, hit.address, hit.method, hit.path, hit.query, hit.status, hit.referer, hit.agent),
            agent_verified=verified(hit),
        )
        for hit in hits
    ]
    return {
        "daily_detections": detections(seen),
        "daily_errors": errors(seen),
        "daily_objectives": objectives((hit.moment.date(), hit.host, hit.status, hit.duration) for hit in hits),
    }


def _grouped(
    hits: list[Hit], key: Callable[[Hit], tuple[Any, ...]], row: Callable[[Group], tuple[Any, ...]]
) -> dict[date, list[tuple[Any, ...]]]:
    groups: dict[tuple[date, str | None, tuple[Any, ...]], Group] = defaultdict(Group)
    for hit in hits:
        groups[hit.moment.date(), hit.host, key(hit)].hits.append(hit)
    rows: dict[date, list[tuple[Any, ...]]] = defaultdict(list)
    for (day, host, found), group in groups.items():
        rows[day].append((day, *found, *row(group), host))
    return rows


def _day_figures(of: Group) -> tuple[Any, ...]:
    return (
        *(of.requests, of.bots, of.bytes, of.visitors, of.errors(4), of.errors(5)),
        *(of.errors(4) / of.requests, of.errors(5) / of.requests, *of.percentiles()),
    )


# What makes a row of a day and host, and the figures after it.
GROUPED: dict[str, tuple[Callable[[Hit], tuple[Any, ...]], Callable[[Group], tuple[Any, ...]]]] = {
    "hourly_traffic": (
        lambda hit: (hit.moment.replace(minute=0, second=0, microsecond=0),),
        lambda of: (*(of.requests, of.bots, of.bytes, of.visitors, of.errors(4, 5), *of.percentiles(), of.errors(5)),),
    ),
    "daily_agents": (
        lambda hit: (*client(hit.agent).who[:3], verified(hit)),
        lambda of: (
            *(of.requests, len({hit.address for hit in of.hits if client(hit.agent).is_bot})),
            len({hit.path for hit in of.hits if client(hit.agent).is_bot and hit.path is not None}),
            *(of.errors(4, 5), of.bytes),
        ),
    ),
    "daily_paths": (
        lambda hit: (hit.path,),
        lambda of: (of.requests, of.visitors, of.errors(4, 5), of.bytes, *of.percentiles()),
    ),
    "daily_statuses": (lambda hit: (hit.status,), lambda of: (of.requests, of.bytes)),
    "daily_referers": (
        lambda hit: (hit.referer, referer_host(hit.referer)),
        lambda of: (of.requests, of.visitors, of.errors(4, 5), of.bytes, referer_class(of.hits[0].referer)),
    ),
    "daily_user_agents": (
        lambda hit: (hit.agent, *client(hit.agent)[:4]),
        lambda of: (of.requests, of.visitors, of.errors(4, 5), of.bytes),
    ),
    "daily_visitors": (
        lambda hit: (hit.address, hit.agent or None, client(hit.agent).is_bot is True),
        lambda of: (
            *(of.requests, of.errors(4, 5), of.bytes),
            *(min(hit.moment for hit in of.hits), max(hit.moment for hit in of.hits)),
        ),
    ),
}


def _sessions(hits: list[Hit]) -> Iterator[list[Hit]]:
    visitors: dict[tuple[str | None, str, str], list[Hit]] = defaultdict(list)
    for hit in hits:
        if not client(hit.agent).is_bot:
            visitors[hit.host, hit.address, hit.agent or ""].append(hit)
    for of_visitor in visitors.values():
        session: list[Hit] = []
        for hit in sorted(of_visitor, key=lambda hit: hit.moment):
            if session and (hit.moment - session[-1].moment >= PAUSE or hit.moment >= _noon_after(session[0].moment)):
                yield session
                session = []
            session.append(hit)
        yield session


def _session_row(session: list[Hit]) -> tuple[Any, ...]:
    first, last, of = session[0], session[-1], Group(session)
    return (
        *(first.moment.date(), first.address, first.agent or None, first.moment, last.moment),
        (last.moment - first.moment) // timedelta(seconds=1),
        *(of.requests, sum(hit.moment.date() > first.moment.date() for hit in session), of.errors(4, 5), of.bytes),
        *(first.path, last.path, first.referer, first.host),
    )


def _noon_after(moment: datetime) -> datetime:
    return datetime.combine(moment.date() + timedelta(days=1), time(12), UTC)


@cache
def client(agent: str | None) -> Client:
    """What `agent` says of itself."""
    if agent is None:
        return Client(None, None, None, None, independent_agents.Client(None))
    found = ua_parser.parse(agent)
    device = found.device.family if found.device else "Other"
    names_device = found.os is not None or device not in ("Other", "Spider")
    who = independent_agents.identify(agent[:1024], names_device)
    return Client(
        found.user_agent.family if found.user_agent else "Other",
        found.os.family if found.os else "Other",
        device,
        None if who.kind is None else who.kind != "browser",
        who,
    )


def verified(hit: Hit) -> bool | None:
    """Whether the address is one of those published for the agent."""
    return independent_agents.verified(client(hit.agent).who, hit.address)


def _logged(text: bytes) -> str | None:
    return None if text == b"-" else text.decode()


@cache
def _moment(text: str) -> datetime | None:
    try:
        if " " in text:
            return datetime.strptime(text, "%d/%b/%Y:%H:%M:%S %z").astimezone(UTC)
        return datetime.strptime(text, "%d/%b/%Y:%H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None
