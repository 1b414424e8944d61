"""`--help` of the jobs needs none of what the jobs run with."""

import subprocess
import sys

import pytest

PROGRAM = """
import runpy, sys
sys.argv = ["job", "--help"]
try:
    runpy.run_module("beam_jobs.{job}", run_name="__main__")
except SystemExit as end:
    assert end.code == 0
imported = {{"apache_beam", "numba", "numpy", "pyarrow"}} & set(sys.modules)
assert not imported, imported
"""


@pytest.mark.parametrize("job", ["backfill", "replay", "stream"])
def test_the_help_of_a_job_imports_neither_beam_nor_the_parser(job: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(job=job)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"usage: python -m beam_jobs.{job}")
