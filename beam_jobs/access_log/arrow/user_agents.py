"""What kind of client a user agent string names: browser, operating system, device, and whether it is a bot."""

import re
import threading
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from ua_parser import Domain
from ua_parser.loaders import load_lazy_builtins
from ua_parser.regex import Resolver

from beam_jobs.access_log.arrow.arrays import bits, bytes_array, encoded_array, nullable_array
from beam_jobs.access_log.arrow.interned_strings import MAX_TEXTS, NULL, UNKNOWN, InternedStrings
from beam_jobs.access_log.arrow.schema import Column
from beam_jobs.access_log.arrow.strings import text_columns
from beam_jobs.access_log.compiled.jit import compiled

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
    """Classify one user agent string by its first 1,024 characters; the last 65,536 distinct ones are cached."""
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
) -> tuple[Column, Column, Column, Column, Column]:
    """Classify the user agents of a block's lines, each distinct one once.

    Returns:
        The columns user agent, browser, os, device (`schema.ENCODED`) and is_bot (bool); null where there is no user
        agent.
    """
    known: _Known | None = getattr(_of_thread, "known", None)
    if known is None or known.is_half_full:
        known = _of_thread.known = _Known()
    numbers, count = known.texts.numbers(texts, column, block, overflow)
    known.learn(count)
    class_of_line = known.class_of_text.take(numbers, mode="wrap")
    unknown = np.flatnonzero(numbers == UNKNOWN).tolist()
    for line in unknown:
        begin, length = texts[line, 2 * column : 2 * column + 2].tolist()
        source, start = (block, begin) if begin < block.size else (overflow, begin - block.size)
        class_of_line[line] = known.number(classify(source[start : start + length].tobytes().decode()))
    if unknown:
        (plain,) = cast(Any, text_columns(texts, block, overflow, [column]))
        user_agent = plain.dictionary_encode()
    else:
        used, indices = _renumbered(numbers, count)
        user_agent = encoded_array(indices, known.texts.column(used))
    browser, os, device = known.names(class_of_line)
    is_bot = known.is_bot.take(class_of_line, mode="clip")
    return user_agent, browser, os, device, nullable_array(pa.bool_(), bits(is_bot), numbers != NULL)


def _renumbered(numbers: npt.NDArray[np.int32], count: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Return the numbers below `count` in order of appearance, and for each number its index in these.

    The index of numbers below 0 is -1.
    """
    used = np.empty(count, np.int64)
    indices = np.empty(len(numbers), np.int32)
    found = _renumber(numbers, np.full(count, -1, np.int32), used, indices)
    return used[:found], indices


@compiled
def _renumber(
    numbers: npt.NDArray[np.int32],
    index: npt.NDArray[np.int32],
    used: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int32],
) -> int:
    found = 0
    for line in range(numbers.size):
        number = numbers[line]
        if number < 0:
            indices[line] = -1
            continue
        if index[number] < 0:
            index[number] = found
            used[found] = number
            found += 1
        indices[line] = index[number]
    return found


class _Known:
    """The user agents that a thread has met, and their classes; class 0 is that of a line without one."""

    def __init__(self) -> None:
        self.texts = InternedStrings()
        self.class_of_text = np.zeros(MAX_TEXTS + 2, np.int32)
        self._found = [UserAgentClass("", "", "", False)]
        self.is_bot = np.zeros(_CLASSES, np.bool_)
        self._learnt = 0
        self._numbers: dict[UserAgentClass, int] = {}

    @property
    def is_half_full(self) -> bool:
        """Whether it should soon be replaced by an empty one."""
        return self.texts.is_half_full or len(self._numbers) > MAX_TEXTS // 2

    def learn(self, count: int) -> None:
        """Classify the texts up to the number `count`."""
        new = [self.number(classify(text.decode())) for text in self.texts.texts(self._learnt, count)]
        self.class_of_text[self._learnt : count] = new
        self._learnt = count

    def number(self, found: UserAgentClass) -> int:
        """Return the number of a class."""
        number = self._numbers.get(found)
        if number is None:
            number = self._numbers[found] = len(self._found)
            self._found.append(found)
            if number == len(self.is_bot):
                self.is_bot = np.concatenate((self.is_bot, self.is_bot))
            self.is_bot[number] = found.is_bot
        return number

    def names(self, class_of_line: npt.NDArray[np.int32]) -> Iterator[Column]:
        """Yield browser, os and device by the numbers of classes, null for 0."""
        used, classes = _renumbered(class_of_line, len(self._found))
        for part in range(3):
            numbers: dict[str, int] = {}
            index = [numbers.setdefault(self._found[one][part], len(numbers)) if one else -1 for one in used.tolist()]
            names = bytes_array([name.encode() for name in numbers], pa.string())
            yield encoded_array(np.array(index, np.int32).take(classes), names)


_of_thread = threading.local()


@cache
def _resolver() -> Resolver:
    return Resolver(load_lazy_builtins())
