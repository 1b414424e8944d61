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
    try:
        parts = urlsplit(referer)
        host = parts.hostname if parts.scheme else None
    except ValueError:
        host = None
    if not host:
        return "other"
    host = host.removeprefix("www.")
    if host in OWN_HOSTS:
        return "internal"
    return next((kind for _, kind, pattern in known_hosts() if pattern.fullmatch(host)), "other")
