"""Carries out the events of a schedule: each at its time, or as soon after it as there is something to do it to."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import psutil

from local_stack.clients.airflow import ENDED, AirflowApi
from local_stack.running import RunningStack
from local_stack.supervisor import processes
from local_stack.supervisor.state import read_state
from logline_cli.errors import ClientError
from tests.chaos.outside import victims
from tests.chaos.outside.proxy import Proxies
from tests.chaos.outside.recovery import Recovery
from tests.chaos.outside.schedule import CLEAR, DISK, FILE, FREEZE, KILL, NETWORK, TRIGGER, Event
from tests.chaos.outside.traffic import Files

LATE_SECONDS = 60.0
"""How long an event waits for its victim before it is left out."""
_STEP_SECONDS = 0.5
_NO_LIMIT = psutil.RLIM_INFINITY


@dataclass
class Done:
    """What was done.

    Attributes:
        events: Seconds after the beginning, kind and target of each.
        counts: By kind and target.
        left_out: Events whose victim was not there in time, by kind and target.
    """

    events: list[tuple[float, str, str]] = field(default_factory=list)
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    left_out: Counter[tuple[str, str]] = field(default_factory=Counter)

    def of(self, kind: str) -> int:
        """Return how many events of a kind were done."""
        return sum(count for (one, _), count in self.counts.items() if one == kind)


class Faults:
    """Works through a schedule.

    Args:
        stack: The stack.
        proxies: The links.
        files: The objects.
        recovery: Is told of each part that has a fault.
        tell: Takes a line for each event.
    """

    def __init__(
        self, stack: RunningStack, proxies: Proxies, files: Files, recovery: Recovery, tell: Callable[[str], None]
    ) -> None:
        self.done = Done()
        self._stack = stack
        self._proxies = proxies
        self._files = files
        self._recovery = recovery
        self._tell = tell
        self._ends: list[tuple[float, Callable[[], None]]] = []
        self._killed: set[psutil.Process] = set()
        self._frozen: set[psutil.Process] = set()
        self._seen: list[psutil.Process] = []
        self._looked = 0.0
        self._lock = threading.Lock()
        self._doing: dict[str, Callable[[Event], bool]] = {
            KILL: self._kill,
            FREEZE: self._freeze,
            DISK: self._fill_disk,
            NETWORK: self._break_link,
        }

    def run(self, events: list[Event]) -> None:
        """Carry out all events, then end all faults that last."""
        begun = time.monotonic()
        left, asked = list(events), []
        # What asks Airflow or Cloud Storage waits for an answer, while the other events go on.
        with ThreadPoolExecutor(1) as of_files, ThreadPoolExecutor(2) as of_airflow:
            while left or self._ends:
                clock = time.monotonic()
                for end in [end for end in self._ends if end[0] <= clock]:
                    self._ends.remove(end)
                    end[1]()
                for event in [event for event in left if event.at <= clock - begun]:
                    if event.kind == FILE:
                        asked.append(of_files.submit(self._change_file, event, begun))
                    elif event.kind in (CLEAR, TRIGGER):
                        asked.append(of_airflow.submit(self._ask_airflow, event, begun))
                    elif self._doing[event.kind](event):
                        self._note(event, begun)
                    elif clock - begun - event.at < LATE_SECONDS:
                        continue
                    else:
                        self._leave_out(event)
                    left.remove(event)
                time.sleep(_STEP_SECONDS)
        for one in asked:
            one.result()
        self._lift_limits()

    def _note(self, event: Event, begun: float, what: str = "") -> None:
        at = time.monotonic() - begun
        with self._lock:
            self.done.events.append((at, event.kind, event.target))
            self.done.counts[event.kind, event.target] += 1
        self._tell(f"{at:7.1f} s  {event.kind} {event.target}{what}")

    def _leave_out(self, event: Event) -> None:
        with self._lock:
            self.done.left_out[event.kind, event.target] += 1

    def _members(self) -> list[psutil.Process]:
        """Return all processes of the stack as they were at most a step ago: several events may wait for one."""
        clock = time.monotonic()
        if clock >= self._looked + _STEP_SECONDS:
            self._seen = processes.members(self._stack.config.state_dir)
            self._looked = clock
        return self._seen

    def _chosen(self, event: Event) -> psutil.Process | None:
        found = [
            process
            for process in victims.find(self._stack, event.target, self._members)
            if process not in self._killed and process not in self._frozen and process.is_running()
        ]
        return found[int(event.pick * len(found))] if found else None

    def _kill(self, event: Event) -> bool:
        process = self._chosen(event)
        if process is None:
            return False
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
        self._killed.add(process)
        if event.target in (*victims.components(self._stack), victims.SUPERVISOR, victims.STREAM):
            self._recovery.await_part(event.target, KILL, process)
        return True

    def _freeze(self, event: Event) -> bool:
        process = self._chosen(event)
        if process is None:
            return False
        with contextlib.suppress(psutil.NoSuchProcess):
            process.suspend()
        self._frozen.add(process)

        def wake() -> None:
            self._frozen.discard(process)
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()
            if event.target in (*victims.components(self._stack), victims.SUPERVISOR, victims.STREAM):
                self._recovery.await_part(event.target, FREEZE, process)

        self._ends.append((time.monotonic() + event.seconds, wake))
        return True

    def _fill_disk(self, event: Event) -> bool:
        """Let every write to a file fail in a part's processes, as on a full disk, by RLIMIT_FSIZE."""
        leader = next(iter(victims.find(self._stack, event.target)), None)
        if leader is None:
            return False
        state = read_state(self._stack.config)
        cluster = "" if event.target != "postgres" else processes.cluster_name(self._stack.config.state_dir)
        assert state is not None
        for process in processes.group(leader.pid, self._stack.config.state_dir, cluster=cluster):
            _limit_files(process, 0)
        self._ends.append((time.monotonic() + event.seconds, self._lift_limits))
        return True

    def _lift_limits(self) -> None:
        """Lift the limit of every process: whoever was forked meanwhile has inherited it."""
        for _ in range(2):
            for process in processes.members(self._stack.config.state_dir):
                _limit_files(process, _NO_LIMIT)

    def _break_link(self, event: Event) -> bool:
        name, mode = event.target.split(": ")
        self._proxies.begin(name, mode)
        self._ends.append((time.monotonic() + event.seconds, lambda: self._proxies.end(name)))
        return True

    def _change_file(self, event: Event, begun: float) -> None:
        self._files.change(event.target, event.pick)
        self._note(event, begun)

    def _ask_airflow(self, event: Event, begun: float) -> None:
        deadline = time.monotonic() + LATE_SECONDS
        while time.monotonic() < deadline:
            try:
                with self._stack.airflow() as airflow:
                    what = (
                        _clear(airflow, event) if event.kind == CLEAR else _trigger_twice(self._stack, airflow, event)
                    )
            except ClientError:
                time.sleep(1)
                continue
            if what:
                self._note(event, begun, what)
                return
            break
        self._leave_out(event)


