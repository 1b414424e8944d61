"""Addresses of agents."""

import pytest

from beam_jobs.access_log.agents.published_ranges import is_published, is_verified


@pytest.mark.parametrize(
    ("agent_id", "address", "verified"),
    [
        ("googlebot", "66.249.66.1", True),
        ("googlebot", "::ffff:66.249.66.1", True),
        ("googlebot", "2001:4860:4801:10::1", True),
        ("googlebot", "2001:db8::1", False),
        ("googlebot", "203.0.113.9", False),
        ("googlebot", "66.249.66.0", True),  # a network of which all is published
        ("googlebot", "203.0.113.0", False),
        ("openai-searchbot", "104.210.140.0", None),
        ("gptbot", "132.196.86.255", True),
        ("gptbot", "66.249.66.1", False),
        ("oai-searchbot", "104.210.140.0", None),  # a network of which a part is published
        ("googlebot", "10.1.2.3", None),
        ("googlebot", "::1", None),
        ("googlebot", "crawl-66-249-66-1.googlebot.com", None),
        ("googlebot", "visitor-0123456789abcdef", None),
        ("claudebot", "203.0.113.9", None),  # nothing is published
        ("", "203.0.113.9", None),
    ],
)
def test_an_address(agent_id: str, address: str, verified: bool | None) -> None:
    assert is_verified(agent_id, address) is verified


def test_which_agents_have_ranges() -> None:
    assert is_published("googlebot")
    assert not is_published("claudebot")
    assert not is_published("")
