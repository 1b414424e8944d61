"""How long the tests take: ``python -m benchmarks.tests``, an hour on two cores that nothing else uses.

`make test` of commit BASE; here the same tests as they are today, found by the names of their functions, with all cases
that these have got since; and all tests of today. What is missing has another name today, and is among all.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.base_commit import BASE, base_folder
from benchmarks.table import machine
from local_stack.config import REPOSITORY

if TYPE_CHECKING:
    import pytest

MAX_SHARE_OF_BASE = 0.6
_NAMES = "BENCHMARK_TESTS"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave those tests alone whose names the environment gives: this module is a plugin of pytest's too."""
    wanted = set(os.environ[_NAMES].split())
    os.environ.pop("PYTEST_ADDOPTS", None)  # tests start other sessions, which know no such plugin
    config.hook.pytest_deselected(items=[item for item in items if _function(item) not in wanted])
    items[:] = [item for item in items if _function(item) in wanted]


def main() -> None:
    """Measure and print; exit non-zero where the target is missed."""
    print(f"make test: {machine()}")
    print("| | functions | minutes | | |")
    print("|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as name, base_folder(folder := Path(name) / "base"):
        names = _tests(folder)
        base = _seconds(folder)
    print(f"| {BASE} | {len(names)} | {base / 60:.1f} | | |", flush=True)
    today = _tests(REPOSITORY)
    same = _seconds(REPOSITORY, {_NAMES: " ".join(names), "PYTEST_ADDOPTS": "-p benchmarks.tests"})
    met = same / base <= MAX_SHARE_OF_BASE
    share = f"{same / base:.2f} of {MAX_SHARE_OF_BASE} | {'met' if met else 'MISSED'}"
    print(f"| the same | {len(names & today)} | {same / 60:.1f} | {share} |", flush=True)
    everything = _seconds(REPOSITORY)
    print(f"| all | {len(today)} | {everything / 60:.1f} | {everything / base:.2f} | |")
    if not met:
        sys.exit(1)


def _function(item: pytest.Item) -> str:
    return item.name.partition("[")[0]


def _tests(folder: Path) -> set[str]:
    """Return the names of the functions that are tests."""
    return {
        node.name
        for path in (folder / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


def _seconds(folder: Path, environment: dict[str, str] | None = None) -> float:
    """Return what `make test` takes once it is set up."""
    variables = {**os.environ, "CI": "true", **(environment or {})}
    subprocess.run(["make", "setup"], cwd=folder, env=variables, check=True, stdout=subprocess.DEVNULL)
    begun = time.monotonic()
    run = subprocess.run(["make", "test"], cwd=folder, env=variables, capture_output=True, text=True)
    if run.returncode:
        sys.exit(f"make test failed in {folder}:\n{run.stdout[-5000:]}\n{run.stderr[-1000:]}")
    return time.monotonic() - begun


if __name__ == "__main__":
    main()
