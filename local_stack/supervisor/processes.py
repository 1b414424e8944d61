"""Processes of a stack: started, found again and stopped.

A process belongs to a stack when its initial environment holds the stack's mark (`environment.MARK` with the state
folder). Children inherit it, so tasks of Airflow's LocalExecutor and workers of Dataflow jobs are found too, whoever
their parent was, and a process number that was given to another program is never mistaken for ours. PostgreSQL's
children write their titles over their environment, and begin these with the name of the stack's cluster.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import psutil

from local_stack.config import REPOSITORY
from local_stack.environment import MARK
from local_stack.postgres import cluster_name
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
    return _lives(process) and (_marked(process, state_dir) or _of_cluster(process, cluster_name(state_dir)))


def members(state_dir: Path) -> list[psutil.Process]:
    """Return the living processes of the stack in this state folder, the calling one excepted.

    Airflow makes a worker that has run a task undumpable, and Linux then shows its environment to nobody without
    CAP_SYS_PTRACE: such a process belongs to the stack of its parent.
    """
    found: dict[int, psutil.Process] = {}
    hidden: list[psutil.Process] = []
    for process in psutil.process_iter():
        if belongs(process, state_dir):
            found[process.pid] = process
        elif _is_hidden(process):
            hidden.append(process)
    while children := [process for process in hidden if process.pid not in found and _parent(process) in found]:
        found.update((process.pid, process) for process in children)
    found.pop(os.getpid(), None)
    return list(found.values())


def group(leader: int, state_dir: Path, *, cluster: str = "") -> list[psutil.Process]:
    """Return the stack's living processes of one component.

    Airflow's hidden workers whose parent has ended are told by their session and their title.

    Args:
        leader: The process that leads or led their session.
        state_dir: The stack's folder.
        cluster: The PostgreSQL cluster whose processes belong to it.
    """
    ours = members(state_dir)
    known = {process.pid for process in ours}
    orphans = (process for process in psutil.process_iter() if process.pid not in known and _is_orphan(process))
    found = []
    for process in (*ours, *orphans):
        try:
            if os.getsid(process.pid) == leader or (cluster and _of_cluster(process, cluster)):
                found.append(process)
        except OSError:
            continue
    return found


def is_frozen(process: psutil.Process) -> bool:
    """Tell whether a process was stopped by a signal, such as SIGSTOP, and has not been continued."""
    try:
        return bool(process.status() == psutil.STATUS_STOPPED)
    except psutil.NoSuchProcess:
        return False


def wake(process: psutil.Process) -> None:
    """Let a frozen process go on."""
    _signal(process, signal.SIGCONT)


def stop(
    processes: Sequence[psutil.Process], *, grace: float, signals: Mapping[int, signal.Signals] = MappingProxyType({})
) -> list[psutil.Process]:
    """Ask processes to end, kill those that have not ended after `grace` seconds, and wait until they are gone.

    Args:
        processes: The processes.
        grace: Seconds; 0 kills at once.
        signals: What those of these numbers are asked with instead of SIGTERM.

    Returns:
        The processes that had to be killed.
    """
    alive = processes
    if grace:
        for process in processes:
            _signal(process, signals.get(process.pid, signal.SIGTERM))
            wake(process)  # a frozen one hears nothing else
        alive = _still_alive(processes, seconds=grace)
    for process in alive:
        _signal(process, signal.SIGKILL)
    _still_alive(alive, seconds=10)
    return list(alive)


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


def _marked(process: psutil.Process, state_dir: Path) -> bool:
    try:
        return bool(process.environ().get(MARK) == str(state_dir))
    except (psutil.Error, OSError):
        return False


def _is_hidden(process: psutil.Process) -> bool:
    try:
        if process.uids().real != os.getuid():
            return False
        process.environ()
    except psutil.AccessDenied:
        return _lives(process)
    except (psutil.Error, OSError):
        return False
    return False


def _is_orphan(process: psutil.Process) -> bool:
    """Tell whether a hidden process is one of Airflow's, whosever stack it was of."""
    try:
        return "".join(process.cmdline()[:1]).startswith("airflow ") and _is_hidden(process)
    except (psutil.Error, OSError):
        return False


def _parent(process: psutil.Process) -> int:
    try:
        return process.ppid()
    except psutil.NoSuchProcess:
        return 0


def _of_cluster(process: psutil.Process, name: str) -> bool:
    try:
        command = process.cmdline()
    except (psutil.Error, OSError):
        return False
    return f"--cluster_name={name}" in command or "".join(command[:1]).startswith(f"postgres: {name}: ")


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    # psutil refuses to signal another process that was given the same number.
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(number)
