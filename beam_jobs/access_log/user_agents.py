"""What kind of client a user agent string names: browser, operating system, device, and whether it is a bot."""

import re
from functools import cache, lru_cache
from typing import Any, NamedTuple, cast

import numpy as np
from ua_parser import Domain
from ua_parser.loaders import load_lazy_builtins
from ua_parser.regex import Resolver

from beam_jobs.access_log.arrays import nullable_bool_array
from beam_jobs.access_log.schema import Column
from beam_jobs.access_log.texts import NO_OVERFLOW, text_columns
from beam_jobs.access_log.words import PADDING

_OTHER = "Other"
_CLASSIFIED_CHARACTERS = 1024
_CACHED = 1 << 16
# Beside the device family "Spider" of ua-parser: crawlers it does not know, monitors, and HTTP libraries that no person
# browses with. Cubot makes telephones.
_BOT = re.compile(
    r"(?<!cu)bot(?![a-z])|crawl|spider|slurp|scrap|archive[r.]|monitor|uptime|pingdom|headless|phantomjs|scanner|masscan|"
    r"zgrab|nmap|nikto|sqlmap|nuclei|^curl/|^wget|^python|^java/|^ruby|^php/|^perl|libwww|lwp|^go-http-client|okhttp|"
    r"^axios|^node|httpclient|urllib|aiohttp|^feed|feedfetcher|feedparser",
    re.IGNORECASE,
)


class UserAgentClass(NamedTuple):
    """The class of a client, in the family names of ua-parser; `Other` where it knows none."""

    browser: str
    os: str
    device: str
    is_bot: bool


@lru_cache(maxsize=_CACHED)
def classify(user_agent: str) -> UserAgentClass:
    """Classifies one user agent string by its first 1,024 characters; the last 65,536 distinct ones are cached."""
    found = _resolver()(user_agent[:_CLASSIFIED_CHARACTERS], Domain.ALL)
    device = found.device.family if found.device else _OTHER
    return UserAgentClass(
        browser=found.user_agent.family if found.user_agent else _OTHER,
        os=found.os.family if found.os else _OTHER,
        device=device,
        is_bot=device == "Spider" or _BOT.search(user_agent, 0, _CLASSIFIED_CHARACTERS) is not None,
    )


def classify_column(user_agents: Column) -> tuple[Column, Column, Column, Column]:
    """Classifies a string column, each distinct value once.

    Returns:
        The columns browser, os, device (string) and is_bot (bool), of the same length; null where `user_agents` is.
    """
    encoded = user_agents.dictionary_encode("encode")
    numbers: dict[UserAgentClass | None, int] = {}
    number_of_value = [
        numbers.setdefault(None if user_agent is None else classify(user_agent), len(numbers))
        for user_agent in encoded.dictionary.to_pylist()
    ]
    names = bytearray()
    places = np.full((len(numbers), 6), -1, np.int32)
    is_bot = np.zeros((len(numbers), 2), np.bool_)
    for found, number in numbers.items():
        if found is not None:
            for part, name in enumerate((found.browser.encode(), found.os.encode(), found.device.encode())):
                places[number, 2 * part : 2 * part + 2] = len(names), len(name)
                names += name
            is_bot[number] = found.is_bot, True
    indices = np.frombuffer(cast(Any, encoded.indices.buffers()[1]), np.int32, len(encoded))
    of_line = np.array(number_of_value, np.intp)[indices]
    named = np.frombuffer(bytes(names) + bytes(PADDING), np.uint8)
    browser, os, device = text_columns(places[of_line], named, NO_OVERFLOW)
    return browser, os, device, nullable_bool_array(is_bot[of_line, 0], is_bot[of_line, 1])


@cache
def _resolver() -> Resolver:
    return Resolver(load_lazy_builtins())
