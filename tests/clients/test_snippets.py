"""The snippets of docs/analysts.md run, with what `make env` sets."""

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from IPython.core.interactiveshell import InteractiveShell

from local_stack.config import REPOSITORY
from local_stack.running import RunningStack

pytestmark = pytest.mark.integration

_SECTION = (REPOSITORY / "docs/analysts.md").read_text().partition("## From other clients")[2].partition("\n## ")[0]
_BLOCKS = re.findall(r"```(\w+)\n(.*?)```", _SECTION, re.DOTALL)
COMMANDS = [line.removeprefix("$ ") for kind, block in _BLOCKS if kind == "console" for line in block.splitlines()]
CELLS = [block for kind, block in _BLOCKS if kind in ("python", "ipython")]


@pytest.fixture(scope="module")
def warehouse(emulators: RunningStack) -> Iterator[RunningStack]:
    """The stack with its bucket and two rows in `daily_paths`."""
    with emulators.bigquery() as client, emulators.storage() as storage:
        if not (bucket := storage.bucket(emulators.bucket)).exists():
            bucket.create()
        client.create_dataset(emulators.dataset)
        rows = "SELECT '/' AS path, 900 AS requests UNION ALL SELECT '/a', 9"
        client.query_and_wait(f"CREATE TABLE {emulators.dataset}.daily_paths AS {rows}")
        yield emulators
        client.delete_dataset(emulators.dataset, delete_contents=True)
        bucket.delete(force=True)


def test_commands(warehouse: RunningStack, tmp_path: Path) -> None:
    if missing := {command.split()[0] for command in COMMANDS if shutil.which(command.split()[0]) is None}:
        pytest.skip(f"{', '.join(sorted(missing))} not installed")
    for command in COMMANDS:
        subprocess.run(["bash", "-c", command], env=warehouse.process_env, cwd=tmp_path, check=True, timeout=300)
    assert (tmp_path / "daily_paths.csv").read_text().splitlines()[0] == "path,requests"


def test_cells(warehouse: RunningStack, emulator_environment: RunningStack, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    shell = InteractiveShell()
    for cell in CELLS:
        package = "bigquery_magics" if cell.startswith("%") else cell.split()[1]
        if importlib.util.find_spec(package):
            shell.run_cell(cell).raise_error()
    assert shell.user_ns["busy"] == [("/",)]


def test_the_profile_of_dbt() -> None:
    (profile,) = (yaml.safe_load(block) for kind, block in _BLOCKS if kind == "yaml")
    assert profile["logline"]["outputs"]["local"]["method"] == "oauth"
