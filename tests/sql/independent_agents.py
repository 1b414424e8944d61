"""Who sends a request, found apart from the parser: by its data files, and code of its own that is slow and plain."""

from __future__ import annotations

import json
import re
import tomllib
from functools import cache
from ipaddress import collapse_addresses, ip_address, ip_network
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

DATA = Path(__file__).parents[2] / "beam_jobs" / "access_log" / "agents" / "data"
TAGS = {
    "feed-reader": "feed_reader",
    "browser-automation": "automation",
    "monitoring": "monitoring",
    "scanner": "scanner",
    "archiver": "archiver",
    "advertising": "advertising",
    "ai-crawler": "ai_training",
    "search-engine": "search_engine",
    "social-preview": "link_preview",
    "seo": "seo",
    "academic": "research",
    "http-library": "library",
}
CATEGORIES = {
    "ai-training": "ai_training",
    "dataset": "ai_training",
    "ai-search": "ai_search",
    "user-fetch": "ai_assistant",
    "search": "search_engine",
    "seo": "seo",
    "archive": "archiver",
    "preview": "link_preview",
    "tool": "other_bot",
}


class Client(NamedTuple):
    """What a user agent says of who sends it."""

    kind: str | None
    name: str | None = None
    operator: str | None = None
    ranges: str = ""


BROWSER = Client("browser")


def verified(client: Client, address: str) -> bool | None:
    """Whether the address is one that is published for the agent."""
    networks = published().get(client.ranges)
    try:
        found = ip_address(address)
    except ValueError:
        return None
    if networks is None or any(found in own for own in OWN):
        return None
    mapped = getattr(found, "ipv4_mapped", None) or found
    asked = ip_network((mapped, 24 if mapped.version == 4 else 48), strict=False)
    if asked.network_address != mapped:
        return any(mapped in network for network in networks)
    # Networks that together are a larger one count as that.
    alike = list(collapse_addresses(network for network in networks if network.version == asked.version))
    if any(asked.subnet_of(network) for network in alike):
        return True
    return None if any(asked.overlaps(network) for network in alike) else False


OWN = [
    ip_network(text)
    for text in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16"),
        *("::1", "fc00::/7", "fe80::/10"),
    )
]


@cache
def published() -> dict[str, list[Any]]:
    """The networks of every agent that has any."""
    entries = json.loads((DATA / "ranges.json").read_text())["ranges"]
    return {name: [ip_network(text) for text in entry["prefixes"]] for entry in entries for name in entry["covers"]}


@cache
def known() -> list[tuple[re.Pattern[str], Client]]:
    """The agents of all lists, by what to look for: our own first, libraries last."""
    ours = tomllib.loads((DATA / "additions.toml").read_text())
    found = [
        (
            entry.get("pattern") or f"(?i:{re.escape(entry['name'])})",
            Client(entry["kind"], entry.get("name"), entry.get("operator"), entry.get("id", "")),
        )
        for entry in ours["agents"]
    ]
    indexed = json.loads((DATA / "ai_crawlers.json").read_text())["agents"]
    for entry in sorted(indexed, key=lambda entry: len(entry["token"]), reverse=True):
        client = Client(CATEGORIES[entry["category"]], entry["name"], entry["operator"], entry["id"])
        found.append((f"(?i:{re.escape(entry['token'])})", client))
    for entry in json.loads((DATA / "crawlers.json").read_text())["agents"]:
        pattern, text = entry["pattern"], re.sub(r"\\([^A-Za-z])", r"\1", entry["pattern"])
        is_text = not re.search(r"(?<!\\)[][()|?*+^$.]|\\[A-Za-z]", pattern)
        kind = next(TAGS[tag] for tag in TAGS if tag in entry["tags"])
        domain = registered(urlsplit(entry.get("url", "")).hostname or "")
        operator = None if domain in ("", *ours["of_others"]) else ours["operators"].get(domain, domain)
        found.append((pattern, Client(kind, text.strip(" /;()") if is_text else None, operator)))
    # Sorting is stable.
    found.sort(key=lambda one: one[1].kind == "library")
    return [(re.compile(as_word(pattern)), client) for pattern, client in found]


def as_word(pattern: str) -> str:
    """A pattern that finds no part of a longer word."""
    begins = pattern[0] == "[" or pattern[0].isalnum()
    return (
        ("(?<![A-Za-z0-9])" if begins else "")
        + f"(?P<found>{pattern})"
        + ("(?![a-z])" if pattern[-1].isalpha() else "")
    )


