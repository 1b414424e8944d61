"""Parts of the local stack frozen, killed and slowed down, one after the other: ``python -m benchmarks.drills``.

On a stack of its own with a real Airflow. Each line says what `make status` said, after how many seconds the part was
up again, and which healthy parts were touched meanwhile: none may be. Parts of Airflow that end by themselves because
their database has ended are not counted. ``python -m benchmarks.drills killed`` runs one kind of drill.
"""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from benchmarks.table import machine
from local_stack import launch, status
from local_stack.running import RunningStack, running_stack
from local_stack.supervisor.state import ComponentState, StackState, read_state
from local_stack.waiting import wait_for

WAIT_SECONDS = 300
SLOW_SECONDS = 60
AIRFLOW = ("airflow-api-server", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer")
# To be frozen together: it takes half a minute until each is noticed.
TOGETHER = (
    ("storage", "airflow-triggerer"),
    ("bigquery", "airflow-dag-processor"),
    ("pubsub", "airflow-scheduler"),
    ("dataflow", "airflow-api-server"),
    ("postgres",),
)


def main(kinds: list[str] | None = None) -> None:
    """Drill and print; exit non-zero where a healthy part was touched or `make status` did not tell."""
    wanted = kinds or list(KINDS)
    if unknown := sorted(set(wanted) - set(KINDS)):
        sys.exit(f"unknown kind of drill {', '.join(unknown)}: choose from {', '.join(KINDS)}")
    with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder) / "state", airflow=True) as stack:
        print(f"Drills of the local stack: {machine()}")
        print("| drill | make status said | up again after | healthy parts touched | |\n|---|---|---|---|---|")
        missed = [met for kind in wanted for met in KINDS[kind](stack) if not met]
    if missed:
        sys.exit(f"{len(missed)} drills missed")


def frozen(stack: RunningStack) -> Iterator[bool]:
    """Stop each part with SIGSTOP."""
    for names in TOGETHER:
        yield from _drill(stack, signal.SIGSTOP, names)


def killed(stack: RunningStack) -> Iterator[bool]:
    """Kill each part with SIGKILL."""
    for names in TOGETHER:
        for name in names:
            yield from _drill(stack, signal.SIGKILL, (name,))


def slow(stack: RunningStack) -> Iterator[bool]:
    """Let the API server work one second in five for a minute."""
    before, end = _components(stack), time.monotonic() + SLOW_SECONDS
    process = psutil.Process(before["airflow-api-server"].pid)
    said = set()
    while time.monotonic() < end:
        process.suspend()
        time.sleep(4)
        said.add(_said(stack, "airflow-api-server"))
        process.resume()
        time.sleep(1)
    yield _line(f"API server slow for {SLOW_SECONDS} s", " / ".join(sorted(said)), None, _touched(stack, before), True)


def supervisor(stack: RunningStack) -> Iterator[bool]:
    """Freeze the supervisor and wake it by `make up`, then kill it and start anew by `make up`."""
    for number, told in ((signal.SIGSTOP, "is frozen"), (signal.SIGKILL, "no supervisor")):
        before = _components(stack)
        psutil.Process(_state(stack).supervisor).send_signal(number)
        time.sleep(1)
        touched = _touched(stack, before)
        lines, code = status.describe(stack.config)
        begun = time.monotonic()
        launch.up(stack.config, tell=lambda _: None, watch=lambda _: None)
        seconds = time.monotonic() - begun
        said = lines[-1].partition(":")[0]
        yield _line(f"supervisor {number.name}", said, seconds, touched, told in said and code == status.NOT_WELL)


def _drill(stack: RunningStack, number: signal.Signals, names: tuple[str, ...]) -> Iterator[bool]:
    before, begun = _components(stack), time.monotonic()
    for name in names:
        psutil.Process(before[name].pid).send_signal(number)
    said: dict[str, str] = {}
    again: dict[str, float] = {}

    def are_up_again() -> bool:
        now = _state(stack)
        for name in names:
            component = now.components[name]
            if name not in said and (shown := status.status_of(stack.config, component)) != "up":
                said[name] = shown
            if name not in again and component.pid != before[name].pid and component.status == "up":
                again[name] = time.monotonic() - begun
        return len(again) == len(names) and now.is_well

    wait_for(are_up_again, seconds=WAIT_SECONDS, what=f"{' and '.join(names)} to be up again", pause=0.05)
    ended_with = AIRFLOW if "postgres" in names else ()
    touched = _touched(stack, before, *names, *ended_with)
    for name in names:
        yield _line(f"{name} {number.name}", said.get(name, "up"), again[name], touched, name in said)


def _line(title: str, said: str, seconds: float | None, touched: list[str], told: bool) -> bool:
    met = told and not touched
    again = "-" if seconds is None else f"{seconds:.0f} s"
    print(f"| {title} | {said} | {again} | {', '.join(touched) or 'none'} | {'met' if met else 'MISSED'} |", flush=True)
    return met


def _said(stack: RunningStack, name: str) -> str:
    return status.status_of(stack.config, _components(stack)[name])


def _touched(stack: RunningStack, before: dict[str, ComponentState], *drilled: str) -> list[str]:
    now = _components(stack)
    return [name for name in before if name not in drilled and now[name].pid != before[name].pid]


def _components(stack: RunningStack) -> dict[str, ComponentState]:
    return _state(stack).components


def _state(stack: RunningStack) -> StackState:
    state = read_state(stack.config)
    if state is None:
        raise SystemExit(f"no stack in {stack.config.state_dir}")
    return state


KINDS: dict[str, Callable[[RunningStack], Iterator[bool]]] = {
    "killed": killed,
    "frozen": frozen,
    "slow": slow,
    "supervisor": supervisor,
}

if __name__ == "__main__":
    main(sys.argv[1:])
