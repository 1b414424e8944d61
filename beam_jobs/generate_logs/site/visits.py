"""A visit of a person: where it comes from, which pages it sees, and what these load."""

from __future__ import annotations

from typing import Any, NamedTuple

from beam_jobs.generate_logs.site.clients import Client
from beam_jobs.generate_logs.site.draws import Draws, Weighted
from beam_jobs.generate_logs.site.hits import Hit, answered, duration, not_found
from beam_jobs.generate_logs.site.pages import CART, LOGIN, ORDERS, SEARCH, SHOP, Host, Page, Resource

DIRECT, SEARCHED, SOCIAL, AI, MAIL, CAMPAIGN, REFERRAL = (
    "direct",
    "search",
    "social",
    "ai",
    "mail",
    "campaign",
    "referral",
)
LONGEST_PAUSE = 600
"""Seconds between two pages of a visit at most; the requests of a page follow within 3 seconds."""

_BOUNCES = {DIRECT: 0.36, SEARCHED: 0.42, SOCIAL: 0.66, AI: 0.3, MAIL: 0.34, CAMPAIGN: 0.55, REFERRAL: 0.46}
_PAUSES = (4, 7, 11, 16, 22, 30, 41, 55, 75, 110, 170, 290, LONGEST_PAUSE)
_CARRIES_ON, _SEARCHES, _IS_LOST, _CLICKS_TWICE, _GIVES_UP, _LOGS_IN, _BUYS = 0.68, 0.06, 0.02, 0.008, 0.004, 0.02, 0.08
_WORDS = ("tent", "winter+jacket", "repair", "warranty", "headlamp+battery", "size+chart")


class _Entry(NamedTuple):
    channel: str
    referer: str
    query: str = ""


_ENTRIES = Weighted(
    (300, _Entry(DIRECT, "-")),
    (270, _Entry(SEARCHED, "https://www.google.com/")),
    (36, _Entry(SEARCHED, "https://www.bing.com/")),
    (30, _Entry(SEARCHED, "https://duckduckgo.com/")),
    (14, _Entry(SEARCHED, "https://www.ecosia.org/")),
    (30, _Entry(SOCIAL, "https://www.facebook.com/")),
    (24, _Entry(SOCIAL, "https://www.instagram.com/")),
    (22, _Entry(SOCIAL, "https://www.reddit.com/")),
    (14, _Entry(SOCIAL, "https://www.linkedin.com/")),
    (10, _Entry(SOCIAL, "https://t.co/")),
    (34, _Entry(AI, "https://chatgpt.com/", "utm_source=chatgpt.com")),
    (12, _Entry(AI, "https://www.perplexity.ai/")),
    (9, _Entry(AI, "https://gemini.google.com/")),
    (6, _Entry(AI, "https://claude.ai/")),
    (20, _Entry(MAIL, "-", "utm_source=newsletter&utm_medium=email&utm_campaign=autumn-2026")),
    (12, _Entry(MAIL, "https://mail.google.com/")),
    (26, _Entry(CAMPAIGN, "https://www.google.com/", "utm_source=google&utm_medium=cpc&utm_campaign=tents-2026")),
    (
        22,
        _Entry(CAMPAIGN, "https://www.instagram.com/", "utm_source=instagram&utm_medium=paid&utm_campaign=winter-sale"),
    ),
    (16, _Entry(REFERRAL, "https://www.example.org/links")),
    (9, _Entry(REFERRAL, "https://forum.example.net/t/which-tent/4711")),
)


class Visit:
    """A visit that is under way."""

    def __init__(self, draws: Draws, number: int, client: Client, host: Host, second: int, *, is_known: bool) -> None:
        self._draws, self._number, self._client, self._host = draws, number, client, host
        self._second = second
        self._here = f"https://{host.name}/"
        self._loaded: set[str] = {resource.target for resource in host.frame} if is_known else set()
        self._hits: list[Hit] = []

    def hits(self) -> list[Hit]:
        """Return its requests in the order of their times."""
        draws = self._draws
        entry = _ENTRIES.draw(draws)
        page = self._host.pages.draw(draws)
        target = f"{page.resource.target}?{entry.query}" if entry.query else page.resource.target
        self._look_at(page, target=target, referer=entry.referer, channel=entry.channel)
        stays = draws.random() >= _BOUNCES[entry.channel]
        while stays:
            self._second += draws.one_of(_PAUSES)
            self._go_on()
            stays = draws.random() < _CARRIES_ON
        return self._hits

    def _go_on(self) -> None:
        draws, does = self._draws, self._draws.random()
        if does < _IS_LOST:
            self._hits.append(
                not_found(
                    draws,
                    self._second,
                    self._client,
                    self._host.name,
                    draws.one_of(self._host.old_pages),
                    referer=self._here,
                    visit=self._number,
                )
            )
        elif does < _IS_LOST + _SEARCHES:
            self._look_at(Page(SEARCH), target=f"{SEARCH.target}?q={draws.one_of(_WORDS)}", referer=self._here)
        elif does < _IS_LOST + _SEARCHES + _LOGS_IN:
            self._look_at(Page(LOGIN), referer=self._here)
            self._second += draws.between(5, 40)
            self._ask(LOGIN, method="POST", status=302, size=0, referer=self._here)
        else:
            self._look_at(self._host.pages.draw(draws), referer=self._here)
            if self._host is SHOP and draws.random() < _BUYS:
                self._ask(CART, method="POST", status=201, referer=self._here)
                self._ask(ORDERS, method="POST", status=201, referer=self._here)

    def _look_at(self, page: Page, **changes: Any) -> None:
        draws, resource = self._draws, page.resource
        if draws.random() < _GIVES_UP:  # nginx logs 499 where the client has closed the connection
            self._ask(resource, status=499, size=0, **changes)
            return
        self._ask(resource, **changes)
        if draws.random() < _CLICKS_TWICE:
            self._hits.append(self._hits[-1]._replace(channel=None))
        self._here = f"https://{self._host.name}{resource.target}"
        for asset in (*self._host.frame, *page.pictures):
            if asset.target not in self._loaded:
                self._loaded.add(asset.target)
                self._load(asset)

    def _load(self, asset: Resource) -> None:
        draws = self._draws
        is_unchanged = draws.random() < 0.06
        self._hits.append(
            Hit(
                self._second + draws.below(3),
                self._client,
                self._host.name,
                "GET",
                asset.target,
                304 if is_unchanged else 200,
                0 if is_unchanged else asset.size,
                self._here,
                duration(draws, asset.milliseconds),
                asset.kind,
                self._number,
            )
        )

    def _ask(self, resource: Resource, **changes: Any) -> None:
        self._hits.append(
            answered(
                self._draws,
                self._second,
                self._client,
                self._host.name,
                resource,
                visit=self._number,
                **changes,
            )
        )
