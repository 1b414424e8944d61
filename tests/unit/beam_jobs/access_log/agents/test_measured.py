"""Agents are told from browsers on lists that are not the product's own; measure.py reports what is left."""

import pytest

from tests.unit.beam_jobs.access_log.agents.measure import CRAWLERS, Measure, measured, measured_kinds


def together(names: tuple[str, ...], half: str, *, are_agents: bool) -> Measure:
    parts = [measured(name, are_agents=are_agents)[half] for name in names]
    return Measure(sum(part.total for part in parts), [one for part in parts for one in part.wrong])


@pytest.mark.parametrize(("half", "most_percent"), [("seen", 1.0), ("kept", 1.0)])
def test_crawlers_are_agents(half: str, most_percent: float) -> None:
    found = together(CRAWLERS, half, are_agents=True)
    assert found.total > 900
    assert found.percent <= most_percent, found.wrong


@pytest.mark.parametrize("half", ["seen", "kept"])
def test_of_a_thousand_browsers_at_most_one_is_an_agent(half: str) -> None:
    found = together(("user-agents", "uap-browsers", "uap-devices"), half, are_agents=False)
    assert found.total > 8_500
    assert found.percent <= 0.1, found.wrong


def test_odd_browsers_are_mostly_browsers() -> None:
    """The browsers that isbot's users reported because they were taken for bots."""
    assert together(("isbot-browsers",), "kept", are_agents=False).percent <= 8


def test_agents_are_of_the_kind_that_another_list_gives_them() -> None:
    assert measured_kinds()["kept"].percent <= 20
