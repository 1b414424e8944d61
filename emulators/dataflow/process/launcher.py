"""The emulator's side of the zygote: start it, ask it for forks, start another one when it has ended."""

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import psutil

from emulators.dataflow.process.command_line import ROOM
from emulators.dataflow.process.zygote import READY

logger = logging.getLogger(__name__)

_TRIES = 2
"""How many zygotes a fork is asked of: the first may have old code."""


def zygote_command(modules: Sequence[str]) -> list[str]:
    """Return the command of the zygote of jobs that imports these modules; empty where there are none."""
    return [sys.executable, "-P", "-m", f"{__package__}.zygote", *modules, ROOM] if modules else []


class Fork:
    """A process that a zygote was asked for.

    Attributes:
        leader: The process that leads its session, once it has been forked.
        refused: Whether no zygote can fork it.
    """

    def __init__(self, request: Mapping[str, Any]) -> None:
        self.request = json.dumps(request).encode() + b"\n"
        self.tries = 0
        self.leader: psutil.Process | None = None
        self.refused = False
        self._answered = False

    def answer(self, pid: int) -> None:
        """Take the number of the leader; it may have ended already."""
        try:
            self.leader = psutil.Process(pid)
        except psutil.NoSuchProcess:
            self.leader = None
        self._answered = True

    @property
    def is_alive(self) -> bool:
        """Whether its process is there, or is still to come."""
        if self.leader is not None:
            return _lives(self.leader)
        return not (self._answered or self.refused)


class Launcher:
    """Asks a process that has imported modules already for forks.

    Args:
        command: The zygote's; empty: nothing is forked.
        folder: Where it runs.
        environment: All of its variables.
        renewed: Whether there is another zygote when one has ended.
    """

    def __init__(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str], *, renewed: bool = True
    ) -> None:
        self._command = list(command)
        self._folder = folder
        self._environment = dict(environment)
        self._renewed = renewed
        self._lock = threading.Lock()
        self._zygote: subprocess.Popen[bytes] | None = None
        self._is_ready = False
        self._unanswered: list[Fork] = []
        self._stopping = False

    def start(self, after: float = 0.0) -> None:
        """Begin to import, if there is anything to import.

        Args:
            after: In how many seconds, or when a fork is asked for, whichever comes first.
        """
        if after:
            timer = threading.Timer(after, self.start)
            timer.daemon = True
            timer.start()
            return
        with self._lock:
            if self._command and self._zygote is None and not self._stopping:
                self._start()

    def fork(self, request: Mapping[str, Any]) -> Fork | None:
        """Ask for a process, when the modules are imported; None where there is no zygote.

        Args:
            request: What the zygote's `become` takes.
        """
        if self._renewed:
            self.start()
        fork = Fork(request)
        with self._lock:
            if self._zygote is None:
                return None
            self._unanswered.append(fork)
            if self._is_ready:
                self._ask(fork)
        return fork

    def stop(self) -> None:
        """End the zygote when it has done what it was asked for; what it has not been asked for is refused."""
        with self._lock:
            self._stopping = True
            if self._zygote is not None:
                _stdin(self._zygote).close()
                if not self._is_ready:
                    self._zygote.kill()

    def _start(self) -> None:
        try:
            zygote = subprocess.Popen(
                self._command,
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=self._folder,
                env=self._environment,
            )
        except OSError:
            logger.exception("No job can be forked")
            return
        self._zygote, self._is_ready = zygote, False
        threading.Thread(target=self._follow, args=(zygote,), name="launcher", daemon=True).start()

    def _follow(self, zygote: subprocess.Popen[bytes]) -> None:
        with zygote:
            for line in zygote.stdout or ():
                with self._lock:
                    if line == READY:
                        self._is_ready = True
                        for fork in self._unanswered:
                            self._ask(fork)
                    else:
                        self._unanswered.pop(0).answer(int(line))
        with self._lock:
            self._zygote = None
            again = [fork for fork in self._unanswered if fork.tries < _TRIES]
            if self._stopping or not self._is_ready or not self._renewed:
                again = []
            if again:
                self._start()
            if self._zygote is None:
                again = []
            for fork in self._unanswered:
                fork.refused = fork not in again
            self._unanswered = again

    def _ask(self, fork: Fork) -> None:
        fork.tries += 1
        try:
            _stdin(self._zygote).write(fork.request)
        except OSError:
            logger.info("The zygote has ended")  # _follow sees to what it has not answered


def _stdin(zygote: subprocess.Popen[bytes] | None) -> IO[bytes]:
    if zygote is None or zygote.stdin is None:
        raise BrokenPipeError
    return zygote.stdin


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
