"""Classes of user agents."""

import pyarrow as pa
import pytest

from beam_jobs.access_log.user_agents import classify, classify_column

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
    encoded = pa.array(user_agents, pa.string()).dictionary_encode()
    return [part.to_pylist() for part in classify_column(encoded)]


def test_a_column_keeps_order_and_nulls() -> None:
    browser, os, device, is_bot = classified([CHROME, None, "curl/7.88.1", CHROME])
    assert browser == ["Chrome", None, "curl", "Chrome"]
    assert os == ["Windows", None, "Other", "Windows"]
    assert device == ["Other", None, "Other", "Other"]
    assert is_bot == [False, None, True, False]


def test_a_column_of_nulls_only() -> None:
    assert classified([None, None]) == [[None, None]] * 4


def test_a_part_of_a_column() -> None:
    encoded = pa.array([CHROME, None, "curl/7.88.1"]).dictionary_encode()
    assert classify_column(encoded[1:])[0].to_pylist() == [None, "curl"]


def test_only_the_beginning_of_a_long_one_counts() -> None:
    assert not classify("x" * 2000 + " Googlebot/2.1").is_bot
