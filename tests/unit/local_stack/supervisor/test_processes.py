"""Processes of a stack are found by an ordinary user too."""

import os
import subprocess
import sys

import pytest

from local_stack.config import REPOSITORY


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has undumpable processes")
def test_a_worker_that_hides_its_environment_is_found_with_and_without_its_parent():
    # Root sees every environment, by any of several capabilities.
    as_ordinary_user = [] if os.getuid() else ["setpriv", "--bounding-set=-all"]
    looked = subprocess.run(
        [*as_ordinary_user, sys.executable, "-m", "tests.unit.local_stack.supervisor.hidden_worker"],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "SPT_NOENV": "1"},
        check=True,
        capture_output=True,
        text=True,
    )
    assert looked.stdout == "with its parent True\nwithout True\nstopped True\n"
