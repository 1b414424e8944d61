"""``make simulate SEEDS=10000``: histories in a simulated world, one for each seed: of the stream, or of the backfill.

A seed that fails is shrunk: of its faults as many as possible are left out while it still fails. `--seed` runs one, and
prints the end of its history.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.simulation.scheduler import Fault

STREAM, BACKFILL = "stream", "backfill"

_SHOWN_SECONDS = 10.0


@dataclass(frozen=True)
class Outcome:
    """What became of a seed.

    Attributes:
        side: `STREAM` or `BACKFILL`.
        violation: What is wrong; empty where nothing is.
        faults: Those that happened.
        trace: The end of the history.
        steps: Of all threads.
        seconds: Of the world's time.
    """

    seed: int
    side: str
    violation: str
    faults: list[Fault]
    trace: list[str]
    steps: int
    seconds: float


def simulate(seed: int, only: frozenset[int] | None = None, side: str = STREAM) -> Outcome:
    """Run one history."""
    logging.getLogger("logline.stream").setLevel(logging.CRITICAL)
    world = _world(side)(seed, only)
    violation = ""
    try:
        world.run()
    except AssertionError as found:
        violation = str(found)
    except Exception as error:  # noqa: BLE001 - whatever a thread raises ends its history
        violation = f"{type(error).__name__}: {error}"
    record = world.record
    return Outcome(seed, side, violation, record.faults, list(record.trace), record.steps, record.now)


def _world(side: str) -> Any:
    # Each side imports what takes seconds: Airflow is not needed for the stream.
    if side == BACKFILL:
        from tests.simulation.backfill_world import BackfillWorld

        return BackfillWorld
    from tests.simulation.world import World

    return World


def shrunk(outcome: Outcome) -> Outcome:
    """Leave out faults, halves first and single ones last, as long as the history still fails."""
    size = max(1, len(outcome.faults) // 2)
    while True:
        numbers = [fault.number for fault in outcome.faults]
        for start in range(0, len(numbers), size):
            again = simulate(outcome.seed, frozenset(numbers[:start] + numbers[start + size :]), outcome.side)
            if again.violation:
                outcome = again
                break
        else:
            if size == 1:
                return outcome
            size = max(1, size // 2)


def described(outcome: Outcome, *, with_trace: bool) -> str:
    """Describe an outcome in lines."""
    lines = [f"seed {outcome.seed}: {outcome.violation or 'holds'}, {len(outcome.faults)} faults"]
    lines += [f"  {fault}" for fault in outcome.faults]
    return "\n".join(lines + ([f"  {line}" for line in outcome.trace] if with_trace else []))


def main() -> int:
    """Run the seeds; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1_000, help="how many (default 1000)")
    parser.add_argument("--first", type=int, default=0, help="the first of them (default 0)")
    parser.add_argument("--side", choices=(STREAM, BACKFILL), default=STREAM, help="of what (default: the stream)")
    parser.add_argument("--workers", type=int, help="processes (default: one for each core)")
    parser.add_argument("--seed", type=int, help="run this one alone, and print the end of its history")
    given = parser.parse_args()
    if given.seed is not None:
        outcome = simulate(given.seed, side=given.side)
        print(described(shrunk(outcome) if outcome.violation else outcome, with_trace=True))
        return 1 if outcome.violation else 0
    failed: list[int] = []
    faults = steps = 0
    hours = 0.0
    begun = shown = time.monotonic()
    with ProcessPoolExecutor(given.workers) as workers:
        seeds = range(given.first, given.first + given.seeds)
        for done, outcome in enumerate(workers.map(partial(simulate, side=given.side), seeds, chunksize=8), 1):
            faults, steps, hours = faults + len(outcome.faults), steps + outcome.steps, hours + outcome.seconds / 3600
            if outcome.violation:
                failed.append(outcome.seed)
                print(described(shrunk(outcome), with_trace=False), flush=True)
            if (now := time.monotonic()) - shown > _SHOWN_SECONDS:
                shown = now
                print(f"{done:,} of {given.seeds:,} seeds, {len(failed)} failed, {now - begun:,.0f} s", flush=True)
    print(
        f"{given.seeds - len(failed):,} of {given.seeds:,} seeds hold: {faults:,} faults, {steps:,} steps, "
        f"{hours:,.0f} hours of the simulated world in {time.monotonic() - begun:,.0f} s"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
