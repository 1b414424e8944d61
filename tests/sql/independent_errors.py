"""The rows of `daily_errors`, apart from dags/sql: plain Python, one request after the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from tests.sql.independent_detections import Seen
from tests.sql.independent_origin import OWN_HOSTS


def is_own_page(one: Seen) -> bool:
    """Whether the referer is a page of the site."""
    try:
        parts = urlsplit(one.referer or "")
        page = parts.hostname if parts.scheme else None
    except ValueError:
        return False
    if not page:
        return False
    host = (one.host or "").lower().rpartition(":")
    name = host[0] if host[0] and host[2].isdigit() else "".join(host)
    return page.removeprefix("www.") in OWN_HOSTS | {name.removeprefix("www.")}


def errors(requests: Iterable[Seen], of_host: int = 1000, of_day: int = 10_000) -> dict[date, list[tuple[Any, ...]]]:
    """The rows by day, in the order of the table's columns."""
    groups: dict[tuple[Any, ...], list[Seen]] = defaultdict(list)
    for one in requests:
        if one.status is not None and one.status >= 400:
            path, referer = (text and text[:500] for text in (one.path, one.referer))
            groups[one.timestamp.date(), one.host, one.status, path, referer, is_own_page(one)].append(one)
    kept: set[tuple[Any, ...]] = set()
    for day in {key[0] for key in groups}:
        for of_client in (True, False):
            left: dict[str | None, int] = defaultdict(lambda: of_host)
            candidates = [key for key in groups if key[0] == day and (key[2] < 500) is of_client]
            first = []
            for key in sorted(candidates, key=lambda key: _order(key, len(groups[key]))):
                left[key[1]] -= 1
                if left[key[1]] >= 0:
                    first.append(key)
            kept.update(first[:of_day])
    rows: dict[date, list[tuple[Any, ...]]] = defaultdict(list)
    rest: dict[tuple[date, int], list[Seen]] = defaultdict(list)
    for key, found in groups.items():
        if key in kept:
            rows[key[0]].append((*key, False, *_figures(found)))
        else:
            rest[key[0], key[2]] += found
    for (day, status), found in rest.items():
        rows[day].append((day, None, status, None, None, False, True, *_figures(found)))
    return rows


def _order(key: tuple[Any, ...], requests: int) -> tuple[Any, ...]:
    _, host, status, path, referer, is_own = key
    texts = [(text is not None, text or "") for text in (path, referer, host)]
    return (not is_own, -requests, status, *texts)


def _figures(found: list[Seen]) -> tuple[Any, ...]:
    moments = [one.timestamp for one in found]
    return (len(found), len({one.remote_addr for one in found} - {None}), min(moments), max(moments))
