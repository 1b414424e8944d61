"""How long a part takes to be up again after a fault."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Self

import psutil

from local_stack.running import RunningStack
from local_stack.status import status_of
from local_stack.supervisor.state import read_state, running_state
from tests.chaos.outside import victims

_LOOK_SECONDS = 0.5


@dataclass(frozen=True)
class _Wait:
    part: str
    kind: str
    since: float
    pid: int


class Recovery:
    """Looks at all parts several times a second, and notes when one that had a fault is up.

    Attributes:
        seconds: By part and kind of fault, how long each took.
    """

    def __init__(self, stack: RunningStack) -> None:
        self.seconds: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
        self._stack = stack
        self._waits: list[_Wait] = []
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recovery", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def await_part(self, part: str, kind: str, process: psutil.Process) -> None:
        """Count from now on until a part is up: after a kill by another process, after a freeze by any."""
        with self._lock:
            if not any(wait.part == part for wait in self._waits):
                self._waits.append(_Wait(part, kind, time.monotonic(), process.pid))

    def _run(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            with self._lock:
                waits = list(self._waits)
            done = [wait for wait in waits if self._is_up(wait)]
            clock = time.monotonic()
            with self._lock:
                for wait in done:
                    self._waits.remove(wait)
                    self.seconds[wait.part, wait.kind].append(clock - wait.since)

    def _is_up(self, wait: _Wait) -> bool:
        if wait.part == victims.SUPERVISOR:
            state = running_state(self._stack.config)
            return state is not None and (wait.kind == "freeze" or state.supervisor != wait.pid)
        if wait.part == victims.STREAM:
            found = [process.pid for process in victims.find(self._stack, victims.STREAM)]
            return bool(found) and (wait.kind == "freeze" or wait.pid not in found)
        state = read_state(self._stack.config)
        if state is None or running_state(self._stack.config) is None:
            return False
        component = state.components[wait.part]
        is_other = wait.kind == "freeze" or component.pid not in (None, wait.pid)
        return is_other and status_of(self._stack.config, component) == "up"