def _clear(airflow: AirflowApi, event: Event) -> str:
    """Clear a task of one of the latest runs of a DAG that have ended; returns which, empty where there is none."""
    ended = [run for run in airflow.runs(event.target)[:10] if run.state in ENDED]
    if not ended:
        return ""
    run = ended[int(event.pick * len(ended))]
    tasks = [task for task in airflow.tasks(run.dag_id, run.run_id) if task.state is not None]
    if not tasks:
        return ""
    task = tasks[int(event.pick * 997 % 1 * len(tasks))]
    airflow.clear(run, [task.task_id if task.map_index < 0 else (task.task_id, task.map_index)])
    return f": {run.run_id} {task.label}"


def _trigger_twice(stack: RunningStack, airflow: AirflowApi, event: Event) -> str:
    conf: dict[str, object] = {}
    if event.target == "log_backfill":
        conf = {"source": f"gs://{stack.bucket}/logs/**", "new_only": event.pick < 0.5}
    for _ in range(2):
        airflow.trigger(event.target, conf)
    return f": twice {conf or ''}"


def _limit_files(process: psutil.Process, soft: int) -> None:
    try:
        _, hard = process.rlimit(psutil.RLIMIT_FSIZE)
        process.rlimit(psutil.RLIMIT_FSIZE, (hard if soft == _NO_LIMIT else soft, hard))
    except (psutil.Error, OSError):  # it has ended, or is hidden
        return
