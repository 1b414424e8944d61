"""A process that has imported what jobs import, and forks for each job: `python -P -m ... MODULE... ROOM`.

Android's word for it. Python's forkserver would do, but that its children are Python functions of one parent: a job is
a `python -m` with a working directory, an environment and logs of its own, and outlives who asked for it.

It reads requests from stdin, a line of JSON each (`folder`, `command`, `environment`), and writes to stdout `ready`
when all is imported, then for each request the process number of the job's leader. The leader is an exit recorder; the
job's process is forked from it, and goes on as the interpreter does that was started with the command.

It ends at the end of stdin, that is with the emulator, and instead of forking when a source file of a loaded module has
changed: no job runs old code. It forks with nothing open and no thread of Python's running; those of OpenBLAS and of
Arrow's allocator are stopped and started by their own handlers of fork(2), and gRPC has none before its first channel.
"""

import gc
import importlib
import json
import os
import runpy
import signal
import sys
import threading
import time
import traceback
import types
import warnings
from typing import Any

from emulators.dataflow.process import command_line, exit_recorder

READY = b"ready\n"

#: How far the time stamps of a file system may lie behind the clock.
_CLOCK_STEP_NS = 100_000_000

Sources = dict[str, tuple[int, int, int] | None]


def main(modules: list[str]) -> list[str] | None:
    """Import and serve.

    Returns:
        The command of a job, in the process that has to run it. None in the zygote itself, at its end.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, exit_recorder.ENDING_SIGNALS)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps the leaders
    command_line.show(sys.orig_argv[:-1])
    requests, replies = os.dup(0), os.dup(1)
    os.dup2(2, 1)  # what modules print belongs to the emulator's log
    begun = time.time_ns() - _CLOCK_STEP_NS
    if reason := _preload(modules):
        print(f"Dataflow emulator: {reason}; jobs start without preloaded modules", file=sys.stderr)
        return None
    sources = _sources()
    changed_meanwhile = any(stamps and begun < max(stamps[:2]) <= time.time_ns() for stamps in sources.values())
    gc.collect()
    gc.freeze()  # a collection in a job leaves the shared pages alone
    os.write(replies, READY)
    with open(requests, "rb", closefd=False) as lines:
        for line in lines:
            if changed_meanwhile or _sources_of(sources) != sources:
                return None
            leader = _fork()
            if leader:
                os.write(replies, f"{leader}\n".encode())
                continue
            os.close(requests)
            os.close(replies)
            request = json.loads(line)
            _become_program(**request)
            command: list[str] = request["command"]
            return command
    return None


def run(command: list[str]) -> None:
    """Go on as the interpreter of `python -P -m MODULE [ARGUMENT...]`: call it last, and catch nothing."""
    sys.orig_argv = command
    sys.argv = ["-m", *command[4:]]
    sys.modules["__main__"] = types.ModuleType("__main__")
    # What the interpreter itself calls; `runpy.run_module` would leave another __main__ to pickle and to exit handlers.
    runpy._run_module_as_main(command[3])  # type: ignore[attr-defined]


def _preload(modules: list[str]) -> str:
    """Import the modules; returns why jobs cannot be forked from here, if so."""
    before = _open_files()
    for name in modules:
        try:
            importlib.import_module(name)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a module may raise anything
            return f"{name} cannot be imported: {type(error).__name__}: {error}"
    if threading.active_count() > 1:
        names = ", ".join(thread.name for thread in threading.enumerate() if thread is not threading.main_thread())
        return f"{' or '.join(modules)} starts threads when imported: {names}"
    if opened := _open_files() - before:
        return f"{' or '.join(modules)} opens files or connections when imported: {', '.join(sorted(opened))}"
    return ""


def _open_files() -> set[str]:
    """Return what the process has open, where the system tells."""
    found = set()
    try:
        for number in os.listdir("/proc/self/fd"):  # noqa: PTH208
            try:
                found.add(f"{number}: {os.readlink(f'/proc/self/fd/{number}')}")  # noqa: PTH115
            except FileNotFoundError:  # the listing itself
                continue
    except OSError:
        return set()
    return found


def _sources() -> Sources:
    """Return the time stamps and sizes of the files of all loaded modules."""
    loaded = [module for module in sys.modules.values() if isinstance(module, types.ModuleType)]
    # Not by getattr, which lets lazy modules import more.
    return _sources_of(path for module in loaded if isinstance(path := vars(module).get("__file__"), str))


def _sources_of(paths: Any) -> Sources:
    return {path: _stamps(path) for path in paths}


def _stamps(path: str) -> tuple[int, int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - thousands of them
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size


def _fork() -> int:
    with warnings.catch_warnings():
        # Since Python 3.12 it warns of any thread; see above for those that there are.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _become_program(folder: str, command: list[str], environment: dict[str, str]) -> None:
    """Become the leader of a job's process group and, below it, the job's process: returns in the latter alone."""
    try:
        os.setsid()
        os.chdir(folder)
        _open(0, os.devnull, os.O_RDONLY)
        _open(1, f"{folder}/stdout.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        _open(2, f"{folder}/stderr.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        command_line.show([command[0], exit_recorder.__file__, folder, *command])
        if not exit_recorder.claim(folder):
            os._exit(0)
        if program := _fork():
            exit_recorder.watch(folder, program)
        command_line.show(command)
        os.environ.clear()
        os.environ.update(environment)
        _seed_numpy()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
    except BaseException:  # noqa: BLE001 - it must not go on as the zygote
        traceback.print_exc()
        os._exit(1)


def _open(number: int, path: str, flags: int) -> None:
    opened = os.open(path, flags, 0o666)
    os.dup2(opened, number)
    os.close(opened)


def _seed_numpy() -> None:
    """Seed numpy's global generator, as its import does; Python's own sees to itself."""
    if numpy_random := sys.modules.get("numpy.random"):
        numpy_random.seed()


if __name__ == "__main__":
    try:
        job = main(sys.argv[1:-1])
    except BrokenPipeError:  # the emulator was killed
        job = None
    if job is None:
        os._exit(0)
    run(job)
