"""The commit that benchmarks compare with, checked out beside this one and run with the packages that it locks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local_stack.config import REPOSITORY

BASE = "26226b0"


@dataclass(frozen=True)
class Checkout:
    """A commit and what runs it.

    Attributes:
        folder: Its working tree.
        python: The interpreter with its packages.
    """

    folder: Path
    python: str

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a process that uses this commit, and nothing of another installation."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("LOGLINE_", "AIRFLOW"))}
        kept.pop("PUBSUB_EMULATOR_HOST", None)
        return {**kept, "PYTHONPATH": f"{self.folder}{os.pathsep}{self.folder / 'plugins'}"}


THIS = Checkout(REPOSITORY, sys.executable)


@contextmanager
def base_folder(folder: Path) -> Iterator[None]:
    """Check the commit out into a folder, and remove it."""
    git = ["git", "-C", str(REPOSITORY), "worktree"]
    subprocess.run([*git, "add", "--quiet", "--detach", str(folder), BASE], check=True)
    try:
        yield
    finally:
        subprocess.run([*git, "remove", "--force", str(folder)], check=True)


@contextmanager
def base_commit(folder: Path) -> Iterator[Checkout]:
    """Check the commit out into a folder, compiled to byte code like the working copy, and remove it.

    Its packages stay in `.local/venvs`.
    """
    with base_folder(folder):
        base = Checkout(folder, _interpreter(folder / "requirements" / "dev.txt"))
        subprocess.run([base.python, "-m", "compileall", "-q", str(folder)], check=True)
        yield base


def _interpreter(requirements: Path) -> str:
    venv = REPOSITORY / ".local" / "venvs" / BASE
    installed = venv / ".installed"
    if not installed.exists():
        print(f"Installing the locked packages of {BASE} into {venv} ...", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
        uv = [str(Path(sys.executable).with_name("uv")), "pip", "install", "--quiet", "--compile-bytecode"]
        environment = {**os.environ, "VIRTUAL_ENV": str(venv)}
        subprocess.run([*uv, "--require-hashes", "--requirement", requirements], env=environment, check=True)
        installed.touch()
    return str(venv / "bin" / "python")
