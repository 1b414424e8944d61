"""What the detections find, apart from dags/sql: their data files, matched by Python one request after the other."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from functools import cache, lru_cache
from pathlib import Path
from string import punctuation
from typing import Any, NamedTuple

import yaml

FILES = Path(__file__).parents[2] / "dags" / "sql" / "detections"
CHARACTERS = {f"{ord(character):02x}": character for character in punctuation + " \n"} | dict.fromkeys(
    ("00", "09", "0d"), " "
)


class Seen(NamedTuple):
    """A request, as a row of `requests`."""

    timestamp: datetime
    host: str | None
    remote_addr: str | None
    method: str | None
    path: str | None
    query: str | None
    status: int | None
    referer: str | None
    user_agent: str | None
    agent_verified: bool | None


@cache
def entries() -> dict[str, dict[str, Any]]:
    """The detections by their ids."""
    found = [entry for path in FILES.glob("*.yaml") for entry in yaml.safe_load(path.read_text(encoding="utf-8"))]
    assert len({entry["id"] for entry in found}) == len(found)
    return {entry["id"]: entry for entry in found}


@lru_cache(100_000)
def decoded(text: str) -> str:
    """A text without percent-encoding."""
    text = text.lower().replace("%u00", "%").replace("%25", "%")
    return re.sub("%([0-7][0-9a-f])", lambda code: CHARACTERS.get(code[1], code[0]), text)


@lru_cache(100_000)
def matching(
    path: str | None, query: str | None, referer: str | None, agent: str | None, method: str | None, status: int | None
) -> list[str]:
    """The detections that find something in a request, whatever else its address does."""
    raw = (path or "") if query is None else f"{path or ''}?{query}"
    plain_query = None if query is None else decoded(query.replace("+", " "))
    plain = decoded(path or "")
    texts = {
        "path": plain,
        "query": plain_query,
        "target": plain if plain_query is None else f"{plain}?{plain_query}",
        "raw_target": raw.lower(),
        "user_agent": (agent or "").lower(),
        "referer": decoded(referer or ""),
    }

    def is_found(entry: dict[str, Any]) -> bool:
        if "methods" in entry and method not in entry["methods"]:
            return False
        if "statuses" in entry and not any(
            re.fullmatch(known.replace("x", "[0-9]"), str(status)) for known in entry["statuses"]
        ):
            return False
        fields = [
            (field, pattern)
            for name, patterns in entry.get("patterns", {}).items()
            for field in (("target", "user_agent", "referer") if name == "any" else (name,))
            for pattern in patterns
        ]
        return not fields or any(
            texts[field] is not None and re.search(pattern, texts[field]) for field, pattern in fields
        )

    return [name for name, entry in entries().items() if is_found(entry)]


def detections(requests: Iterable[Seen]) -> dict[date, list[tuple[Any, ...]]]:
    """The rows of `daily_detections` by day, in the order of its columns."""
    of_row: dict[tuple[date, str | None, str], list[Seen]] = defaultdict(list)
    for request in requests:
        names = matching(
            *(request.path, request.query, request.referer, request.user_agent, request.method, request.status)
        )
        for name in names:
            of_row[request.timestamp.date(), request.host, name].append(request)
    rows: dict[date, list[tuple[Any, ...]]] = defaultdict(list)
    for (day, host, name), found in of_row.items():
        entry = entries()[name]
        if "threshold" in entry:
            found = list(_above(found, **entry["threshold"]))
        if found:
            first = min(found, key=lambda one: (not (one.status or 999) < 400, one.timestamp, _shown(one)))
            rows[day].append(
                (
                    *(day, host, name, entry["severity"], ", ".join(entry["tags"]), len(found)),
                    len({one.remote_addr for one in found}),
                    sum(one.status is not None and one.status < 400 for one in found),
                    *(min(one.timestamp for one in found), max(one.timestamp for one in found)),
                    _shown(first)[:500],
                )
            )
    return rows


def _above(found: list[Seen], requests: int, per: str, paths: int = 1) -> Iterator[Seen]:
    of_address: dict[tuple[Any, ...], list[Seen]] = defaultdict(list)
    for one in found:
        if not one.agent_verified:
            of_address[one.remote_addr, one.timestamp.hour if per == "hour" else None].append(one)
    for window in of_address.values():
        if len(window) >= requests and len({one.path for one in window}) >= paths:
            yield from window


def _shown(one: Seen) -> str:
    query = "" if one.query is None else f"?{one.query}"
    method, path, agent = ("-" if text is None else text for text in (one.method, one.path, one.user_agent))
    return f"{method} {path}{query} {agent}"
