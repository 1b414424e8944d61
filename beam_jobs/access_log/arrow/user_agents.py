"""What kind of client a user agent string names: browser, operating system and device, or an agent."""

import threading
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from ua_parser import Domain
from ua_parser.loaders import load_lazy_builtins
from ua_parser.regex import Resolver

from beam_jobs.access_log.agents.identify import Agent, identify
from beam_jobs.access_log.agents.kinds import AgentKind
from beam_jobs.access_log.agents.published_ranges import is_published, is_verified
from beam_jobs.access_log.arrow.arrays import text_bytes
from beam_jobs.access_log.arrow.classes import LineClasses
from beam_jobs.access_log.arrow.distinct_texts import distinct_texts
from beam_jobs.access_log.arrow.schema import Column
from beam_jobs.access_log.arrow.strings import text_columns

OTHER = "Other"
"""The family of what ua-parser does not know."""
_SPIDER = "Spider"
_CLASSIFIED_CHARACTERS = 1024
_CACHED = 1 << 16
_of_thread = threading.local()


class UserAgentClass(NamedTuple):
    """The class of a client.

    Attributes:
        browser: In the family names of ua-parser, as the next two; `Other` where it knows none.
        os: The operating system.
        device: The device.
        agent: What sends the request; None where the user agent is blank.
    """

    browser: str
    os: str
    device: str
    agent: Agent | None


@lru_cache(maxsize=_CACHED)
def classify(user_agent: str) -> UserAgentClass:
    """Classify one user agent string by its first 1,024 characters; the last 65,536 distinct ones are cached."""
    text = user_agent[:_CLASSIFIED_CHARACTERS]
    found = _resolver()(text, Domain.ALL)
    device = found.device.family if found.device else OTHER
    return UserAgentClass(
        browser=found.user_agent.family if found.user_agent else OTHER,
        os=found.os.family if found.os else OTHER,
        device=device,
        agent=identify(text, is_device=found.os is not None or device not in (OTHER, _SPIDER)),
    )


class ClassifiedColumns(NamedTuple):
    """What the user agents of some lines say, in the names of the columns; null where there is no user agent.

    The columns of agents are null where there is none, too.
    """

    user_agent: Column
    browser: Column
    os: Column
    device: Column
    is_bot: Column
    agent_kind: Column
    agent_name: Column
    agent_operator: Column
    agent_verified: Column


def classify_columns(
    texts: npt.NDArray[np.int32],
    user_agent: int,
    remote_addr: int,
    block: npt.NDArray[np.uint8],
    overflow: npt.NDArray[np.uint8],
) -> ClassifiedColumns:
    """Classify the user agents of a block's lines, each distinct one once.

    Args:
        texts: See `strings.text_columns`, as the last two.
        user_agent: Which of its columns has the user agents.
        remote_addr: Which of its columns has the addresses.
        block: The bytes.
        overflow: Further bytes.
    """
    firsts, text_of_line = distinct_texts(texts, user_agent, block, overflow)
    (distinct,) = text_columns(texts[firsts], block, overflow, [user_agent])
    known = _known_classes()
    of_block = np.fromiter(map(known.__getitem__, text_bytes(distinct)), np.int32, len(firsts))
    numbers = {number: place for place, number in enumerate(dict.fromkeys(of_block.tolist()))}
    class_of_text = np.fromiter(map(numbers.__getitem__, of_block.tolist()), np.int32, len(firsts))
    classes = [known.classes[number] for number in numbers]
    lines = LineClasses(text_of_line, class_of_text)
    return ClassifiedColumns(
        user_agent=LineClasses(text_of_line).encoded(np.arange(len(firsts), dtype=np.int32), distinct),
        browser=lines.texts([found.browser for found in classes]),
        os=lines.texts([found.os for found in classes]),
        device=lines.texts([found.device for found in classes]),
        is_bot=lines.flags([found.agent and found.agent.kind is not AgentKind.BROWSER for found in classes]),
        agent_kind=lines.texts([found.agent and found.agent.kind for found in classes]),
        agent_name=lines.texts([found.agent and found.agent.name for found in classes]),
        agent_operator=lines.texts([found.agent and found.agent.operator for found in classes]),
        agent_verified=_verified(
            texts, remote_addr, block, overflow, [found.agent.id if found.agent else "" for found in classes], lines
        ),
    )


def _verified(
    texts: npt.NDArray[np.int32],
    remote_addr: int,
    block: npt.NDArray[np.uint8],
    overflow: npt.NDArray[np.uint8],
    ids: Sequence[str],
    lines: LineClasses,
) -> Column:
    """Look up the addresses of the lines of agents that have published ranges, each pair of both once.

    Args:
        texts: See `classify_columns`, as the next three.
        remote_addr: Which of its columns has the addresses.
        block: The bytes.
        overflow: Further bytes.
        ids: The agent of each class.
        lines: The class of each line.
    """
    published = {found: number for number, found in enumerate(filter(is_published, dict.fromkeys(ids)))}
    if not published:
        return pa.nulls(len(texts), pa.bool_())
    agent_of_line = lines.numbers(np.array([published.get(found, -1) for found in ids], np.int32))
    firsts, pair_of_line = distinct_texts(texts, remote_addr, block, overflow, agent_of_line)
    (addresses,) = text_columns(texts[firsts], block, overflow, [remote_addr])
    names = list(published)
    pairs = zip(agent_of_line[firsts].tolist(), map(bytes.decode, text_bytes(addresses)), strict=True)
    return LineClasses(pair_of_line).flags([is_verified(names[agent], address) for agent, address in pairs])


class _KnownClasses(dict[bytes, int]):
    """Numbers of the classes of user agents, by their UTF-8; that of one which is not there is found.

    Very long ones are not kept.
    """

    def __init__(self) -> None:
        super().__init__()
        self.classes: list[UserAgentClass] = []
        self._numbers: dict[UserAgentClass, int] = {}

    def __missing__(self, user_agent: bytes) -> int:
        found = classify(user_agent.decode())
        number = self._numbers.setdefault(found, len(self.classes))
        if number == len(self.classes):
            self.classes.append(found)
        if len(user_agent) <= _CLASSIFIED_CHARACTERS:
            self[user_agent] = number
        return number


def _known_classes() -> _KnownClasses:
    """Return those of this thread; when there are too many, it begins anew."""
    known: _KnownClasses | None = getattr(_of_thread, "known", None)
    if known is None or max(len(known), len(known.classes)) > _CACHED:
        known = _of_thread.known = _KnownClasses()
    return known


@cache
def _resolver() -> Resolver:
    return Resolver(load_lazy_builtins())
