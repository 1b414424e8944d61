r"""Which agent a user agent names: one of the lists, or one that nobody has listed.

A browser's string may hold the name of a bot: a telephone is called `CUBOT NOTE 20`, a plug-in `MyGooglebotFan`. So a
name counts as a word of its own only, and neither as the model of an Android device nor behind "like". What no list
names is an agent if it says so in words that agents use (`bot`, `crawler`), if it gives an address to complain to, or
if it names neither a system nor a device: no person browses with `Foo/1.0`.
"""

import re
from functools import cache
from typing import NamedTuple

import ua_parser_rs

from beam_jobs.access_log.agents.kinds import AgentKind
from beam_jobs.access_log.agents.known_agents import agent_patterns, registrable_domain


class Agent(NamedTuple):
    """An agent; of a browser only the kind is known.

    Attributes:
        kind: Its kind.
        name: Its name.
        operator: Whose it is: a name, or a domain.
        id: What the published ranges call it; empty where they do not know it.
    """

    kind: AgentKind
    name: str | None = None
    operator: str | None = None
    id: str = ""


BROWSER = Agent(AgentKind.BROWSER)
"""Every browser, and every app that a person uses."""

_NAME_CHARACTERS = 64
_SAYS_LITTLE = frozenset(
    ("", "agent", "bot", "crawler", "feed", "fetcher", "http", "robot", "rss", "spider", "validator")
)
# From the version of Android to the build or the end of the comment; with a version of its own it is no model.
_MODEL = re.compile(r"(Android[^;)]*); (?:[^/]*?Build/[^();]*|[^()/;]*(?=\)))")
_ALIKE = re.compile(r"\b(?:like|with) [\w-]*(?:Googlebot|bingbot|Google)\b", re.IGNORECASE)
_SYSTEM = re.compile(
    r"android|iphone|ipad|\bios\b|windows|win(?:32|64|10|11)\b|macintosh|mac ?os|linux|x11|bsd|amiga|morphos|risc os|"
    r"haiku|syllable|beos|os/2|roku|smart-?tv|playstation|xbox|nintendo|symbian|midp|blackberry|crkey|"
    r"^mozilla.*(?:gecko/|applewebkit/|trident/|konqueror)",
    re.IGNORECASE,
)
_PRODUCT = re.compile(r"(?:^|compatible; ?|[(;] ?\+?)([A-Za-z][\w.!-]*(?: [A-Z][\w.!-]*)*)")
_URL_HOST = re.compile(r"(?:https?://|\bwww\.|@)([a-z0-9.-]+\.[a-z]{2,})", re.IGNORECASE)


def identify(user_agent: str, *, is_device: bool) -> Agent | None:
    """Tell which agent a user agent names.

    Args:
        user_agent: The string.
        is_device: Whether ua-parser knows the device or the system that it names.

    Returns:
        The agent, `BROWSER`, or None for a blank string.
    """
    text = user_agent.strip()
    if not text:
        return None
    searched = _ALIKE.sub("", _MODEL.sub(r"\1", text))
    match = _extractor().extract(searched)
    if match is None:
        is_person = is_device or _SYSTEM.search(text)
        return BROWSER if is_person else Agent(AgentKind.OTHER_BOT, _product(text), _domain(text))
    pattern, found = agent_patterns()[int(match.major or 0)], match.family.strip(" /;()-_")
    if pattern.kind is AgentKind.BROWSER:
        return BROWSER
    if pattern.is_listed:
        return Agent(pattern.kind, _cut(pattern.name or found), pattern.operator, pattern.id)
    name = _product(searched) if found.lower() in _SAYS_LITTLE else _cut(found)
    return Agent(pattern.kind, name, _domain(searched))


def _product(text: str) -> str | None:
    return _cut(next((name for name in _PRODUCT.findall(text) if name not in ("Mozilla", "compatible")), ""))


def _cut(name: str) -> str | None:
    return name[:_NAME_CHARACTERS] or None


def _domain(text: str) -> str | None:
    found = _URL_HOST.search(text)
    return registrable_domain(found[1]) if found else None


@cache
def _extractor() -> ua_parser_rs.UserAgentExtractor:
    return ua_parser_rs.UserAgentExtractor(
        (pattern.pattern, "$1", str(number), None, None, None) for number, pattern in enumerate(agent_patterns())
    )
