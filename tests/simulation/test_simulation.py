"""Some seeds of `make simulate`, and proof that it finds what it looks for."""

import os
import subprocess
import sys

import pytest

from beam_jobs.stream.local_runner import LocalRunner
from beam_jobs.stream.subscription import Pulled
from local_stack.config import REPOSITORY
from tests.simulation.__main__ import described, shrunk, simulate

SEEDS = range(30)


def test_nothing_is_lost_doubled_or_stuck() -> None:
    failed = [outcome for outcome in map(simulate, SEEDS) if outcome.violation]
    assert not failed, described(shrunk(failed[0]), with_trace=True)


def test_no_content_of_a_bucket_is_lost_doubled_or_goes_back() -> None:
    # By the command: the services that these histories share stay in force until their process ends.
    command = (sys.executable, "-m", "tests.simulation", "--side", "backfill", "--seeds", "6", "--workers", "1")
    path = os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "plugins")])
    done = subprocess.run(
        command, cwd=REPOSITORY, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    assert done.stdout.splitlines()[-1].startswith("6 of 6 seeds hold: "), done.stdout + done.stderr


def test_a_seed_gives_the_same_history_each_time() -> None:
    first, second = simulate(5), simulate(5)
    assert first.faults, "a history without a fault"
    assert (first.faults, first.trace, first.steps) == (second.faults, second.trace, second.steps)


def test_an_acknowledgement_before_the_write_is_found_and_shrunk(monkeypatch: pytest.MonkeyPatch) -> None:
    next_batch = LocalRunner._next_batch

    def acknowledged_at_once(runner: LocalRunner) -> list[Pulled] | None:
        batch = next_batch(runner)
        if batch:
            runner._done.put(batch)
        return batch

    monkeypatch.setattr(LocalRunner, "_next_batch", acknowledged_at_once)
    found = next(outcome for outcome in map(simulate, SEEDS) if outcome.violation)
    assert found.violation.endswith("nowhere: lost")
    assert found.faults
    short = shrunk(found)
    assert short.violation.endswith("nowhere: lost")
    assert short.faults == [], "it needs none"
    again = simulate(short.seed, frozenset(fault.number for fault in short.faults))
    assert (again.violation, again.faults) == (short.violation, short.faults)
