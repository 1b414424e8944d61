"""`pip install .` in an empty environment: the parser, its dependencies, and the command `logline`."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from logline import __version__

ROOT = Path(__file__).parents[2]
UV = ROOT / ".venv" / "bin" / "uv"
BUILT_FROM = (
    "pyproject.toml",
    "MANIFEST.in",
    "README.md",
    "LICENSE",
    "beam_jobs",
    "emulators",
    "logline_cli",
    "plugins/logline/__init__.py",
)
LOG = b"""\
192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a?b HTTP/1.1" 200 5 "-" "curl/8.5.0"
192.0.2.2 - - [17/May/2015:10:05:04 +0000] "GET / HTTP/1.1" 200 7 "-" "curl/8.5.0"
not a line of a log
"""


def run(*command: str | Path, folder: Path) -> str:
    """What a command prints; of the repository and this environment it knows nothing."""
    environment = {name: os.environ[name] for name in os.environ if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def uv(*arguments: str | Path, folder: Path) -> str:
    """Run uv with the packages that `make setup` has left in its cache, else with those of the index."""
    try:
        return run(UV, *arguments, "--offline", folder=folder)
    except AssertionError:
        return run(UV, *arguments, folder=folder)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment into which the wheel of this tree is installed."""
    folder = tmp_path_factory.mktemp("install")
    # A copy: a `build` folder of an older tree would lend its modules to the wheel.
    for name in BUILT_FROM:
        target = folder / "tree" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, target)
    python = ROOT / ".venv" / "bin" / "python"
    run(UV, "build", "--quiet", "--wheel", "--no-build-isolation", "--python", python, "tree", folder=folder)
    run(UV, "venv", "--quiet", "--python", python, "venv", folder=folder)
    (wheel,) = (folder / "tree" / "dist").glob("*.whl")
    assert wheel.name == f"logline-{__version__}-py3-none-any.whl"
    programs = folder / "venv" / "bin"
    install: Sequence[str | Path] = ("pip", "install", "--quiet", "--python", programs / "python")
    uv(*install, "--constraints", ROOT / "requirements" / "dev.txt", wheel, folder=folder)
    return programs


@pytest.mark.parametrize("command", [("python", "-m", "beam_jobs.access_log"), ("logline", "parse")])
def test_the_installed_parser_reads_a_log(installed: Path, tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "access.log").write_bytes(LOG)
    program, *arguments = command
    printed = run(installed / program, *arguments, "access.log", folder=tmp_path)
    assert printed.startswith("access.log: combined")
    figures = {words[0]: words[1] for line in printed.splitlines() if len(words := line.split()) == 2}
    assert (figures["lines"], figures["rows"], figures["rejected"]) == ("3", "2", "1")


def test_the_commands_of_the_pipeline_say_what_they_need(installed: Path, tmp_path: Path) -> None:
    assert "--from DAY" in run(installed / "logline", "backfill", "--help", folder=tmp_path)
    done = subprocess.run(
        [installed / "logline", "backfill"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == ("error: logline backfill needs the package requests: pip install 'logline[client]'\n")


def test_neither_beam_nor_airflow_is_installed(installed: Path, tmp_path: Path) -> None:
    names = run(UV, "pip", "list", "--python", installed / "python", "--format", "freeze", folder=tmp_path)
    assert {line.partition("==")[0] for line in names.splitlines()} == {
        "isal",
        "llvmlite",
        "logline",
        "numba",
        "numpy",
        "pyarrow",
        "ua-parser",
        "ua-parser-builtins",
        "ua-parser-rs",
    }
