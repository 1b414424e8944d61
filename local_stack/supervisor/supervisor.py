"""The process that starts the stack's components, watches them, and stops them.

It starts each component when those it needs are up, starts it again when it dies (after 1 s, then 2, 4 ... 30 s), and
writes the state file at every change. So is one that no longer answers, after it was killed: see liveness.py. A
component that never came up ends the stack after its second try. SIGTERM or SIGINT stops everything.
"""

import logging
import os
import signal
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import psutil

from emulators.dataflow.process.launcher import Launcher
from local_stack.config import REPOSITORY, StackConfig
from local_stack.environment import component_environment
from local_stack.service_accounts import AIRFLOW
from local_stack.supervisor import logs, shutdown
from local_stack.supervisor.components import Component
from local_stack.supervisor.state import DOWN, FAILED, STARTING, UP, StackState, write_state
from local_stack.supervisor.watched import Watched

CLEAN_AFTER = 600.0
"""Seconds from one deletion of old logs to the next."""

_log = logging.getLogger(__name__)


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
        command = [sys.executable, "-m", "local_stack.airflow.zygote"] if airflow else []
        self._zygote = Launcher(command, REPOSITORY, component_environment(config, account=AIRFLOW), renewed=False)
        self._watched = [Watched(component, config, self._zygote) for component in components]
        self._stopping = False
        self._written = ""
        self._next_cleaning = 0.0
        self._state = StackState(
            status=STARTING,
            supervisor=os.getpid(),
            started=datetime.now(UTC).isoformat(timespec="seconds"),
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
        self._zygote.start()
        try:
            while not self._stopping and not failed and (self._owner is None or psutil.pid_exists(self._owner)):
                for watched in self._watched:
                    watched.step({other.component.name for other in self._watched if other.ready})
                failed = any(watched.state.status == "failed" for watched in self._watched)
                if all(watched.ready for watched in self._watched):
                    self._state.status = UP
                self._write()
                self._keep_logs_small()
                time.sleep(0.5 if self._state.status == UP else 0.1)
        finally:
            self._stop_components()
            self._state.status = FAILED if failed else DOWN
            self._write()
        return 1 if failed else 0

    def _stop_soon(self, *_: object) -> None:
        self._stopping = True

    def _keep_logs_small(self) -> None:
        clock = time.monotonic()
        if clock < self._next_cleaning:
            return
        self._next_cleaning = clock + CLEAN_AFTER
        logs.rotate(self._config.supervisor_log)
        logs.delete_old(self._config.task_logs_dir)

    def _stop_components(self) -> None:
        self._zygote.stop()
        shutdown.stop_components(
            self._config.state_dir,
            [(watched.component, leader) for watched in self._watched if (leader := watched.leader()) is not None],
        )
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
