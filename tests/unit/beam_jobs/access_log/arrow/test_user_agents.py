"""Classes of user agents."""

import numpy as np
import pytest

from beam_jobs.access_log.agents.identify import BROWSER, Agent
from beam_jobs.access_log.agents.kinds import AgentKind
from beam_jobs.access_log.arrow import user_agents
from beam_jobs.access_log.arrow.user_agents import classify, classify_columns
from beam_jobs.access_log.compiled.simd import PADDING

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
)
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
GPTBOT = "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; GPTBot/1.2; +https://openai.com/gptbot"
CUBOT = (
    "Mozilla/5.0 (Linux; Android 9; CUBOT NOTE 20) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 "
    "Mobile Safari/537.36"
)


@pytest.mark.parametrize(
    ("user_agent", "browser", "os", "agent"),
    [
        (CHROME, "Chrome", "Windows", BROWSER),
        (CUBOT, "Chrome Mobile", "Android", BROWSER),
        (GOOGLEBOT, "Googlebot", "Other", Agent(AgentKind.SEARCH_ENGINE, "Googlebot", "Google", "googlebot")),
        ("curl/7.88.1", "curl", "Other", Agent(AgentKind.LIBRARY, "curl")),
        ("", "Other", "Other", None),
        ("\0\\xff\u00e9", "Other", "Other", Agent(AgentKind.OTHER_BOT)),
    ],
)
def test_classes(user_agent: str, browser: str, os: str, agent: Agent | None) -> None:
    found = classify(user_agent)
    assert (found.browser, found.os, found.agent) == (browser, os, agent)


def classified(user_agents: list[str | None], addresses: list[str | None] | None = None) -> dict[str, list[object]]:
    written = bytearray()

    def place(text: str | None) -> list[int]:
        start, encoded = len(written), (text or "").encode()
        written.extend(encoded)
        return [start, -1 if text is None else len(encoded)]

    pairs = zip(user_agents, addresses or [None] * len(user_agents), strict=True)
    texts = [place(user_agent) + place(address) for user_agent, address in pairs]
    # As in a block, some texts lie in the overflow.
    middle = texts[len(texts) // 2][0] if texts else 0
    block, overflow = (
        np.frombuffer(bytes(part) + bytes(PADDING), np.uint8)
        for part in (written[:middle], bytes(PADDING) + written[middle:])
    )
    places = np.array(texts, np.int32).reshape(-1, 4)
    for column in (0, 2):
        places[places[:, column] >= middle, column] += 2 * PADDING
    columns = classify_columns(places, 0, 1, block, overflow)
    found = {name: column.to_pylist() for name, column in columns._asdict().items()}
    assert found.pop("user_agent") == user_agents
    return found


def test_a_column_keeps_order_and_nulls() -> None:
    assert classified([CHROME, None, GOOGLEBOT, CHROME, ""]) == {
        "browser": ["Chrome", None, "Googlebot", "Chrome", "Other"],
        "os": ["Windows", None, "Other", "Windows", "Other"],
        "device": ["Other", None, "Spider", "Other", "Other"],
        "is_bot": [False, None, True, False, None],
        "agent_kind": ["browser", None, "search_engine", "browser", None],
        "agent_name": [None, None, "Googlebot", None, None],
        "agent_operator": [None, None, "Google", None, None],
        "agent_verified": [None] * 5,
    }


def test_an_address_is_looked_up_for_the_agent_of_its_line() -> None:
    of_google, of_nobody = "66.249.66.1", "203.0.113.9"
    lines = [
        *(
            (GOOGLEBOT, of_google, True),
            (GOOGLEBOT, of_nobody, False),
            (CHROME, of_google, None),
            (None, of_nobody, None),
        ),
        *(
            (GOOGLEBOT, None, None),
            (GPTBOT, of_google, False),
            (GPTBOT, "132.196.86.7", True),
            (GOOGLEBOT, of_google, True),
        ),
    ]
    user_agents, addresses, verified = (list(column) for column in zip(*lines, strict=True))
    assert classified(user_agents, addresses)["agent_verified"] == verified


def test_pairs_of_agent_and_address_are_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str]] = []

    def is_verified(agent_id: str, address: str) -> bool:
        asked.append((agent_id, address))
        return agent_id == "googlebot"

    monkeypatch.setattr(user_agents, "is_verified", is_verified)
    agents: list[str | None] = [GOOGLEBOT, CHROME, GPTBOT, GOOGLEBOT, GPTBOT, GOOGLEBOT] * 50
    addresses: list[str | None] = ["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.1"] * 50
    assert classified(agents, addresses)["agent_verified"] == [True, None, False, True, False, True] * 50
    assert asked == [("googlebot", "192.0.2.1"), ("gptbot", "192.0.2.1"), ("googlebot", "192.0.2.2")]


def test_columns_of_nulls_only() -> None:
    assert all(column == [None, None] for column in classified([None, None]).values())


def test_many_distinct_ones_and_longer_ones() -> None:
    many = 40_000
    user_agents: list[str | None] = [f"curl/{number}" for number in range(many + 5)]
    user_agents += ["curl/0", "curl/7 " + "x" * 2000, None, "Googlebot/" + "2" * 100, "Googlebot/" + "2" * 100 + "3"]
    found = classified(user_agents)
    assert found["browser"] == ["curl"] * (many + 7) + [None, "Googlebot", "Googlebot"]
    assert found["is_bot"] == [True] * (many + 7) + [None, True, True]
    assert classified(["curl/1", CHROME])["browser"] == ["curl", "Chrome"]


def test_only_the_beginning_of_a_long_one_counts() -> None:
    assert classify(CHROME + "x" * 2000 + " Googlebot/2.1").agent == BROWSER