def registered(host: str) -> str:
    """The domain of a host."""
    *_, second, top = ["", "", *host.lower().split(".")]
    third = host.lower().split(".")[-3:-2]
    if third and len(top) == 2 and second in ("ac", "co", "com", "gov", "net", "or", "org"):
        return ".".join([*third, second, top])
    return ".".join(filter(None, (second, top)))


@cache
def signs() -> list[tuple[re.Pattern[str], str]]:
    """What no list names: what to look for, with the name as the first group, and the kind that it tells."""
    found = []
    for entry in tomllib.loads((DATA / "additions.toml").read_text())["signs"]:
        words = "|".join(entry.get("words", ()))
        found.append((entry.get("pattern", rf"([a-z0-9.!_-]*(?:{words}))(?![a-z])"), entry["kind"]))
    return [(re.compile(pattern, re.IGNORECASE), kind) for pattern, kind in found]


SYSTEMS = (
    *(
        "android",
        "iphone",
        "ipad",
        "ios",
        "windows",
        "win32",
        "win64",
        "win10",
        "win11",
        "macintosh",
        "mac os",
        "macos",
    ),
    *("linux", "x11", "bsd", "amiga", "morphos", "risc os", "haiku", "syllable", "beos", "os/2", "roku", "smart-tv"),
    *("smarttv", "playstation", "xbox", "nintendo", "symbian", "midp", "blackberry", "crkey"),
)
ENGINES = ("gecko/", "applewebkit/", "trident/", "konqueror")
WHOLE_WORDS = ("ios", "win32", "win64", "win10", "win11")
SAYS_LITTLE = ("", "agent", "bot", "crawler", "feed", "fetcher", "http", "robot", "rss", "spider", "validator")


def identify(agent: str, names_device: bool) -> Client:
    """Who sends this user agent; it is cut to its first 1,024 characters already."""
    agent = agent.strip()
    if not agent:
        return Client(None)
    text = re.sub(r"(?i)\b(like|with) [\w-]*(Googlebot|bingbot|Google)\b", "", without_model(agent))
    for pattern, client in known():
        if match := pattern.search(text):
            found = match["found"].strip(" /;()-_")
            return BROWSER if client.kind == "browser" else client._replace(name=cut(client.name or found))
    site = re.search(r"(?i)(?:https?://|\bwww\.|@)([a-z0-9.-]+\.[a-z]{2,})", text)
    operator = registered(site[1]) if site else None
    product = next((name for name in products(text) if name not in ("Mozilla", "compatible")), None)
    for pattern, kind in signs():
        if match := pattern.search(text):
            found = match[1].strip(" /;()-_")
            return Client(kind, cut(product if found.lower() in SAYS_LITTLE else found), operator)
    if names_device or names_system(agent.lower()):
        return BROWSER
    return Client("other_bot", cut(product), operator)


def without_model(agent: str) -> str:
    """A user agent without the models of Android devices, unless a version is in what stands there."""
    before, android, rest = agent.partition("Android")
    if not android:
        return agent
    version = re.match(r"[^;)]*", rest)[0]  # type: ignore[index]
    behind = rest.removeprefix(version)
    if not behind.startswith("; "):
        return before + android + version + without_model(behind)
    model, build, tail = behind.partition("Build/")
    if build and "/" not in model:
        return before + android + version + without_model(re.sub(r"^[^();]*", "", tail))
    model, closed, tail = behind.partition(")")
    if closed and not re.search(r"[(/;]", model[2:]):
        return before + android + version + without_model(closed + tail)
    return before + android + version + behind[:1] + without_model(behind[1:])


def products(text: str) -> list[str]:
    """The words that stand where a product stands, each with the capitalised words behind it."""
    return re.findall(r"(?:^|compatible; ?|[(;] ?\+?)([A-Za-z][\w.!-]*(?: [A-Z][\w.!-]*)*)", text)


def names_system(agent: str) -> bool:
    if agent.startswith("mozilla") and any(engine in agent for engine in ENGINES):
        return True
    return any(
        re.search(rf"\b{re.escape(name)}\b" if name in WHOLE_WORDS else re.escape(name), agent) for name in SYSTEMS
    )


def cut(name: str | None) -> str | None:
    return (name or "")[:64] or None
