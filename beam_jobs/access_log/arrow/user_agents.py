"""What kind of client a user agent string names: browser, operating system and device, or an agent."""

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from ua_parser import Domain
from ua_parser.loaders import load_lazy_builtins
from ua_parser.regex import Resolver

from beam_jobs.access_log.agents.identify import Agent, identify
from beam_jobs.access_log.agents.kinds import AgentKind
from beam_jobs.access_log.agents.published_ranges import is_published, is_verified
from beam_jobs.access_log.arrow.arrays import bits, dictionary_array, nullable_array, values_of_classes
from beam_jobs.access_log.arrow.distinct_texts import distinct_texts
from beam_jobs.access_log.arrow.schema import Column
from beam_jobs.access_log.arrow.strings import text_columns

OTHER = "Other"
"""The family of what ua-parser does not know."""
_SPIDER = "Spider"
_CLASSIFIED_CHARACTERS = 1024
_CACHED = 1 << 16


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
    firsts, indices = distinct_texts(texts, user_agent, block, overflow)
    (distinct,) = text_columns(texts[firsts], block, overflow, [user_agent])
    classes = [classify(text) for text in cast(Any, distinct).to_pylist()] or [UserAgentClass("", "", "", None)]
    numbers: dict[UserAgentClass, int] = {}
    number_of_text = np.array([numbers.setdefault(found, len(numbers)) for found in classes], np.int32)
    number_of_line = number_of_text.take(indices, mode="clip")
    is_there = indices >= 0

    def encoded(values: Sequence[str | None]) -> Column:
        return values_of_classes(values, number_of_line, is_there)

    browsers, systems, devices, agents = zip(*numbers, strict=True)
    kinds, names, operators, ids = zip(*(agent or (None, None, None, "") for agent in agents), strict=True)
    is_bot = np.array([kind is not AgentKind.BROWSER for kind in kinds])
    has_kind = np.array([kind is not None for kind in kinds])
    published = np.array([is_published(agent_id) for agent_id in ids])
    return ClassifiedColumns(
        user_agent=dictionary_array(indices, is_there, distinct),
        browser=encoded(browsers),
        os=encoded(systems),
        device=encoded(devices),
        is_bot=nullable_array(
            pa.bool_(),
            bits(is_bot.take(number_of_line, mode="clip")),
            is_there & has_kind.take(number_of_line, mode="clip"),
        ),
        agent_kind=encoded(kinds),
        agent_name=encoded(names),
        agent_operator=encoded(operators),
        agent_verified=_verified(
            texts,
            remote_addr,
            block,
            overflow,
            ids,
            number_of_line,
            is_there & published.take(number_of_line, mode="clip"),
        ),
    )


def _verified(
    texts: npt.NDArray[np.int32],
    remote_addr: int,
    block: npt.NDArray[np.uint8],
    overflow: npt.NDArray[np.uint8],
    ids: Sequence[str],
    number_of_line: npt.NDArray[np.int32],
    is_verifiable: npt.NDArray[np.bool_],
) -> Column:
    """Look up the addresses of the lines of agents that have published ranges, each pair of both once."""
    lines = np.flatnonzero(is_verifiable)
    values, valid = np.zeros(len(texts), np.bool_), np.zeros(len(texts), np.bool_)
    if len(lines):
        of_agents = texts[lines]
        firsts, indices = distinct_texts(of_agents, remote_addr, block, overflow)
        (distinct,) = text_columns(of_agents[firsts], block, overflow, [remote_addr])
        addresses = cast(Any, distinct).to_pylist()
        pairs, pair_of_line = np.unique(
            number_of_line[lines] * np.int64(len(addresses) + 1) + indices + 1, return_inverse=True
        )
        answers = []
        for pair in pairs.tolist():
            number, address = divmod(pair, len(addresses) + 1)
            answers.append(is_verified(ids[number], addresses[address - 1]) if address else None)
        values[lines] = np.array([answer is True for answer in answers])[pair_of_line]
        valid[lines] = np.array([answer is not None for answer in answers])[pair_of_line]
    return nullable_array(pa.bool_(), bits(values), valid)


@cache
def _resolver() -> Resolver:
    return Resolver(load_lazy_builtins())
