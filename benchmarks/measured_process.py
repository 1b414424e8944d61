"""A process, its output, and what the kernel says that it took."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from local_stack.config import REPOSITORY

# Between this process and the measured one: of a child the kernel also tells how large its parent was when it was made.
_MEASURING = """
import json, resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE)
took = resource.getrusage(resource.RUSAGE_CHILDREN)
sys.stdout.buffer.write(done.stdout + b"\\n")
print(json.dumps([took.ru_utime + took.ru_stime, took.ru_maxrss * 1024]))
sys.exit(done.returncode)
"""


class Ended(NamedTuple):
    """What a process has said and taken.

    Attributes:
        output: Its standard output.
        cpu: Seconds of all its threads, the kernel's included.
        peak: The most memory that it had resident, in bytes.
    """

    output: str
    cpu: float
    peak: int


def run_measured(command: list[str], cwd: Path = REPOSITORY, environment: Mapping[str, str] | None = None) -> Ended:
    """Run a command to its end; exit with what it has said where it fails."""
    measuring = [sys.executable, "-c", _MEASURING, *command]
    done = subprocess.run(measuring, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    output, _, took = done.stdout.rstrip("\n").rpartition("\n")
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed: {output[-2000:]}{done.stderr[-2000:]}")
    return Ended(output, *json.loads(took))
