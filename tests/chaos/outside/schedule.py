"""A seed becomes a schedule: what is done to the stack, when, to whom, and for how long.

What the schedule meets is up to the machine: a process that is not there at its time is waited for, then left out.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from tests.chaos.outside import proxy

KILL, FREEZE, DISK, NETWORK, CLEAR, TRIGGER, FILE = "kill", "freeze", "disk", "network", "clear", "trigger", "file"

PER_MINUTE = {KILL: 8.0, FREEZE: 3.0, NETWORK: 2.0, FILE: 6.0, TRIGGER: 1.5, CLEAR: 1.0, DISK: 0.5}

VICTIMS = {
    "storage": 1.0,
    "bigquery": 1.0,
    "pubsub": 1.0,
    "dataflow": 1.0,
    "postgres": 0.6,
    "airflow-api-server": 0.7,
    "airflow-scheduler": 0.7,
    "airflow-dag-processor": 0.7,
    "airflow-triggerer": 0.7,
    "supervisor": 0.2,
    "database session": 0.6,
    "zygote": 0.7,
    "worker": 1.5,
    "triggers": 0.5,
    "task": 3.0,
    "batch job": 2.0,
    "stream": 2.0,
}
"""By name how often each is chosen; see victims.py."""
DISKS = ("storage", "bigquery", "pubsub", "dataflow", "postgres", "airflow-scheduler", "airflow-api-server")
LINKS = (
    "storage",
    "bigquery",
    "bigquery_grpc",
    "pubsub",
    "dataflow",
    "dataflow_grpc",
    "postgres",
    "airflow",
)
DAGS = ("log_backfill", "daily_summary", "stream_supervisor", "sweep", "arrivals", "late_lines", "provision")
"""What is triggered twice at once, and whose tasks are cleared."""
CHANGES = {"new": 4.0, "rotated": 2.0, "replaced": 2.0, "truncated": 1.0, "deleted": 0.7}
"""What becomes of files."""
LONG_FREEZES = 0.25
"""The share of freezes that last longer than the supervisor waits."""


@dataclass(frozen=True)
class Event:
    """One thing to do.

    Attributes:
        at: Seconds after the beginning.
        kind: KILL, FREEZE, ...
        target: The victim, the link and its fault, the DAG or the change of a file.
        seconds: How long it lasts; 0 where it does not.
        pick: Which of several processes, runs or files, from 0 to below 1.
    """

    at: float
    kind: str
    target: str
    seconds: float
    pick: float

    def __str__(self) -> str:
        lasting = f" for {self.seconds:.1f} s" if self.seconds else ""
        return f"{self.at:7.1f} s  {self.kind:7} {self.target}{lasting}, pick {self.pick:.3f}"


def schedule(minutes: float, seed: int) -> list[Event]:
    """Return all events of a run, in their order."""
    events = []
    for kind, rate in PER_MINUTE.items():
        draws = random.Random(f"{seed} {kind}")
        at = draws.expovariate(rate / 60)
        while at < minutes * 60:
            events.append(Event(round(at, 1), kind, *_details(kind, draws), round(draws.random(), 3)))
            at += draws.expovariate(rate / 60)
    return sorted(events, key=lambda event: (event.at, event.kind))


def _details(kind: str, draws: random.Random) -> tuple[str, float]:
    if kind == KILL:
        return _weighted(VICTIMS, draws), 0.0
    if kind == FREEZE:
        target = _weighted(VICTIMS, draws)
        longest = draws.uniform(20, 50) if draws.random() < LONG_FREEZES else draws.uniform(0.5, 10)
        return target, round(longest, 1)
    if kind == DISK:
        return draws.choice(DISKS), round(draws.uniform(2, 12), 1)
    if kind == NETWORK:
        return f"{draws.choice(LINKS)}: {draws.choice(proxy.FAULTS)}", round(draws.uniform(1, 20), 1)
    if kind == FILE:
        return _weighted(CHANGES, draws), 0.0
    return draws.choice(DAGS), 0.0


def _weighted(weights: dict[str, float], draws: random.Random) -> str:
    return draws.choices(list(weights), list(weights.values()))[0]
