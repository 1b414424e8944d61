"""``make chaos MINUTES=60 SEED=7``: a stack of its own under a seeded schedule of faults, held against an oracle.

Prints the schedule, what was done, and a report, which is kept with a plot in FOLDER. Exits with 1 where something does
not come to rest, or is lost, doubled or wrong.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from google.cloud import bigquery

from local_stack.config import PORTS, REPOSITORY
from local_stack.ports import free_ports
from local_stack.running import RunningStack, running_stack
from tests.chaos.outside import report, rest
from tests.chaos.outside.faults import Faults
from tests.chaos.outside.operator import Operator
from tests.chaos.outside.oracle import judge
from tests.chaos.outside.proxy import Proxies
from tests.chaos.outside.recovery import Recovery
from tests.chaos.outside.schedule import Event, schedule
from tests.chaos.outside.traffic import Files, Publisher

_SETTINGS = {
    "LOGLINE_STREAM_LOG_FORMAT": "combined",
    # The stream is killed far more often than that of a real installation, where this would be a fault of its own.
    "LOGLINE_RESTART_BUDGET": "1000",
    "LOGLINE_RESTART_PAUSE_SECONDS": "1",
}
_WAIT_SECONDS = 600
_BEGUN = time.monotonic()


def main() -> int:
    """Run; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.outside", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="length of the schedule")
    parser.add_argument("--seed", type=int, default=None, help="of the schedule; one that is drawn, by default")
    parser.add_argument("--folder", type=Path, default=REPOSITORY / ".local" / "chaos", help="takes report and plot")
    parser.add_argument("--keep", action="store_true", help="keep the folder of the stack, to look into its logs")
    given = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if given.seed is None else given.seed
    events = schedule(given.minutes, seed)
    print(f"MINUTES={given.minutes:g} SEED={seed}: {len(events)} events", *events, sep="\n", flush=True)
    os.environ.update(_SETTINGS)
    ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    state = Path(tempfile.mkdtemp(prefix="chaos-"))
    with (
        Proxies(ports) as proxies,
        running_stack(state, airflow=True, ports=ports, entrances=proxies.entrances) as stack,
    ):
        outcome = _run(stack, proxies, events, given.minutes, seed)
    if given.keep:
        print(f"the stack's folder is kept: {state}")
    else:
        shutil.rmtree(state, ignore_errors=True)
    written = report.text(outcome)
    print(written)
    given.folder.mkdir(parents=True, exist_ok=True)
    (given.folder / f"{seed}.txt").write_text(written + "\n")
    report.plot(outcome, given.folder / f"{seed}.svg")
    return 0 if outcome.is_good else 1


def _run(stack: RunningStack, proxies: Proxies, events: list[Event], minutes: float, seed: int) -> report.Outcome:
    _start(stack)
    with Recovery(stack) as recovery, Publisher(stack, seed) as publisher, Operator(stack, _tell) as operator:
        files = Files(stack, publisher, seed)
        faults = Faults(stack, proxies, files, recovery, _tell)
        faults.run(events)
        _tell("the schedule is over")
        came_to_rest = rest.settle(stack, publisher, _tell)
        files.close()
    published = list(publisher.arrived.values())
    there = {name: lines for name, lines in files.newest.items() if lines is not None}
    return report.Outcome(
        minutes=minutes,
        seed=seed,
        done=faults.done,
        recovery=dict(recovery.seconds),
        starts=operator.starts,
        published=len(published),
        in_files=sum(len(lines) for lines in there.values()),
        rest=came_to_rest,
        verdict=judge(published, files.newest, stack.bucket, _Tables(stack)),
    )


def _start(stack: RunningStack) -> None:
    """Provision the stack and start its stream."""
    with stack.airflow() as airflow:
        for dag_id, conf in (("provision", {}), ("stream_supervisor", {"action": "launch"})):
            run = airflow.wait_for_run(airflow.trigger(dag_id, conf), seconds=_WAIT_SECONDS)
            if run.state != "success":
                sys.exit(f"{dag_id} fails before any fault: {airflow.why_failed(run)}")


class _Tables:
    """The tables of a stack; see `oracle.Tables`."""

    def __init__(self, stack: RunningStack) -> None:
        self._stack = stack

    def query(self, sql: str) -> list[dict[str, Any]]:
        with self._stack.bigquery() as client:
            config = bigquery.QueryJobConfig(use_query_cache=False)
            asked = client.query_and_wait(sql.replace("DATASET", self._stack.dataset), job_config=config)
            return [dict(row.items()) for row in asked]


def _tell(line: str) -> None:
    print(f"[{time.monotonic() - _BEGUN:6.0f}] {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
