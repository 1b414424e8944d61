"""A job that writes how it was started to `report.json` in its folder, and ends as its argument says."""

import json
import os
import pickle
import signal
import sys
from pathlib import Path


class Picklable:
    """A class of the main module."""


def main() -> object:
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    report = {
        "argv": sys.argv,
        "orig_argv": sys.orig_argv,
        "command line": Path("/proc/self/cmdline").read_text().rstrip("\0").split("\0"),
        "environment": dict(os.environ),
        "folder": str(Path.cwd()),
        "path": sys.path,
        "flags": list(sys.flags),
        "main": [__name__, str(__spec__ and __spec__.name), Path(__file__).name],
        "pickled": type(pickle.loads(pickle.dumps(Picklable()))).__module__,
        "open files": sorted(_opened()),
        "stdin": sys.stdin.read(),
        "blocked signals": sorted(blocked),
        "handlers": [repr(signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)],
        "leads its group": os.getpgid(0) == os.getppid() == os.getsid(0),
        "buffers": sys.stdout.write_through,  # type: ignore[union-attr]
    }
    # Whether it found this module loaded that it does not import itself, and what that module held.
    if preloaded := sys.modules.get("preloaded"):
        report["preloaded"] = preloaded.VALUE
    Path("draft").write_text(json.dumps(report))
    Path("draft").rename("report.json")
    print("reported")
    ending = sys.argv[1]
    if ending == "exception":
        raise RuntimeError("it failed")
    if ending == "interrupted":
        raise KeyboardInterrupt
    if ending == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if ending == "waits":
        signal.pause()
    return int(ending) if ending.isdecimal() else ending


def _opened() -> list[str]:
    opened = []
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            opened.append(f"{descriptor.name}: {descriptor.readlink()}")
        except FileNotFoundError:
            continue
    return opened


if __name__ == "__main__":
    sys.exit(main())  # type: ignore[arg-type]
