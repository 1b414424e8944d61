"""Parts of the local stack frozen, killed and slowed down, one after the other: ``python -m benchmarks.drills``.

On a stack of its own with a real Airflow. Each row says what `make status` said of the part, after how many seconds it
was up again, what the other parts did meanwhile, and what `make status` said of the whole at the end. Another part may
be silent for a while, on a busy machine too; it may not be started again, unless its database was drilled.
``python -m benchmarks.drills killed`` runs one kind of drill.
"""

from __future__ import annotations

import signal
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from benchmarks.table import machine
from local_stack import launch, status
from local_stack.running import RunningStack, running_stack
from local_stack.supervisor.state import ComponentState, StackState, read_state
from local_stack.waiting import wait_for

WAIT_SECONDS = 300
SLOW_SECONDS = 60
DATABASE_KILLS = 5
# The parts of Airflow whose main loops cannot go on without their database.
END_WITH_POSTGRES = frozenset({"airflow-scheduler", "airflow-dag-processor", "airflow-triggerer"})
# To be frozen together: it takes half a minute until each is noticed.
TOGETHER = (
    ("storage", "airflow-triggerer"),
    ("bigquery", "airflow-dag-processor"),
    ("pubsub", "airflow-scheduler"),
    ("dataflow", "airflow-api-server"),
    ("postgres",),
)

STARTED_AGAIN = "started again"

Verdicts = Iterator[bool]


def main(kinds: list[str] | None = None) -> None:
    """Drill and print; exit non-zero where a healthy part was touched or `make status` did not tell."""
    wanted = kinds or list(KINDS)
    if unknown := sorted(set(wanted) - set(KINDS)):
        sys.exit(f"unknown kind of drill {', '.join(unknown)}: choose from {', '.join(KINDS)}")
    with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder) / "state", airflow=True) as stack:
        print(f"Drills of the local stack: {machine()}")
        print("| drill | make status said | up again after | the others | make status at last | |")
        print("|---|---|---|---|---|---|")
        missed = [met for kind in wanted for met in KINDS[kind](stack) if not met]
    if missed:
        sys.exit(f"{len(missed)} drills missed")


def frozen(stack: RunningStack) -> Verdicts:
    """Stop each part with SIGSTOP."""
    for names in TOGETHER:
        yield from _drill(stack, signal.SIGSTOP, names)


def killed(stack: RunningStack) -> Verdicts:
    """Kill each part with SIGKILL."""
    for names in TOGETHER:
        for name in names:
            yield from _drill(stack, signal.SIGKILL, (name,))


def database(stack: RunningStack) -> Verdicts:
    """Kill PostgreSQL again and again, each time with a run under way that has to succeed."""
    with stack.airflow() as airflow:
        airflow.wait_for_run(airflow.trigger("provision"), seconds=WAIT_SECONDS)
        for number in range(DATABASE_KILLS):
            run = airflow.trigger("late_lines")
            time.sleep(2 * number)
            drilled = list(_drill(stack, signal.SIGKILL, ("postgres",)))
            ended = airflow.wait_for_run(run, seconds=WAIT_SECONDS)
            print(f"  the run under way: {ended.state}", flush=True)
            yield all(drilled) and ended.state == "success"


def slow(stack: RunningStack) -> Verdicts:
    """Let the API server work one second in five for a minute."""
    name, said = "airflow-api-server", set()
    with _observed(stack) as observed:
        end = time.monotonic() + SLOW_SECONDS
        process = psutil.Process(_components(stack)[name].pid)
        while time.monotonic() < end:
            process.suspend()
            time.sleep(4)
            said.add(_said(stack, name))
            process.resume()
            time.sleep(1)
            said.add(_said(stack, name))
        _wait_until_well(stack)
    yield _row(stack, f"{name} slow for {SLOW_SECONDS} s", sorted(said), None, observed, {name})


def supervisor(stack: RunningStack) -> Verdicts:
    """Freeze the supervisor and wake it by `make up`, then kill it and start anew by `make up`."""
    for number, told in ((signal.SIGSTOP, "is frozen"), (signal.SIGKILL, "no supervisor")):
        with _observed(stack) as observed:
            psutil.Process(_state(stack).supervisor).send_signal(number)
            time.sleep(10)
        lines, code = status.describe(stack.config)
        begun = time.monotonic()
        launch.up(stack.config, tell=lambda _: None, watch=lambda _: None)
        seconds = time.monotonic() - begun
        _wait_until_well(stack)
        said = [told] if told in lines[-1] and code == status.NOT_WELL else []
        yield _row(stack, f"supervisor {number.name}, make up after 10 s", said, seconds, observed, set())


