"""Distributions of this repository, built and installed apart from its environment."""

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[1]
UV = ROOT / ".venv" / "bin" / "uv"
PYTHON = ROOT / ".venv" / "bin" / "python"


def bare_environment() -> dict[str, str]:
    """The environment of a process that knows nothing of the repository and its packages."""
    return {name: os.environ[name] for name in os.environ if name not in ("PYTHONPATH", "VIRTUAL_ENV")}


def run(*command: str | Path, folder: Path) -> str:
    """What a command prints; of the repository and this environment it knows nothing."""
    done = subprocess.run(command, cwd=folder, env=bare_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def uv(*arguments: str | Path, folder: Path) -> str:
    """Run uv with the packages that `make setup` has left in its cache, else with those of the index."""
    try:
        return run(UV, *arguments, "--offline", folder=folder)
    except AssertionError:
        return run(UV, *arguments, folder=folder)


def copied(names: Iterable[str], tree: Path) -> Path:
    """Files and folders of the repository in a tree of their own: a folder `build` here would lend its modules."""
    for name in names:
        target = tree / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, target)
    return tree


def built(project: Path, *options: str) -> Path:
    """The wheel of a project."""
    command = (UV, "build", "--quiet", *options, "--no-build-isolation", "--python", PYTHON, "--out-dir", "dist")
    run(*command, folder=project)
    (wheel,) = (project / "dist").glob("*.whl")
    return wheel


def installed(*requirements: str | Path, folder: Path) -> Path:
    """The programs of a new environment with these packages, and what they need at the locked versions."""
    run(UV, "venv", "--quiet", "--python", PYTHON, "venv", folder=folder)
    programs = folder / "venv" / "bin"
    install = ("pip", "install", "--quiet", "--python", programs / "python")
    uv(*install, "--constraints", ROOT / "requirements" / "dev.txt", *requirements, folder=folder)
    return programs
