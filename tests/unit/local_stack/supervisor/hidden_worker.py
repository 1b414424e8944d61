"""A parent of a stack and its worker that hides its environment: is it found with its parent, and without?"""

import os
import subprocess
import sys
from pathlib import Path

import psutil

from local_stack.environment import MARK
from local_stack.supervisor import processes

STATE_DIR = Path("/nowhere/stack")
PARENT = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
WORKER = """
import ctypes, sys
from setproctitle import setproctitle
setproctitle("airflow worker -- LocalExecutor: <idle>")
ctypes.CDLL(None).prctl(4, 0)  # PR_SET_DUMPABLE: no, as Airflow says in a worker that has run a task
print(flush=True)
sys.stdin.read()
"""


def found(leader: int) -> list[set[int]]:
    """Return the numbers of all processes of the stack, of those of its component, and of those of another one."""
    asked = (
        processes.members(STATE_DIR),
        processes.group(leader, STATE_DIR),
        processes.group(os.getsid(0), STATE_DIR),
    )
    return [{process.pid for process in one} for one in asked]


if __name__ == "__main__":
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, WORKER],
        env={**os.environ, MARK: str(STATE_DIR)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        (worker,) = psutil.Process(parent.pid).children()
        both = {parent.pid, worker.pid}
        print("with its parent", found(parent.pid) == [both, both, set()])
        parent.kill()
        parent.wait()
        print("without", found(parent.pid) == [set(), {worker.pid}, set()])
        processes.stop(processes.group(parent.pid, STATE_DIR), grace=0)
        print("stopped", not processes.group(parent.pid, STATE_DIR))
