"""What kind of client a user agent string names: browser, operating system, device, and whether it is a bot."""

import re
from functools import cache, lru_cache
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from ua_parser import Domain
from ua_parser.loaders import load_lazy_builtins
from ua_parser.regex import Resolver

from beam_jobs.access_log.arrow.arrays import bits, bytes_array, nullable_array
from beam_jobs.access_log.arrow.distinct_texts import distinct_texts
from beam_jobs.access_log.arrow.schema import Column
from beam_jobs.access_log.arrow.strings import text_columns

OTHER = "Other"
"""The family of what ua-parser does not know."""
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
    """Classify one user agent string by its first 1,024 characters; the last 65,536 distinct ones are cached."""
    found = _resolver()(user_agent[:_CLASSIFIED_CHARACTERS], Domain.ALL)
    device = found.device.family if found.device else OTHER
    return UserAgentClass(
        browser=found.user_agent.family if found.user_agent else OTHER,
        os=found.os.family if found.os else OTHER,
        device=device,
        is_bot=device == "Spider" or _BOT.search(user_agent, 0, _CLASSIFIED_CHARACTERS) is not None,
    )


def classify_column(
    texts: npt.NDArray[np.int32], column: int, block: npt.NDArray[np.uint8], overflow: npt.NDArray[np.uint8]
) -> tuple[Column, ...]:
    """Classify the user agents of a block's lines, each distinct one once.

    Args:
        texts: See `strings.text_columns`, as the other two.
        column: Which of its columns.
        block: The bytes.
        overflow: Further bytes.

    Returns:
        The columns user agent, browser, os, device (`schema.ENCODED`) and is_bot (bool); null where there is no user
        agent.
    """
    firsts, indices = distinct_texts(texts, column, block, overflow)
    (distinct,) = text_columns(texts[firsts], block, overflow, [column])
    classes = [classify(text) for text in cast(Any, distinct).to_pylist()] or [UserAgentClass("", "", "", False)]
    numbers: dict[UserAgentClass, int] = {}
    number_of_text = np.array([numbers.setdefault(found, len(numbers)) for found in classes], np.int32)
    number_of_line = number_of_text.take(indices, mode="clip")
    is_there = indices >= 0

    def encoded(places: npt.NDArray[np.int32], values: Any) -> Column:
        numbers_or_null: Any = nullable_array(pa.int32(), places, is_there)
        return pa.DictionaryArray.from_arrays(numbers_or_null, values, safe=False)

    *families, bots = zip(*numbers, strict=True)
    columns = [encoded(indices, distinct)]
    for family in families:
        names = {name: number for number, name in enumerate(dict.fromkeys(family))}
        of_class = np.array([names[name] for name in family], np.int32)
        texts_of_family = bytes_array([name.encode() for name in names], pa.string())
        columns.append(encoded(of_class.take(number_of_line), texts_of_family))
    return *columns, nullable_array(pa.bool_(), bits(np.array(bots).take(number_of_line)), is_there)


@cache
def _resolver() -> Resolver:
    return Resolver(load_lazy_builtins())
