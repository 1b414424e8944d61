"""The browsers of late 2026, with the frozen platform versions that they send, and the persons who use them."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from beam_jobs.access_log.agents.kinds import AgentKind
from beam_jobs.generate_logs.site.clients import Client
from beam_jobs.generate_logs.site.draws import Draws, Weighted
from beam_jobs.generate_logs.site.networks import ACCESS
from beam_jobs.generate_logs.site.pages import HOSTS, Host

_KHTML = "(KHTML, like Gecko)"
_BLINK = f"AppleWebKit/537.36 {_KHTML}"
_WINDOWS, _MACINTOSH = "Mozilla/5.0 (Windows NT 10.0; Win64; x64", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7"
_LINUX, _ANDROID = "Mozilla/5.0 (X11; Linux x86_64", "Mozilla/5.0 (Linux; Android 10; K"
_IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15"
_SAFARI = f"AppleWebKit/605.1.15 {_KHTML} Version/{{safari}}"
_VERSIONS = {
    "chrome": Weighted((10, "152"), (60, "153"), (20, "154"), (6, "150"), (4, "146")),
    "firefox": Weighted((70, "152"), (20, "151"), (10, "140")),
    "safari": Weighted((60, "26.5"), (25, "26.3"), (10, "26.1"), (5, "18.6")),
}


class _Browser(NamedTuple):
    name: str
    user_agent: str
    version: str


_BROWSERS = Weighted(
    (24, _Browser("Chrome Mobile", f"{_ANDROID}) {_BLINK} Chrome/{{chrome}}.0.0.0 Mobile Safari/537.36", "chrome")),
    (20, _Browser("Mobile Safari", f"{_IPHONE} {_KHTML} Version/{{safari}} Mobile/15E148 Safari/604.1", "safari")),
    (18, _Browser("Chrome", f"{_WINDOWS}) {_BLINK} Chrome/{{chrome}}.0.0.0 Safari/537.36", "chrome")),
    (8, _Browser("Chrome", f"{_MACINTOSH}) {_BLINK} Chrome/{{chrome}}.0.0.0 Safari/537.36", "chrome")),
    (2, _Browser("Chrome", f"{_LINUX}) {_BLINK} Chrome/{{chrome}}.0.0.0 Safari/537.36", "chrome")),
    (6, _Browser("Safari", f"{_MACINTOSH}) {_SAFARI} Safari/605.1.15", "safari")),
    (
        6,
        _Browser(
            "Edge",
            f"{_WINDOWS}) {_BLINK} Chrome/{{chrome}}.0.0.0 Safari/537.36 Edg/{{chrome}}.0.0.0",
            "chrome",
        ),
    ),
    (
        5,
        _Browser("Firefox", _WINDOWS + "; rv:{firefox}.0) Gecko/20100101 Firefox/{firefox}.0", "firefox"),
    ),
    (2, _Browser("Firefox", _LINUX + "; rv:{firefox}.0) Gecko/20100101 Firefox/{firefox}.0", "firefox")),
    (
        1,
        _Browser(
            "Firefox Mobile",
            "Mozilla/5.0 (Android 16; Mobile; rv:{firefox}.0) Gecko/{firefox}.0 Firefox/{firefox}.0",
            "firefox",
        ),
    ),
    (
        4,
        _Browser(
            "Samsung Internet",
            f"{_ANDROID}) {_BLINK} SamsungBrowser/30.0 Chrome/{{chrome}}.0.0.0 Mobile Safari/537.36",
            "chrome",
        ),
    ),
    (
        2,
        _Browser(
            "Chrome Mobile iOS",
            f"{_IPHONE} {_KHTML} CriOS/{{chrome}}.0.7000.41 Mobile/15E148 Safari/604.1",
            "chrome",
        ),
    ),
    (
        1,
        _Browser("Opera", f"{_WINDOWS}) {_BLINK} Chrome/{{chrome}}.0.0.0 Safari/537.36 OPR/127.0.0.0", "chrome"),
    ),
)
_USERS = ("amara.okafor", "jonas.weber", "maria.lopez", "s.tanaka")


@lru_cache(maxsize=1 << 16)
def returning_person(seed: int, number: int) -> tuple[Client, Host]:
    """Return the person of this number, the same on every day, and the host that the person comes back to."""
    draws = Draws(seed, "person", number)
    return draw_person(draws), HOSTS.draw(draws)


def draw_person(draws: Draws) -> Client:
    """Draw a person's browser and address; few have logged in, or are behind a proxy that says for whom it asks."""
    browser = _BROWSERS.draw(draws)
    version = _VERSIONS[browser.version].draw(draws)
    network = ACCESS.draw(draws)
    rare = draws.random()
    return Client(
        address=network.address(draws),
        user_agent=browser.user_agent.replace(f"{{{browser.version}}}", version),
        kind=AgentKind.BROWSER,
        name=browser.name,
        country=network.country,
        protocol="HTTP/1.1" if rare > 0.9 else "HTTP/2.0",
        user=draws.one_of(_USERS) if rare < 0.01 else "-",
        forwarded_for=f"10.{draws.below(256)}.{draws.below(256)}.{draws.between(1, 254)}" if rare > 0.97 else "-",
    )
