"""Classes of user agents."""

import numpy as np
import pytest

from beam_jobs.access_log.arrow.user_agents import classify, classify_column
from beam_jobs.access_log.compiled.simd import PADDING

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
)
CUBOT = (
    "Mozilla/5.0 (Linux; Android 9; CUBOT NOTE 20) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 "
    "Mobile Safari/537.36"
)


@pytest.mark.parametrize(
    ("user_agent", "browser", "os", "is_bot"),
    [
        (CHROME, "Chrome", "Windows", False),
        (CUBOT, "Chrome Mobile", "Android", False),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Googlebot", "Other", True),
        ("curl/7.88.1", "curl", "Other", True),
        ("python-requests/2.32.3", "Python Requests", "Other", True),
        ("Go-http-client/1.1", "Go-http-client", "Other", True),
        ("Mozilla/5.0 zgrab/0.x", "Other", "Other", True),
        ("", "Other", "Other", False),
        ("\0\\xff\u00e9", "Other", "Other", False),
    ],
)
def test_classes(user_agent: str, browser: str, os: str, is_bot: bool) -> None:
    found = classify(user_agent)
    assert (found.browser, found.os, found.is_bot) == (browser, os, is_bot)


def classified(user_agents: list[str | None]) -> list[list[object]]:
    texts, written = [], bytearray()
    for user_agent in user_agents:
        encoded = (user_agent or "").encode()
        texts.append([len(written), -1 if user_agent is None else len(encoded)])
        written += encoded
    # As in a block, some texts lie in the overflow.
    middle = texts[len(texts) // 2][0] if texts else 0
    block, overflow = (
        np.frombuffer(bytes(part) + bytes(PADDING), np.uint8)
        for part in (written[:middle], bytes(PADDING) + written[middle:])
    )
    places = np.array(texts, np.int32).reshape(-1, 2)
    places[places[:, 0] >= middle, 0] += 2 * PADDING
    same, *classes = [part.to_pylist() for part in classify_column(places, 0, block, overflow)]
    assert same == user_agents
    return classes


def test_a_column_keeps_order_and_nulls() -> None:
    browser, os, device, is_bot = classified([CHROME, None, "curl/7.88.1", CHROME])
    assert browser == ["Chrome", None, "curl", "Chrome"]
    assert os == ["Windows", None, "Other", "Windows"]
    assert device == ["Other", None, "Other", "Other"]
    assert is_bot == [False, None, True, False]


def test_a_column_of_nulls_only() -> None:
    assert classified([None, None]) == [[None, None]] * 4


def test_many_distinct_ones_and_longer_ones() -> None:
    many = 40_000
    user_agents: list[str | None] = [f"curl/{number}" for number in range(many + 5)]
    user_agents += ["curl/0", "curl/7 " + "x" * 2000, None, "Googlebot/" + "2" * 100, "Googlebot/" + "2" * 100 + "3"]
    browser, _, _, is_bot = classified(user_agents)
    assert browser == ["curl"] * (many + 7) + [None, "Googlebot", "Googlebot"]
    assert is_bot == [True] * (many + 7) + [None, True, True]
    assert classified(["curl/1", CHROME])[0] == ["curl", "Chrome"]


def test_only_the_beginning_of_a_long_one_counts() -> None:
    assert not classify("x" * 2000 + " Googlebot/2.1").is_bot
