"""Processes of a stack are found by an ordinary user too."""

import os
import subprocess
import sys

import pytest

from local_stack.config import REPOSITORY


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has undumpable processes")
def test_a_worker_that_hides_its_environment_belongs_to_the_stack_of_its_parent():
    # Root sees every environment unless it gives the capability up.
    without_ptrace = [] if os.getuid() else ["setpriv", "--bounding-set=-sys_ptrace"]
    looked = subprocess.run(
        [*without_ptrace, sys.executable, "-m", "tests.unit.local_stack.supervisor.hidden_worker"],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert looked.stdout == "both found\n"
