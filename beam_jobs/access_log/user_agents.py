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

from beam_jobs.access_log.arrays import bytes_array, encoded_array, indices_of, nullable_bool_array
from beam_jobs.access_log.schema import Column

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
    """Classifies the user agents of a block's lines, each distinct one once.

    Args:
        user_agents: Of type `schema.ENCODED`.

    Returns:
        The columns browser, os, device (`schema.ENCODED`) and is_bot (bool); null where there is no user agent.
    """
    encoded = cast(Any, user_agents)
    # Few classes for many texts: what follows looks at each class once.
    numbers: dict[UserAgentClass, int] = {}
    class_of_text = [numbers.setdefault(found, len(numbers)) for found in map(classify, encoded.dictionary.to_pylist())]
    classes = list(numbers)
    # Behind those of the texts, where -1 is: the class of the lines without a user agent.
    class_of_line = np.array([*class_of_text, -1], np.int32).take(indices_of(user_agents), mode="wrap")
    is_bot = np.array([*(found.is_bot for found in classes), False])
    return (
        _names([found.browser for found in classes], class_of_line),
        _names([found.os for found in classes], class_of_line),
        _names([found.device for found in classes], class_of_line),
        nullable_bool_array(is_bot.take(class_of_line, mode="wrap"), class_of_line >= 0),
    )


def _names(name_of_class: list[str], class_of_line: npt.NDArray[np.int32]) -> Column:
    """Per line the name of its class."""
    numbers: dict[str, int] = {}
    index = [numbers.setdefault(name, len(numbers)) for name in name_of_class]
    indices = np.array([*index, -1], np.int32).take(class_of_line, mode="wrap")
    return encoded_array(indices, bytes_array([name.encode() for name in numbers], pa.string()))


@cache
def _resolver() -> Resolver:
    return Resolver(load_lazy_builtins())
