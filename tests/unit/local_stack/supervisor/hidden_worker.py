"""A parent of a stack and its worker that hides its environment: are both found?"""

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
ctypes.CDLL(None).prctl(4, 0)  # PR_SET_DUMPABLE: no, as Airflow says in a worker that has run a task
print(flush=True)
sys.stdin.read()
"""

if __name__ == "__main__":
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, WORKER],
        env={**os.environ, MARK: str(STATE_DIR)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        (worker,) = psutil.Process(parent.pid).children()
        found = {process.pid for process in processes.members(STATE_DIR)}
        print("both found" if found == {parent.pid, worker.pid} else f"{found}, not {parent.pid} and {worker.pid}")
        parent.communicate()
