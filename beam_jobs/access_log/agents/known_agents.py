"""What the user agents of agents hold: the names of the lists in `data/`, and what no browser's holds."""

import json
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from beam_jobs.access_log.agents.kinds import AgentKind

DATA: Traversable = resources.files(__package__) / "data"

# The tags of crawler-user-agents; of several the first here counts.
_KIND_OF_TAG = {
    "feed-reader": AgentKind.FEED_READER,
    "browser-automation": AgentKind.AUTOMATION,
    "monitoring": AgentKind.MONITORING,
    "scanner": AgentKind.SCANNER,
    "archiver": AgentKind.ARCHIVER,
    "advertising": AgentKind.ADVERTISING,
    "ai-crawler": AgentKind.AI_TRAINING,
    "search-engine": AgentKind.SEARCH_ENGINE,
    "social-preview": AgentKind.LINK_PREVIEW,
    "seo": AgentKind.SEO,
    "academic": AgentKind.RESEARCH,
    "http-library": AgentKind.LIBRARY,
}
# The categories of ai-crawler-index; "tool" says too little.
_KIND_OF_CATEGORY = {
    "ai-training": AgentKind.AI_TRAINING,
    "dataset": AgentKind.AI_TRAINING,
    "ai-search": AgentKind.AI_SEARCH,
    "user-fetch": AgentKind.AI_ASSISTANT,
    "search": AgentKind.SEARCH_ENGINE,
    "seo": AgentKind.SEO,
    "archive": AgentKind.ARCHIVER,
    "preview": AgentKind.LINK_PREVIEW,
    "tool": AgentKind.OTHER_BOT,
}
_META = re.compile(r"(?<!\\)[][()|?*+^$.]|\\[A-Za-z]")
_BEGINS_A_WORD = re.compile(r"(?:\(\?i:)?[A-Za-z0-9[]")
_ENDS_A_WORD = re.compile(r"[A-Za-z]\)?$")
# Registries sell names below these.
_SECOND_LEVEL = frozenset(("ac", "co", "com", "gov", "net", "or", "org"))


class AgentPattern(NamedTuple):
    """What tells an agent, and which.

    Attributes:
        pattern: What its user agents hold, in the syntax of RE2; the first group is the name.
        kind: Its kind; a browser's where a person uses it in spite of its name.
        name: Its name; None where what the pattern finds is the name.
        operator: Whose it is: a name, or the domain it is documented at; None where no list says.
        id: What the published ranges call it; empty where they do not know it.
        is_listed: Whether a list names it; else it is what no browser says of itself.
    """

    pattern: str
    kind: AgentKind
    name: str | None = None
    operator: str | None = None
    id: str = ""
    is_listed: bool = True


@cache
def agent_patterns() -> tuple[AgentPattern, ...]:
    """Return the patterns of all lists, those first that count where several are found in a user agent."""
    additions = tomllib.loads((DATA / "additions.toml").read_text())
    listed = [
        *_added(additions["agents"]),
        *_indexed(json.loads((DATA / "ai_crawlers.json").read_text())["agents"]),
        *_crawlers(json.loads((DATA / "crawlers.json").read_text())["agents"], additions),
    ]
    # What is made with a library may have a name of its own.
    listed.sort(key=lambda agent: agent.kind is AgentKind.LIBRARY)
    return (*listed, *_signs(additions["signs"]))


def _added(entries: list[dict[str, Any]]) -> Iterator[AgentPattern]:
    for entry in entries:
        pattern = entry.get("pattern") or f"(?i:{re.escape(entry['name'])})"
        yield AgentPattern(
            _as_word(pattern), AgentKind(entry["kind"]), entry.get("name"), entry.get("operator"), entry.get("id", "")
        )


def _indexed(entries: list[dict[str, Any]]) -> Iterator[AgentPattern]:
    # Of GoogleOther and GoogleOther-Image the longer one says more.
    for entry in sorted(entries, key=lambda entry: -len(entry["token"])):
        pattern, kind = f"(?i:{re.escape(entry['token'])})", _KIND_OF_CATEGORY[entry["category"]]
        yield AgentPattern(_as_word(pattern), kind, entry["name"], entry["operator"], entry["id"])


def _crawlers(entries: list[dict[str, Any]], additions: dict[str, Any]) -> Iterator[AgentPattern]:
    for entry in entries:
        tags, pattern = entry["tags"], entry["pattern"]
        kind = next(kind for tag, kind in _KIND_OF_TAG.items() if tag in tags)
        yield AgentPattern(_as_word(pattern), kind, _literal(pattern), _operator(entry.get("url"), additions))


def _signs(entries: list[dict[str, Any]]) -> Iterator[AgentPattern]:
    for entry in entries:
        sign = entry.get("pattern") or f"([a-z0-9.!_-]*(?:{'|'.join(entry['words'])}))(?:[^a-z]|$)"
        yield AgentPattern(f"(?i:{sign})", AgentKind(entry["kind"]), is_listed=False)


def _as_word(pattern: str) -> str:
    """Keep a name from being found within a word; a pattern that begins or ends with anything else says so itself."""
    before = "(?:^|[^A-Za-z0-9])" if _BEGINS_A_WORD.match(pattern) else ""
    after = "(?:[^a-z]|$)" if _ENDS_A_WORD.search(pattern) else ""
    return f"{before}({pattern}){after}"


def _literal(pattern: str) -> str | None:
    """Return the one text that a pattern finds, without what ends it; None if it finds several."""
    return None if _META.search(pattern) else re.sub(r"\\(.)", r"\1", pattern).strip(" /;()")


def _operator(url: str | None, additions: dict[str, Any]) -> str | None:
    domain = registrable_domain(urlsplit(url or "").hostname or "")
    return None if domain in ("", *additions["of_others"]) else additions["operators"].get(domain, domain)


def registrable_domain(host: str) -> str:
    """Return the part of a host name that was registered, as far as its form tells."""
    labels = host.lower().split(".")
    count = 3 if len(labels) > 2 and labels[-2] in _SECOND_LEVEL and len(labels[-1]) == 2 else 2
    return ".".join(labels[-count:])
