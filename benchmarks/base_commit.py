"""The commit that benchmarks compare with, checked out beside this one and run by the same interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local_stack.config import REPOSITORY

BASE = "26226b0"


@contextmanager
def checked_out(folder: Path) -> Iterator[Path]:
    """Check the commit out into a folder, compiled to byte code like the working copy, and remove it."""
    git = ["git", "-C", str(REPOSITORY), "worktree"]
    subprocess.run([*git, "add", "--quiet", "--detach", str(folder), BASE], check=True)
    try:
        subprocess.run([sys.executable, "-m", "compileall", "-q", str(folder)], check=True)
        yield folder
    finally:
        subprocess.run([*git, "remove", "--force", str(folder)], check=True)


def environment_of(checkout: Path) -> dict[str, str]:
    """Return the environment of a process that uses a checkout, and nothing of another installation."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LOGLINE_", "AIRFLOW"))}
    kept.pop("PUBSUB_EMULATOR_HOST", None)
    return {**kept, "PYTHONPATH": f"{checkout}{os.pathsep}{checkout / 'plugins'}"}
