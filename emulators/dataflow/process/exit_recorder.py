"""Run a job's entry point and leave its exit code in a file. Started as a script, standard library only.

Usage: `exit_recorder.py FOLDER PROGRAM [ARGUMENT...]`, as the leader of a process group of its own. It writes

- `FOLDER/process.json`: `{"pid": int}`, before the program starts. Only one recorder ever gets this far for a folder,
  so an emulator that was killed while it started a job can safely start it again;
- `FOLDER/exit.json`: `{"exit_code": int, "cpu_seconds": float}` when the program has ended; the exit code is negative
  for a signal. Both files appear whole or not at all.

It outlives the SIGTERM and SIGINT that end its program, hands on one that came before the program was there to get it,
and at last takes with it whatever the program left behind in the group.
"""

import json
import os
import signal
import sys

_ENDING_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def _write(path: str, content: dict[str, float], *, exclusive: bool = False) -> None:
    draft = f"{path}.{os.getpid()}"
    with open(draft, "w", encoding="utf-8") as stream:  # noqa: PTH123 - importing pathlib doubles the start-up time
        json.dump(content, stream)
    if exclusive:
        os.link(draft, path)
        os.unlink(draft)  # noqa: PTH108
    else:
        os.replace(draft, path)  # noqa: PTH105


def main(folder: str, command: list[str]) -> None:
    """Run the command, record its end, and end the process group."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING_SIGNALS)
    try:
        _write(f"{folder}/process.json", {"pid": os.getpid()}, exclusive=True)
    except FileExistsError:
        return
    child = os.posix_spawn(command[0], command, os.environ, setsigmask=(), setsigdef=_ENDING_SIGNALS)
    for number in signal.sigpending() & set(_ENDING_SIGNALS):
        os.kill(child, number)
    _, status, usage = os.wait4(child, 0)
    record = {"exit_code": os.waitstatus_to_exitcode(status), "cpu_seconds": usage.ru_utime + usage.ru_stime}
    _write(f"{folder}/exit.json", record)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
