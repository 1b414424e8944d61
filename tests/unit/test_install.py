"""`pip install .` in an empty environment: the parser, its dependencies, and the command `logline`."""

import subprocess
from pathlib import Path

import pytest

from logline import __version__
from tests.installation import UV, built, copied, installed, run

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


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment into which the wheel of this tree is installed."""
    folder = tmp_path_factory.mktemp("install")
    wheel = built(copied(BUILT_FROM, folder / "tree"), "--wheel")
    assert wheel.name == f"logline-{__version__}-py3-none-any.whl"
    return installed(wheel, folder=folder)


@pytest.mark.parametrize("command", [("python", "-m", "beam_jobs.access_log"), ("logline", "parse")])
def test_the_installed_parser_reads_a_log(programs: Path, tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "access.log").write_bytes(LOG)
    program, *arguments = command
    printed = run(programs / program, *arguments, "access.log", folder=tmp_path)
    assert printed.startswith("access.log: combined")
    figures = {words[0]: words[1] for line in printed.splitlines() if len(words := line.split()) == 2}
    assert (figures["lines"], figures["rows"], figures["rejected"]) == ("3", "2", "1")


def test_the_commands_of_the_pipeline_say_what_they_need(programs: Path, tmp_path: Path) -> None:
    assert "--from DAY" in run(programs / "logline", "backfill", "--help", folder=tmp_path)
    done = subprocess.run([programs / "logline", "backfill"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == ("error: logline backfill needs the package requests: pip install 'logline[client]'\n")


def test_neither_beam_nor_airflow_is_installed(programs: Path, tmp_path: Path) -> None:
    names = run(UV, "pip", "list", "--python", programs / "python", "--format", "freeze", folder=tmp_path)
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
