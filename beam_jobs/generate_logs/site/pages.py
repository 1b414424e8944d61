"""The hosts of the site, their pages and what these load."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import NamedTuple
from zlib import crc32

from beam_jobs.generate_logs.site.draws import Weighted

PAGE, ASSET, API, NEWS, PROBE, OTHER = "page", "asset", "api", "feed", "probe", "other"


class Resource(NamedTuple):
    """What a server answers with.

    Attributes:
        target: As requested, without a query.
        size: Bytes of its body.
        milliseconds: The usual duration.
        kind: One of the constants above.
    """

    target: str
    size: int
    milliseconds: int
    kind: str


@dataclass(frozen=True, slots=True)
class Page:
    """A page and the pictures that it alone has."""

    resource: Resource
    pictures: tuple[Resource, ...] = ()


@dataclass(frozen=True, slots=True)
class Host:
    """A virtual host.

    Attributes:
        name: As requested.
        pages: By how often they are looked at.
        frame: What every page loads.
        old_pages: Paths that were taken away, though pages of the host still link to them.
    """

    name: str
    pages: Weighted[Page]
    frame: tuple[Resource, ...]
    old_pages: tuple[str, ...]


ROBOTS = Resource("/robots.txt", 143, 1, OTHER)
HEALTH = Resource("/healthz", 2, 1, OTHER)
SEARCH = Resource("/search", 11_420, 120, PAGE)
LOGIN = Resource("/account/login", 6_310, 45, PAGE)
ORDERS = Resource("/api/v1/orders", 912, 85, API)
FEED = Resource("/feed.xml", 41_377, 12, NEWS)
CART = Resource("/api/v1/cart", 318, 60, API)


def _spread(text: str, least: int, most: int) -> int:
    """A figure that belongs to a name: the same one always, unlike those of its neighbours."""
    return least + crc32(text.encode()) % (most - least + 1)


def _asset(target: str, least: int, most: int) -> Resource:
    return Resource(target, _spread(target, least, most), 1, ASSET)


def _page(path: str, pictures: int) -> Page:
    name = path.strip("/").replace("/", "-") or "home"
    return Page(
        Resource(path, _spread(path, 6_000, 48_000), _spread(path + "ms", 25, 140), PAGE),
        tuple(_asset(f"/images/{name}-{number}.webp", 9_000, 160_000) for number in range(1, pictures + 1)),
    )


def _host(name: str, paths: list[str], *, pictures: int, old_pages: tuple[str, ...]) -> Host:
    release = f"{crc32(name.encode()):08x}"
    # The n-th page is looked at 1/n times as often as the first one.
    pages = ((10_000 // rank, _page(path, pictures)) for rank, path in enumerate(paths, 1))
    return Host(
        name=name,
        pages=Weighted(*pages),
        frame=(
            _asset(f"/assets/site.{release}.css", 14_000, 31_000),
            _asset(f"/assets/app.{release}.js", 52_000, 190_000),
            _asset("/assets/inter-latin.woff2", 24_000, 48_000),
            _asset("/favicon.ico", 1_150, 15_086),
        ),
        old_pages=old_pages,
    )


_GOODS = ("backpack", "bottle", "headlamp", "jacket", "lantern", "map-case", "stove", "tent")
_MODELS = ("alpine", "city", "coast", "fjord", "meadow", "ridge", "summit")
_TOPICS = ("install", "quickstart", "configure", "import", "export", "search", "users", "backup", "upgrade", "api")
_POSTS = ("autumn-routes", "care-for-down", "huts-open-again", "one-year-of-repairs", "packing-light", "winter-is-near")

HOSTS = Weighted(
    (
        42,
        _host(
            "www.example.com",
            ["/", "/about", "/repairs", "/stores", "/contact", "/careers", "/press", "/imprint", "/privacy"],
            pictures=2,
            old_pages=("/pricing-2024", "/team.html"),
        ),
    ),
    (
        30,
        _host(
            "shop.example.com",
            ["/", *(f"/{goods}" for goods in _GOODS), *(f"/{g}/{m}" for m, g in product(_MODELS, _GOODS))],
            pictures=4,
            old_pages=("/sale/summer", "/gift-cards"),
        ),
    ),
    (
        16,
        _host(
            "docs.example.com",
            ["/", *(f"/{v}/{topic}" for v, topic in product(("latest", "v3", "v2"), _TOPICS))],
            pictures=0,
            old_pages=("/v1/install", "/guide.pdf"),
        ),
    ),
    (
        12,
        _host(
            "blog.example.com",
            ["/", *(f"/20{year}/{month:02}/{post}" for year, month, post in product((26, 25), (10, 6, 2), _POSTS))],
            pictures=3,
            old_pages=("/2019/03/hello-world", "/tag/news"),
        ),
    ),
)
"""The site of a maker of outdoor goods, at names that RFC 2606 reserves."""

WWW, SHOP, DOCS, BLOG = HOSTS.values
