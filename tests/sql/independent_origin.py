"""Where a request comes from, found apart from dags/sql: by its lists, entry by entry."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

LISTS = Path(__file__).parents[2] / "dags" / "sql" / "referer_sources"
COUNTRY = "[a-z]{2}"
OWN_HOSTS = {"semicomplete.com"}


@cache
def known_hosts() -> list[tuple[int, str, re.Pattern[str]]]:
    """Length, class and pattern of each listed host, the longest first."""
    hosts = []
    for path in LISTS.glob("*.txt"):
        for line in path.read_text().splitlines():
            if line and not line.startswith("#"):
                kind, host = line.split(" ")
                pattern = re.escape(host.removeprefix(".")).replace(r"\{\}", COUNTRY)
                if host.endswith(".{}"):
                    pattern = pattern.removesuffix(COUNTRY) + rf"((com|org|net|co|it|edu)\.)?{COUNTRY}"
                hosts.append((len(host), kind, re.compile(rf"(.*\.)?{pattern}" if host.startswith(".") else pattern)))
    return sorted(hosts, key=lambda host: -host[0])


@cache
def referer_class(referer: str | None) -> str | None:
    """The class of a referer."""
    if not referer:
        return None
    domain = referer_domain(referer)
    if domain in OWN_HOSTS:
        return "internal"
    return listed_class(domain) or "other"


@cache
def listed_class(domain: str | None) -> str | None:
    """The class of a host, where it is listed."""
    return next((kind for _, kind, pattern in known_hosts() if domain and pattern.fullmatch(domain)), None)


def referer_domain(referer: str | None) -> str | None:
    """The host of a referer, without www."""
    host = referer_host(referer)
    return host and host.removeprefix("www.")


@cache
def referer_host(referer: str | None) -> str | None:
    """The host of a referer."""
    try:
        parts = urlsplit(referer or "")
        host = parts.hostname if parts.scheme else None
    except ValueError:
        return None
    return f"[{host}]" if host and ":" in host else host
