"""Record how a job's entry point ends, in files. Started as a script for a plain process, or as a fork of the zygote.

Usage: `exit_recorder.py FOLDER PROGRAM [ARGUMENT...]`, as the leader of a process group of its own. It writes

- `FOLDER/process.json`: `{"pid": int}`, before the program starts. Only one recorder ever gets this far for a folder,
  so an emulator that was killed while it started a job can safely start it again;
- `FOLDER/exit.json`: `{"exit_code": int, "cpu_seconds": float}` when the program has ended; the exit code is negative
  for a signal. Both files appear whole or not at all.

It outlives the SIGTERM and SIGINT that end its program, hands on one that came before the program was there to get it,
and at last takes with it whatever the program left behind in the group. Standard library only.
"""

import json
import os
import signal
import sys

ENDING_SIGNALS = (signal.SIGTERM, signal.SIGINT)
EXIT = "exit.json"


def claim(folder: str) -> bool:
    """Block the ending signals and take the job of a folder; False where another recorder has it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING_SIGNALS)
    try:
        _write(f"{folder}/process.json", {"pid": os.getpid()}, exclusive=True)
    except FileExistsError:
        return False
    return True


def watch(folder: str, program: int) -> None:
    """Wait for the program, a child of this process, record its end, and end the process group, itself included."""
    for number in signal.sigpending() & set(ENDING_SIGNALS):
        os.kill(program, number)
    _, status, usage = os.wait4(program, 0)
    record = {"exit_code": os.waitstatus_to_exitcode(status), "cpu_seconds": usage.ru_utime + usage.ru_stime}
    _write(f"{folder}/{EXIT}", record)
    os.killpg(0, signal.SIGKILL)


def main(folder: str, command: list[str]) -> None:
    """Run the command of a job that nobody else has run."""
    if claim(folder):
        watch(folder, os.posix_spawn(command[0], command, os.environ, setsigmask=(), setsigdef=ENDING_SIGNALS))


def _write(path: str, content: dict[str, float], *, exclusive: bool = False) -> None:
    draft = f"{path}.{os.getpid()}"
    with open(draft, "w", encoding="utf-8") as stream:  # noqa: PTH123 - importing pathlib doubles the start-up time
        json.dump(content, stream)
    if exclusive:
        os.link(draft, path)
        os.unlink(draft)  # noqa: PTH108
    else:
        os.replace(draft, path)  # noqa: PTH105


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
