"""How well agents are told from browsers, on lists that the product does not have: `python -m` this module reports.

The rules were made while looking at one half of each list, `seen`; what they do on the other half, `kept`, is what they
are worth. Which half a user agent is in depends on nothing but itself.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from beam_jobs.access_log.arrow.user_agents import classify

LISTS = Path(__file__).parent / "lists"
CRAWLERS = ("isbot-crawlers", "uap-spiders", "well-known-bots")
BROWSERS = ("user-agents", "uap-browsers", "uap-devices", "isbot-browsers")
# The categories that well-known-bots has, where they say what one of our kinds says.
KINDS = {
    "search-engine": {"search_engine", "ai_search"},
    "monitor": {"monitoring", "seo", "scanner"},
    "feedfetcher": {"feed_reader"},
    "preview": {"link_preview"},
    "archive": {"archiver"},
    "advertising": {"advertising"},
    "academic": {"research"},
    "ai": {"ai_training", "ai_search", "ai_assistant"},
}


@dataclass
class Measure:
    """What became of one half of a list."""

    total: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def percent(self) -> float:
        return 100 * len(self.wrong) / self.total


def lines(name: str) -> Iterator[str]:
    with gzip.open(LISTS / f"{name}.txt.gz", "rt", encoding="utf-8") as file:
        yield from file.read().splitlines()


def half_of(user_agent: str) -> str:
    return ("seen", "kept")[hashlib.sha256(user_agent.encode()).digest()[0] % 2]


def kind_of(user_agent: str) -> str | None:
    agent = classify(user_agent).agent
    return agent and agent.kind


def measured(name: str, *, are_agents: bool) -> dict[str, Measure]:
    """Count the user agents of a list that are not what all of it is."""
    halves = {"seen": Measure(), "kept": Measure()}
    for line in lines(name):
        user_agent = line.rpartition("\t")[2]
        # The app asks for the preview of a link that somebody sends.
        if not are_agents and user_agent.startswith("WhatsApp"):
            continue
        half = halves[half_of(user_agent)]
        half.total += 1
        if (kind_of(user_agent) not in (None, "browser")) != are_agents:
            half.wrong.append(user_agent)
    return halves


def measured_kinds() -> dict[str, Measure]:
    """Count the user agents that are of another kind than their category in well-known-bots."""
    halves = {"seen": Measure(), "kept": Measure()}
    for line in lines("well-known-bots"):
        categories, _, user_agent = line.partition("\t")
        wanted = set().union(*(KINDS.get(category, set()) for category in categories.split(",")))
        if wanted:
            half = halves[half_of(user_agent)]
            half.total += 1
            if kind_of(user_agent) not in wanted:
                half.wrong.append(f"{kind_of(user_agent)}, not {categories}: {user_agent}")
    return halves


def report() -> None:
    rows = {f"{name}: agents": measured(name, are_agents=True) for name in CRAWLERS}
    rows |= {"well-known-bots: kinds": measured_kinds()}
    rows |= {f"{name}: browsers": measured(name, are_agents=False) for name in BROWSERS}
    for title, halves in rows.items():
        counts = (
            f"{name} {half.total}, wrong {len(half.wrong)} ({half.percent:.2f} %)" for name, half in halves.items()
        )
        print(title, *counts, sep=" | ")
    for title, halves in rows.items():
        for name, half in halves.items():
            print(f"\n{title}, {name}", *half.wrong, sep="\n  ")


if __name__ == "__main__":
    report()
