"""Lay the package out from the sources of the repository, then build it; pyproject.toml says all else."""

import sys
from pathlib import Path

from setuptools import setup

PROJECT = Path(__file__).parent
REPOSITORY = PROJECT.parents[1]

# A source distribution is laid out already.
if (REPOSITORY / "tools" / "standalone_package.py").is_file():
    sys.path.insert(0, str(REPOSITORY))
    from tools.standalone_package import lay_out

    parts = {"dataflow": "dataflow_emulator", "guard": "dataflow_emulator.guard", "clock": "dataflow_emulator.clock"}
    lay_out(PROJECT, {f"emulators.{name}": new_name for name, new_name in parts.items()})

setup()
