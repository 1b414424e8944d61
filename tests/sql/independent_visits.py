"""Page views and visits, found apart from dags/sql: request by request, with its lists of kinds."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from tests.sql.independent_origin import OWN_HOSTS, listed_class, referer_domain

LISTS = Path(__file__).parents[2] / "dags" / "sql" / "resource_kinds"
NO_PAGES = ("never_served", "feed", "api", "asset", "download")
MAIL = {f"e{between}mail" for between in ("", "-", "_", " ")} | {"newsletter"}


class Request(Protocol):
    """What is asked of a request here."""

    address: str
    agent: str | None
    host: str | None
    method: str | None
    path: str | None
    query: str | None
    referer: str | None
    status: int


@dataclass
class Visit:
    """A session as its page views show it; one without any is none.

    Attributes:
        visitor: address and user agent.
        host: the host.
        pages: the paths of its page views, in their order.
        channel: what brought it.
        domain: host of the first one's referer.
        tags: the first one's utm_source, utm_medium and utm_campaign.
    """

    visitor: tuple[str, str]
    host: str | None
    pages: list[str | None]
    channel: str | None = None
    domain: str | None = None
    tags: tuple[str | None, ...] = (None, None, None)

    @classmethod
    def of(cls, session: list[Any]) -> Visit:
        """The visit that a session is."""
        first = session[0]
        views = [hit for hit in session if is_page_view(hit)]
        visit = cls((first.address, first.agent or ""), first.host, [hit.path for hit in views])
        if views:
            visit.tags = tuple(tag(views[0].query, name) for name in ("utm_source", "utm_medium", "utm_campaign"))
            visit.domain = referer_domain(views[0].referer)
            visit.channel = channel(views[0], *visit.tags)
        return visit

    def columns(self) -> tuple[Any, ...]:
        """The last columns of daily_sessions."""
        ends = (self.pages[0], self.pages[-1], len(self.pages) == 1) if self.pages else (None, None, None)
        return (len(self.pages), *ends, self.channel, self.domain, *self.tags)


def channel(view: Request, source: str | None, medium: str | None, campaign: str | None) -> str:
    """What brought a visit that began with this page view."""
    if MAIL & {source, medium}:
        return "mail"
    if medium is not None or campaign is not None:
        return "campaign"
    if source is not None:
        return listed_class(source.removeprefix("www.")) or "campaign"
    if not view.referer:
        return "direct"
    domain = referer_domain(view.referer)
    own = (view.host or "").lower().removeprefix("www.").rpartition(":")
    asked = own[0] if own[1] and own[2].isdigit() else (view.host or "").lower().removeprefix("www.")
    if domain and (domain == asked or domain in OWN_HOSTS):
        return "internal"
    return listed_class(domain) or "other"


def tag(query: str | None, name: str) -> str | None:
    """The first value of a parameter of the query."""
    for parameter in (query or "").split("&"):
        key, equals, value = parameter.partition("=")
        if equals and key.lower() == name:
            return value.replace("+", " ").replace("%20", " ").lower() or None
    return None


def is_page_view(hit: Request) -> bool:
    """Whether it is a page that was answered."""
    is_answered = 200 <= hit.status < 300 or hit.status == 304
    return hit.method == "GET" and is_answered and hit.path is not None and _is_page(hit.path)


@cache
def _is_page(path: str) -> bool:
    return not any(pattern.search(path.lower()) for name in NO_PAGES for pattern in _patterns(name))


@cache
def _patterns(name: str) -> list[re.Pattern[str]]:
    lines = (LISTS / f"{name}.txt").read_text().splitlines()
    return [re.compile(line) for line in lines if line and "#" not in line]


def channels(day: date, visits: list[Visit]) -> list[tuple[Any, ...]]:
    """The rows of daily_channels."""
    groups: dict[tuple[Any, ...], list[Visit]] = defaultdict(list)
    for visit in visits:
        source, _, campaign = visit.tags
        groups[visit.host, visit.channel, visit.domain if source is None else source, campaign].append(visit)
    return [
        (
            *(day, *key, len(of), len({visit.visitor for visit in of})),
            *(sum(len(visit.pages) == 1 for visit in of), sum(len(visit.pages) for visit in of)),
        )
        for key, of in groups.items()
    ]


def page_rows(day: date, views: list[tuple[Any, ...]], visits: list[Visit]) -> list[tuple[Any, ...]]:
    """The rows of daily_pages, of the page views and visitors by page and host."""
    counted = {(host, path): (requests, visitors) for _, path, requests, visitors, host in views}
    entries = Counter((visit.host, visit.pages[0]) for visit in visits)
    exits = Counter((visit.host, visit.pages[-1]) for visit in visits)
    bounces = Counter((visit.host, visit.pages[0]) for visit in visits if len(visit.pages) == 1)
    return [
        (day, *page, *counted.get(page, (0, 0)), entries[page], exits[page], bounces[page])
        for page in {*counted, *entries, *exits}
    ]
