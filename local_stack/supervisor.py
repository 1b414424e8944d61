"""The process that starts the stack's components, watches them, and stops them.

It starts each component when those it needs are up, starts it again when it dies (after 1 s, then 2, 4 ... 30 s), and
writes what it knows to the state file at every change. A component that never came up ends the stack after its second
try. SIGTERM or SIGINT stops everything.
"""

import logging
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from datetime import datetime

import psutil

from local_stack import processes
from local_stack.components import Component
from local_stack.config import StackConfig, component_environment
from local_stack.probes import now
from local_stack.state import DOWN, FAILED, STARTING, UP, ComponentState, StackState, write_state

FIRST_TRIES = 2
LONGEST_PAUSE = 30.0
STEADY = 60.0
"""Seconds after which a component that stayed up is forgiven its earlier restarts."""

_log = logging.getLogger(__name__)


class Watched:
    """A component and its process."""

    def __init__(self, component: Component, config: StackConfig) -> None:
        self.component = component
        self.state = ComponentState(label=component.label, log=str(component.log))
        self._config = config
        self._process: subprocess.Popen[bytes] | None = None
        self._begun: datetime = now()
        self._log_start = 0
        self._clock = 0.0
        self._next_look = 0.0
        self._was_up = False
        self._failures = 0

    @property
    def ready(self) -> bool:
        """Whether those that need this component can start."""
        return self.state.status in ("up", "done")

    def look(self, ready: set[str]) -> None:
        """Take the component's next step, if there is one to take.

        Args:
            ready: Names of the components that are ready.
        """
        clock = time.monotonic()
        if clock < self._next_look:
            return
        if self.state.status in ("waiting", "restarting"):
            if ready.issuperset(self.component.after):
                self._start(clock)
        elif self.state.status == "starting":
            self._look_at_start(clock)
        elif self.state.status == "up":
            self._look_at_life(clock)

    def leader(self) -> int | None:
        """Return the process number of the component's session, None when it never had one."""
        return self._process.pid if self._process else None

    def _start(self, clock: float) -> None:
        environment = component_environment(self._config)
        log = self.component.log
        processes.set_aside(log)
        self._begun, self._clock, self._log_start = now(), clock, processes.size(log)
        self._process = processes.start(self.component.argv, environment=environment, log=log)
        self.state.status, self.state.pid = "starting", self._process.pid
        _log.info("%s: started, pid %d", self.component.name, self._process.pid)

    def _look_at_start(self, clock: float) -> None:
        code = self._exit_code()
        if code == 0 and self.component.probe is None:
            self.state.status, self.state.pid = "done", None
        elif code is not None:
            self._failed(f"ended with exit code {code}", clock)
        elif self.component.probe is not None and self.component.probe(self._begun):
            self.state.status, self.state.message, self._was_up = "up", "", True
        elif clock - self._clock > self.component.patience:
            self._failed(f"was not up within {self.component.patience:.0f} s", clock)
        else:
            self._next_look = clock + 0.3
        if self.ready:
            self.state.seconds = round(time.monotonic() - self._clock, 1)
            _log.info("%s: %s after %.1f s", self.component.name, self.state.status, self.state.seconds)

    def _look_at_life(self, clock: float) -> None:
        if (code := self._exit_code()) is not None:
            self._failed(f"ended with exit code {code}", clock)
        elif self._failures and clock - self._clock > STEADY:
            self._failures = 0

    def _exit_code(self) -> int | None:
        return self._process.poll() if self._process else None

    def _failed(self, reason: str, clock: float) -> None:
        self._failures += 1
        leader = self.leader()
        if leader is not None:  # what it leaves behind, such as Airflow's workers, would go on beside its successor
            processes.stop(processes.group(leader, self._config.state_dir), grace=2)
        self.state.pid = None
        self.state.message = (
            f"{self.state.label} {reason}: {processes.last_lines(self.component.log, since=self._log_start)}"
        )
        if not self._was_up and self._failures >= FIRST_TRIES:
            self.state.status = "failed"
            _log.error("%s: %s", self.component.name, reason)
            return
        pause = min(2.0 ** (self._failures - 1), LONGEST_PAUSE)
        self.state.status, self.state.restarts = "restarting", self.state.restarts + 1
        self._next_look = clock + pause
        _log.warning("%s: %s; starting it again in %.0f s", self.component.name, reason, pause)


class Supervisor:
    """Runs the components of one stack until it is told to stop or one of them cannot be started.

    Args:
        config: The stack.
        components: What it consists of, in the order of starting.
        airflow: Whether Airflow is among them.
        owner: Process number whose end stops the stack too; None for a stack that outlives its starter.
    """

    def __init__(
        self, config: StackConfig, components: Sequence[Component], *, airflow: bool, owner: int | None
    ) -> None:
        self._config = config
        self._owner = owner
        self._watched = [Watched(component, config) for component in components]
        self._stopping = False
        self._written = ""
        self._state = StackState(
            status=STARTING,
            supervisor=os.getpid(),
            started=now().isoformat(timespec="seconds"),
            airflow=airflow,
            ports=dict(config.ports),
            other_pubsub=config.other_pubsub,
            components={watched.component.name: watched.state for watched in self._watched},
        )

    def run(self) -> int:
        """Run until stopped.

        Returns:
            0 after a signal or its owner's end, 1 when a component could not be started.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop_soon)
        failed = False
        try:
            while not self._stopping and not failed and (self._owner is None or psutil.pid_exists(self._owner)):
                for watched in self._watched:
                    watched.look({other.component.name for other in self._watched if other.ready})
                failed = any(watched.state.status == "failed" for watched in self._watched)
                if all(watched.ready for watched in self._watched):
                    self._state.status = UP
                self._write()
                time.sleep(0.5 if self._state.status == UP else 0.1)
        finally:
            self._stop_components()
            self._state.status = FAILED if failed else DOWN
            self._write()
        return 1 if failed else 0

    def _stop_soon(self, *_: object) -> None:
        self._stopping = True

    def _stop_components(self) -> None:
        """Stop first those that need others, then those they need, then whatever is left of them."""
        state_dir = self._config.state_dir
        for dependent, grace in ((True, 6.0), (False, 15.0)):
            started = [w for w in self._watched if bool(w.component.after) == dependent]
            leaders = {leader for w in started if (leader := w.leader()) is not None}
            # Only the leader is asked: a task of Airflow that is killed is run again at the next start,
            # one that is asked to end is marked failed.
            asked = [process for process in processes.members(state_dir) if process.pid in leaders]
            for process in processes.stop(asked, grace=grace):
                _log.info("pid %d had to be killed", process.pid)
            for leader in leaders:
                processes.stop(processes.group(leader, state_dir), grace=0)
        processes.stop_all(state_dir, grace=2)
        for watched in self._watched:
            if watched.state.status != "failed":
                watched.state.status = "stopped"
            watched.state.pid = None
        _log.info("stopped")

    def _write(self) -> None:
        shown = repr(self._state)
        if shown != self._written:
            write_state(self._config, self._state)
            self._written = shown
