"""A process that has imported what jobs import, and forks for each job: `python -P -m ... MODULE... ROOM`.

Android's word for it. Python's forkserver would do, but that its children are Python functions of one parent: a job is
a `python -m` with a working directory, an environment and logs of its own, and outlives who asked for it.

It reads requests from stdin, a line of JSON each (`folder`, `command`, `environment`), and writes to stdout `ready`
when it takes them, then for each request the process number of the job's leader. The leader is an exit recorder; the
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
import select
import signal
import sys
import threading
import time
import traceback
import types
import warnings
from collections.abc import Callable, Iterable

from emulators.dataflow.process import command_line, exit_recorder

READY = b"ready\n"

#: How far the time stamps of a file system may lie behind the clock.
_CLOCK_STEP_NS = 10_000_000

#: By path: when each file was last written, and its size; by these Python itself tells whether its byte code is stale.
Sources = dict[str, tuple[int, int] | None]


def serve(
    modules: list[str], become: Callable[..., list[str]], told: str, *, ready_after: str = ""
) -> list[str] | None:
    """Import and fork.

    Args:
        modules: What to import, in this order.
        become: Called in each fork with the items of the request; returns the command that it has to run.
        told: What follows from modules that cannot be preloaded, for the user.
        ready_after: The module with whose import it is ready; the others are imported while nothing is asked for. A
            request may name the one that it waits for (`after`); else it waits for all. Empty: ready after the last.

    Returns:
        The command, in the process that has to run it. None in the zygote itself, at its end.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, exit_recorder.ENDING_SIGNALS)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps its children
    requests, replies = os.dup(0), os.dup(1)
    os.dup2(2, 1)  # what modules print belongs to the emulator's log
    imports = _Imports(modules, told)
    if not imports.go_on(until=ready_after):
        return None
    _tell(replies, READY)
    with open(requests, "rb", buffering=0, closefd=False) as lines:
        while True:
            while imports.left and not select.select([lines], [], [], 0)[0]:
                if not imports.go_on(until=imports.left[0]):
                    return None
            request = json.loads(lines.readline() or "null")
            if request is None or not imports.go_on(until=request.pop("after", "")) or imports.are_stale():
                return None
            leader = _fork()
            if leader:
                _tell(replies, f"{leader}\n".encode())
                continue
            os.close(requests)
            os.close(replies)
            try:
                command = become(**request)
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                signal.signal(signal.SIGINT, signal.default_int_handler)
                signal.pthread_sigmask(signal.SIG_SETMASK, ())
            except BaseException:  # noqa: BLE001 - it must not go on as the zygote
                traceback.print_exc()
                os._exit(1)
            return command


class _Imports:
    """The modules of a zygote, and what became of their files since.

    Args:
        modules: To be imported.
        told: What follows where one cannot be.

    Attributes:
        left: Those that are not imported yet.
    """

    def __init__(self, modules: list[str], told: str) -> None:
        self.left = list(modules)
        self._told = told
        self._sources: Sources = {}
        self._changed_meanwhile = False

    def go_on(self, *, until: str) -> bool:
        """Import up to a module, if it is not imported yet; empty: all. False where nothing can be forked then."""
        count = self.left.index(until) + 1 if until in self.left else 0 if until else len(self.left)
        names, self.left = self.left[:count], self.left[count:]
        if not names:
            return True
        begun = time.time_ns() - _CLOCK_STEP_NS
        if reason := _preload(names):
            print(f"{reason}; {self._told}", file=sys.stderr)
            return False
        found = _sources_of(_files() - self._sources.keys())
        self._sources |= found
        self._changed_meanwhile |= any(stamps and begun < stamps[0] <= time.time_ns() for stamps in found.values())
        gc.collect()
        gc.freeze()  # a collection in a job leaves the shared pages alone
        return True

    def are_stale(self) -> bool:
        """Tell whether a file has changed since it was imported."""
        return self._changed_meanwhile or _sources_of(self._sources) != self._sources


def run(command: list[str]) -> None:
    """Go on as the interpreter of `python ... -m MODULE [ARGUMENT...]`: call it last, and catch nothing."""
    module = command.index("-m") + 1
    sys.orig_argv = command
    sys.argv = ["-m", *command[module + 1 :]]
    sys.modules["__main__"] = types.ModuleType("__main__")
    # What the interpreter itself calls; `runpy.run_module` would leave another __main__ to pickle and to exit handlers.
    runpy._run_module_as_main(command[module])  # type: ignore[attr-defined]


def _tell(replies: int, line: bytes) -> None:
    try:
        os.write(replies, line)
    except BrokenPipeError:  # it was killed who would read it, and stdin ends
        return


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


def _files() -> set[str]:
    """Return the files of all loaded modules."""
    loaded = [module for module in sys.modules.values() if isinstance(module, types.ModuleType)]
    # Not by getattr, which lets lazy modules import more.
    return {path for module in loaded if isinstance(path := vars(module).get("__file__"), str)}


def _sources_of(paths: Iterable[str]) -> Sources:
    """Return the time stamps and sizes of files."""
    return {path: _stamps(path) for path in paths}


def _stamps(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - thousands of them
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _fork() -> int:
    with warnings.catch_warnings():
        # Since Python 3.12 it warns of any thread; see above for those that there are.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def redirect(stdout: str, stderr: str) -> None:
    """Take nothing from stdin, and append to these files."""
    for number, path, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, stdout, os.O_WRONLY | os.O_APPEND | os.O_CREAT),
        (2, stderr, os.O_WRONLY | os.O_APPEND | os.O_CREAT),
    ):
        opened = os.open(path, flags, 0o666)
        os.dup2(opened, number)
        os.close(opened)


def _become_job(folder: str, command: list[str], environment: dict[str, str]) -> list[str]:
    """Become the leader of a job's process group and, below it, the job's process: returns in the latter alone."""
    os.setsid()
    os.chdir(folder)
    redirect(f"{folder}/stdout.log", f"{folder}/stderr.log")
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
    return command


def _seed_numpy() -> None:
    """Seed numpy's global generator, as its import does; Python's own sees to itself."""
    if numpy_random := sys.modules.get("numpy.random"):
        numpy_random.seed()


def main() -> None:
    """Serve the Dataflow emulator."""
    command_line.show(sys.orig_argv[:-1])
    command = serve(sys.argv[1:-1], _become_job, "jobs start without preloaded modules")
    if command is None:
        os._exit(0)
    run(command)


if __name__ == "__main__":
    main()
