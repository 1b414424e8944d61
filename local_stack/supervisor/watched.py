"""One component of the stack and its process, from its start to its end."""

import json
import logging
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from emulators.dataflow.process.exit_recorder import EXIT
from emulators.dataflow.process.launcher import Fork, Launcher
from local_stack.config import StackConfig
from local_stack.environment import component_environment
from local_stack.supervisor import logs, processes
from local_stack.supervisor.components import Component
from local_stack.supervisor.liveness import Liveness, Question
from local_stack.supervisor.state import ComponentState

FIRST_TRIES = 2
LONGEST_PAUSE = 30.0
STEADY = 60.0
"""Seconds after which the earlier restarts of a component that stayed up no longer count."""
SILENT_AFTER = 2
"""Questions in a row that a component leaves unanswered before it no longer counts as up."""
ASK_AFTER = 0.3
"""Seconds from one question to a component that starts to the next; its answer is seen at once."""
LOOK_AFTER = 10.0
"""Seconds from one look at the size of its log to the next."""

_ENDED_WELL = "ended with exit code 0"

_log = logging.getLogger(__name__)


class Watched:
    """A component and its process.

    Args:
        component: The component.
        config: The stack.
        zygote: What forks it, if it is to be forked.
    """

    def __init__(self, component: Component, config: StackConfig, zygote: Launcher) -> None:
        self.component = component
        self.state = ComponentState(label=component.label, log=str(component.log))
        self._config = config
        self._zygote = zygote
        self._fork: Fork | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._question: Question | None = None
        self._liveness: Liveness | None = None
        self._begun: datetime = datetime.now(UTC)
        self._log_start = 0
        self._clock = 0.0
        self._next_step = 0.0
        self._next_question = 0.0
        self._next_look = 0.0
        self._was_up = False
        self._failures = 0

    @property
    def ready(self) -> bool:
        """Whether those that need this component can start."""
        return self.state.status in ("up", "done")

    def step(self, ready: set[str]) -> None:
        """Take the component's next step, if there is one to take.

        Args:
            ready: Names of the components that are ready.
        """
        clock = time.monotonic()
        if clock >= self._next_look:
            self._next_look = clock + LOOK_AFTER
            self._log_start = max(0, self._log_start - logs.rotate(self.component.log))
        if clock < self._next_step:
            return
        if self.state.status in ("waiting", "restarting"):
            if ready.issuperset(self.component.after):
                self._start(clock)
        elif self.state.status == "starting":
            self._check_start(clock)
        elif self.state.status in ("up", "silent"):
            self._check_life(clock)

    def leader(self) -> int | None:
        """Return the process number of the component's session, None when it never had one."""
        if self._fork is not None:
            return self._fork.leader.pid if self._fork.leader else None
        return self._process.pid if self._process else None

    def _start(self, clock: float) -> None:
        log = self.component.log
        self._begun, self._clock, self._log_start = datetime.now(UTC), clock, logs.size(log)
        self._question = self._fork = None
        if self.component.forked and not self._failures:
            self._fork = self._zygote.fork(self._request())
        if self._fork is None:
            self._start_process()
        self.state.status, self.state.pid = "starting", self.leader()
        _log.info("%s: started, pid %s", self.component.name, self.state.pid or "follows")

    def _request(self) -> dict[str, Any]:
        request = {"command": self.component.argv, "log": str(self.component.log)}
        if self.component.imported:
            request["after"] = self.component.imported
        if self.component.probe is None:
            self._record.mkdir(parents=True, exist_ok=True)
            (self._record / EXIT).unlink(missing_ok=True)
            request["record"] = str(self._record)
        return request

    @property
    def _record(self) -> Path:
        return self.component.log.with_suffix("")

    def _start_process(self) -> None:
        environment = component_environment(self._config, account=self.component.account)
        self._process = processes.start(self.component.argv, environment=environment, log=self.component.log)

    def _check_start(self, clock: float) -> None:
        if self._fork is not None and self._fork.refused:
            self._fork = None
            self._start_process()
        self.state.pid = self.leader()
        ended = self._ended()
        if ended == _ENDED_WELL and self.component.probe is None:
            self.state.status, self.state.pid = "done", None
        elif ended:
            self._failed(ended, clock)
        elif self._answers(clock):
            self.state.status, self.state.message, self._was_up = "up", "", True
        elif clock - self._clock > self.component.timeout:
            self._failed(f"was not up within {self.component.timeout:.0f} s", clock)
        if self.ready:
            self.state.seconds = round(clock - self._clock, 1)
            _log.info("%s: %s after %.1f s", self.component.name, self.state.status, self.state.seconds)

    def _answers(self, clock: float) -> bool:
        """Tell whether the last question was answered well, and ask again where it was not."""
        if self.component.probe is None or (self._question and self._question.pending):
            return False
        if self._question and self._question.answer and self.state.pid:
            self._liveness = Liveness(self.component.probe, psutil.Process(self.state.pid), time.monotonic())
            return True
        if clock >= self._next_question:
            self._next_question = clock + ASK_AFTER
            self._question = Question(self.component.probe, self._begun)
        return False

    def _check_life(self, clock: float) -> None:
        if ended := self._ended():
            self._failed(ended, clock)
            return
        if self._failures and clock - self._clock > STEADY:
            self._failures = 0
        if self._liveness is not None:
            self._liveness.step(clock)
            unanswered = self._liveness.unanswered
            self.state.status = "silent" if unanswered >= SILENT_AFTER else "up"
            if self._liveness.given_up:
                self._failed(f"left {unanswered} questions in a row unanswered", clock)

    def _ended(self) -> str:
        """Return how the process ended, empty while it has not; of a fork only its parent could know the exit code."""
        if self._fork is None:
            code = self._process.poll() if self._process else None
            return "" if code is None else f"ended with exit code {code}"
        if self._fork.is_alive:
            return ""
        try:
            return f"ended with exit code {json.loads((self._record / EXIT).read_text())['exit_code']}"
        except FileNotFoundError:
            return "ended"

    def _failed(self, reason: str, clock: float) -> None:
        self._failures += 1
        leader = self.leader()
        if leader is not None:  # what it leaves behind, such as Airflow's workers, would go on beside its successor
            processes.stop(processes.group(leader, self._config.state_dir, cluster=self.component.cluster), grace=0)
        self.state.pid, self._liveness = None, None
        self.state.message = (
            f"{self.state.label} {reason}: {logs.last_lines(self.component.log, since=self._log_start)}"
        )
        if not self._was_up and self._failures >= FIRST_TRIES:
            self.state.status = "failed"
            _log.error("%s: %s", self.component.name, reason)
            return
        pause = min(2.0 ** (self._failures - 1), LONGEST_PAUSE)
        self.state.status, self.state.restarts = "restarting", self.state.restarts + 1
        self._next_step = clock + pause
        _log.warning("%s: %s; starting it again in %.0f s", self.component.name, reason, pause)
