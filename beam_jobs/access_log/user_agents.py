"""What kind of client a user agent string names: browser, operating system, device, and whether it is a bot."""

import re
import threading
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from ua_parser import Domain
from ua_parser.loaders import load_lazy_builtins
from ua_parser.regex import Resolver

from beam_jobs.access_log.arrays import nullable_bool_array
from beam_jobs.access_log.distinct import MAX_TEXTS, NULL, UNKNOWN, DistinctTexts
from beam_jobs.access_log.schema import Column
from beam_jobs.access_log.texts import NO_OVERFLOW, text_columns
from beam_jobs.access_log.words import PADDING

_OTHER = "Other"
_CLASSIFIED_CHARACTERS = 1024
_CACHED = 1 << 16
_CLASSES = 1 << 10
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


def classify_column(
    texts: npt.NDArray[np.int32], column: int, block: npt.NDArray[np.uint8], overflow: npt.NDArray[np.uint8]
) -> tuple[Column, Column, Column, Column]:
    """Classifies the user agents of a block's lines, each distinct one once.

    Args:
        texts: See `text_columns`.
        column: That of the user agents.
        block: See `text_columns`.
        overflow: See there.

    Returns:
        The columns browser, os, device (string) and is_bot (bool); null where there is no user agent.
    """
    known: _Known | None = getattr(_of_thread, "known", None)
    if known is None or known.is_half_full:
        known = _of_thread.known = _Known()
    numbers, count = known.texts.numbers(texts, column, block, overflow)
    known.learn(count)
    class_of_line = known.class_of_text.take(numbers, mode="wrap")
    for line in np.flatnonzero(numbers == UNKNOWN).tolist():
        begin, length = texts[line, 2 * column : 2 * column + 2].tolist()
        source, start = (block, begin) if begin < block.size else (overflow, begin - block.size)
        class_of_line[line] = known.number(classify(source[start : start + length].tobytes().decode()))
    named = np.frombuffer(bytes(known.names) + bytes(PADDING), np.uint8)
    places = known.places.take(class_of_line, axis=0, mode="clip")
    browser, os, device = text_columns(places, named, NO_OVERFLOW)
    return browser, os, device, nullable_bool_array(known.is_bot.take(class_of_line, mode="clip"), numbers != NULL)


class _Known:
    """The user agents that a thread has met, and their classes; class 0 is that of a line without one."""

    def __init__(self) -> None:
        self.texts = DistinctTexts()
        self.class_of_text = np.zeros(MAX_TEXTS + 2, np.int32)
        self.names = bytearray()
        self.places = np.full((_CLASSES, 6), -1, np.int32)
        self.is_bot = np.zeros(_CLASSES, np.bool_)
        self._learnt = 0
        self._numbers: dict[UserAgentClass, int] = {}

    @property
    def is_half_full(self) -> bool:
        """Whether it should be begun anew before long."""
        return self.texts.is_half_full or len(self._numbers) > MAX_TEXTS // 2

    def learn(self, count: int) -> None:
        """Classifies the texts up to the number `count`."""
        new = [self.number(classify(text.decode())) for text in self.texts.texts(self._learnt, count)]
        self.class_of_text[self._learnt : count] = new
        self._learnt = count

    def number(self, found: UserAgentClass) -> int:
        """The number of a class."""
        number = self._numbers.get(found)
        if number is None:
            number = self._numbers[found] = len(self._numbers) + 1
            if number == len(self.places):
                self.places = np.concatenate((self.places, self.places))
                self.is_bot = np.concatenate((self.is_bot, self.is_bot))
            for part, name in enumerate((found.browser.encode(), found.os.encode(), found.device.encode())):
                self.places[number, 2 * part : 2 * part + 2] = len(self.names), len(name)
                self.names += name
            self.is_bot[number] = found.is_bot
        return number


_of_thread = threading.local()


@cache
def _resolver() -> Resolver:
    return Resolver(load_lazy_builtins())
