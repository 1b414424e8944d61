"""A job's process group, as seen from outside: it survives the emulator, so everything is found again by its files."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

from emulators.dataflow.process.exit_recorder import EXIT
from emulators.dataflow.process.launcher import Fork, Launcher
from emulators.dataflow.process.logs import keep_end
from emulators.guard.authorized_user import authorized_user

#: How a command begins that can be forked.
_FORKED = [sys.executable, "-P", "-m"]
_RECORDER = Path(__file__).with_name("exit_recorder.py")


@dataclass(frozen=True)
class Exit:
    """How a job's process ended.

    Attributes:
        code: Of the entry point; negative for a signal, None where the process vanished without leaving one.
        cpu_seconds: Of the entry point and its children, user and system; 0 where unknown.
    """

    code: int | None
    cpu_seconds: float = 0.0

    def describe(self) -> str:
        """Return a sentence for the job's messages, empty for exit code 0."""
        if self.code is None:
            return "The job's process died without an exit code: it was killed together with its process group."
        if self.code < 0:
            return f"The job's process was killed by {signal.Signals(-self.code).name}."
        return f"The job's process ended with exit code {self.code}." if self.code else ""


class Child:
    """The process group of one job.

    Args:
        folder: Of the job: `stdout.log`, `stderr.log`, `metrics.json`, and what `exit_recorder` writes.
        launcher: Forks it, where it can.
    """

    def __init__(self, folder: Path, launcher: Launcher | None = None) -> None:
        self.folder = folder
        self._launcher = launcher
        self._fork: Fork | None = None
        self._recorder: subprocess.Popen[bytes] | None = None

    @property
    def stdout(self) -> Path:
        """What the job printed."""
        return self.folder / "stdout.log"

    @property
    def stderr(self) -> Path:
        """What the job logged."""
        return self.folder / "stderr.log"

    @property
    def metrics(self) -> Path:
        """Where the job puts its counters."""
        return self.folder / "metrics.json"

    def start(self, command: list[str], environment: dict[str, str]) -> None:
        """Start the command in the job's folder, in a session of its own. A second start of the same job does nothing.

        Where a fork of it is refused, it has not been started: the next call starts a new process.

        Raises:
            OSError: The process or its log files cannot be made.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.stdout.open("ab") as stdout, self.stderr.open("ab") as stderr:
            if self._launcher is not None and self._fork is None and command[:3] == _FORKED:
                request = {"folder": str(self.folder), "command": command, "environment": environment}
                self._fork = self._launcher.fork(request)
                if self._fork is not None:
                    return
            self._recorder = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_RECORDER), str(self.folder), *command],
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                cwd=self.folder,
                env=environment,
                start_new_session=True,
            )

    def credentials(self, token: str) -> Path:
        """Write the credentials that Google's clients find by GOOGLE_APPLICATION_CREDENTIALS, and return the file."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "credentials.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps(authorized_user(token)))
        return path

    def keep_logs_small(self, *, read: int) -> None:
        """Free the disk space of what the logs begin with, except what of `stderr` has not been read.

        Args:
            read: Bytes of `stderr` that have become messages.
        """
        keep_end(self.stdout)
        keep_end(self.stderr, before=read)

    @property
    def was_started(self) -> bool:
        """Whether this emulator or one before it started the command."""
        is_forked = self._fork is not None and not self._fork.refused
        return is_forked or self._recorder is not None or self._pid() is not None

    @property
    def has_begun(self) -> bool:
        """Whether the process group is there, or was."""
        return self._pid() is not None

    def exit(self) -> Exit | None:
        """Return how the process ended, or None while it has not."""
        alive = self._is_alive()
        try:
            record = json.loads((self.folder / EXIT).read_text())
        except FileNotFoundError:
            return None if alive else Exit(None)
        return Exit(int(record["exit_code"]), float(record["cpu_seconds"]))

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the whole group, if any of it is left."""
        pid = self._pid()
        if pid is None or self._is_taken_by_another(pid):
            return
        try:
            os.killpg(pid, number)
        except (ProcessLookupError, PermissionError):
            return

    def clear(self) -> None:
        """Kill what is left of the group and reap it."""
        self.send(signal.SIGKILL)
        if self._recorder is not None:
            self._recorder.wait()

    def delete(self) -> None:
        """Delete the folder, and with it all that is known of the job's process."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _pid(self) -> int | None:
        try:
            return int(json.loads((self.folder / "process.json").read_text())["pid"])
        except FileNotFoundError:
            return None

    def _is_alive(self) -> bool:
        if self._recorder is not None and self._recorder.poll() is None:
            return True
        if self._fork is not None and self._fork.is_alive:
            return True
        pid = self._pid()
        if pid is None or self._is_taken_by_another(pid):
            return False
        try:
            return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def _is_taken_by_another(self, pid: int) -> bool:
        # Ours works in the folder. Unlike a start time this does not shift when the clock is set. A zombie has no
        # working directory left, but keeps its pid from being given away.
        try:
            process = psutil.Process(pid)
            return process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()) != self.folder.resolve()
        except psutil.NoSuchProcess:
            return False
        except psutil.AccessDenied:
            return True
