"""Processes of a stack: started, found again and stopped.

A process belongs to a stack when its initial environment holds the stack's mark (`environment.MARK` with the state
folder). Children inherit it, so tasks of Airflow's LocalExecutor and workers of Dataflow jobs are found too, whoever
their parent was, and a process number that was given to another program is never mistaken for ours.
"""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from local_stack.config import REPOSITORY
from local_stack.environment import MARK
from local_stack.private_files import UMASK


def start(argv: Sequence[str], *, environment: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, with its output appended to a log file."""
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    log.touch(mode=0o600)
    with log.open("ab") as output:
        return subprocess.Popen(
            list(argv),
            env=dict(environment),
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            umask=UMASK,
        )


def belongs(process: psutil.Process, state_dir: Path) -> bool:
    """Tell whether a process lives and carries the mark of the stack in this state folder."""
    try:
        return _lives(process) and process.environ().get(MARK) == str(state_dir)
    except (psutil.Error, OSError):
        return False


def members(state_dir: Path) -> list[psutil.Process]:
    """Return the living processes of the stack in this state folder, the calling one excepted."""
    return [process for process in psutil.process_iter() if process.pid != os.getpid() and belongs(process, state_dir)]


def group(leader: int, state_dir: Path) -> list[psutil.Process]:
    """Return the stack's living processes in the session that a process of it leads or led."""
    found = []
    for process in members(state_dir):
        try:
            if os.getsid(process.pid) == leader:
                found.append(process)
        except OSError:
            continue
    return found


def stop(processes: Sequence[psutil.Process], *, grace: float) -> list[psutil.Process]:
    """Ask processes to end, kill those that have not ended after `grace` seconds, and wait until they are gone.

    Returns:
        The processes that had to be killed.
    """
    for process in processes:
        _signal(process, kill=False)
    alive = _still_alive(processes, seconds=grace)
    for process in alive:
        _signal(process, kill=True)
    _still_alive(alive, seconds=10)
    return alive


def stop_all(state_dir: Path, *, grace: float) -> int:
    """Stop every process of the stack, also those that appear meanwhile.

    Returns:
        How many processes were found.
    """
    count = 0
    deadline = time.monotonic() + 60
    while (found := members(state_dir)) and time.monotonic() < deadline:
        count += len(found)
        stop(found, grace=grace)
        grace = 0
    return count


def _still_alive(processes: Sequence[psutil.Process], *, seconds: float) -> list[psutil.Process]:
    """Wait until processes have ended; one that only its parent has not asked about yet has ended."""
    deadline = time.monotonic() + seconds
    while (alive := [process for process in processes if _lives(process)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return alive


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _signal(process: psutil.Process, *, kill: bool) -> None:
    try:
        # psutil refuses to signal another process that was given the same number.
        process.kill() if kill else process.terminate()
    except psutil.NoSuchProcess:
        return