class Observed:
    """What each part did during a drill.

    Attributes:
        statuses: By part, each status that it had.
        pids: By part, the processes it had.
    """

    def __init__(self) -> None:
        self.statuses: defaultdict[str, set[str]] = defaultdict(set)
        self.pids: defaultdict[str, set[int]] = defaultdict(set)

    def look(self, stack: RunningStack) -> None:
        """Take note of all parts as they are now."""
        for name, component in _components(stack).items():
            self.statuses[name].add(status.status_of(stack.config, component))
            if component.pid:
                self.pids[name].add(component.pid)

    def others(self, drilled: set[str]) -> dict[str, str]:
        """Return what became of the parts, beside the drilled ones, that did not simply go on."""
        found = {}
        for name, statuses in self.statuses.items():
            if name in drilled:
                continue
            if len(self.pids[name]) > 1 or "ended" in statuses:
                found[name] = STARTED_AGAIN
            elif other := statuses - {"up", "done"}:
                found[name] = " / ".join(sorted(other))
        return found


@contextmanager
def _observed(stack: RunningStack) -> Iterator[Observed]:
    """Look at all parts several times a second until the block ends."""
    observed, done = Observed(), threading.Event()

    def keep_looking() -> None:
        while not done.wait(0.1):
            observed.look(stack)

    observed.look(stack)
    thread = threading.Thread(target=keep_looking)
    thread.start()
    try:
        yield observed
    finally:
        done.set()
        thread.join()


def _drill(stack: RunningStack, number: signal.Signals, names: tuple[str, ...]) -> Verdicts:
    before, begun = _components(stack), time.monotonic()
    said: defaultdict[str, list[str]] = defaultdict(list)
    again: dict[str, float] = {}

    def are_up_again() -> bool:
        now = _components(stack)
        for name in names:
            component = now[name]
            shown = status.status_of(stack.config, component)
            if name not in again and shown != "up" and shown not in said[name]:
                said[name].append(shown)
            if name not in again and component.pid != before[name].pid and component.status == "up":
                again[name] = time.monotonic() - begun
        return len(again) == len(names)

    with _observed(stack) as observed:
        for name in names:
            psutil.Process(before[name].pid).send_signal(number)
        wait_for(are_up_again, seconds=WAIT_SECONDS, what=f"{' and '.join(names)} to be up again", pause=0.05)
        _wait_until_well(stack)
    for name in names:
        yield _row(stack, f"{name} {number.name}", said[name], again[name], observed, set(names))


def _wait_until_well(stack: RunningStack) -> None:
    """Wait until `make status` and Airflow itself call all parts well."""

    def is_well() -> bool:
        if status.describe(stack.config)[1] != status.WELL:
            return False
        with stack.airflow() as airflow:
            health = airflow.request("GET", "/monitor/health")
        return all(part["status"] == "healthy" for part in health.values() if part["status"])

    wait_for(is_well, seconds=WAIT_SECONDS, what="the stack to be well again")


def _row(
    stack: RunningStack, title: str, said: list[str], seconds: float | None, observed: Observed, drilled: set[str]
) -> bool:
    others = observed.others(drilled)
    touched = {name for name, what in others.items() if what == STARTED_AGAIN}
    met = bool(said) and touched <= (END_WITH_POSTGRES if "postgres" in drilled else frozenset())
    again = "-" if seconds is None else f"{seconds:.0f} s"
    did = ", ".join(f"{name} {what}" for name, what in others.items()) or "went on"
    at_last = "all up" if status.describe(stack.config)[1] == status.WELL else "not all up"
    print(f"| {title} | {', '.join(said)} | {again} | {did} | {at_last} | {'met' if met else 'MISSED'} |", flush=True)
    return met


def _said(stack: RunningStack, name: str) -> str:
    return status.status_of(stack.config, _components(stack)[name])


def _components(stack: RunningStack) -> dict[str, ComponentState]:
    return _state(stack).components


def _state(stack: RunningStack) -> StackState:
    state = read_state(stack.config)
    if state is None:
        raise SystemExit(f"no stack in {stack.config.state_dir}")
    return state


KINDS: dict[str, Callable[[RunningStack], Verdicts]] = {
    "killed": killed,
    "frozen": frozen,
    "database": database,
    "slow": slow,
    "supervisor": supervisor,
}

if __name__ == "__main__":
    main(sys.argv[1:])
