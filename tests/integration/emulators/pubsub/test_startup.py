"""Starting the emulator where it cannot run: one line, exit code 1."""

import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from google.api_core import exceptions

from emulators.pubsub.log.store import Store
from tests.integration.emulators.pubsub.targets import Target, running_emulator

pytestmark = pytest.mark.integration


def refusal(*options: str) -> str:
    """The one line the emulator ends with."""
    command = [sys.executable, "-m", "emulators.pubsub", *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_port_in_use(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = refusal("--port", str(port), "--state-dir", str(tmp_path))
    assert f"127.0.0.1:{port}" in line
    assert "--port" in line


def test_port_that_is_none(tmp_path: Path) -> None:
    assert "--port" in refusal("--port", "70000", "--state-dir", str(tmp_path))


def test_state_dir_that_cannot_be_written(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    line = refusal("--port", "0", "--state-dir", str(file / "state"))
    assert str(file / "state") in line
    assert "--state-dir" in line


def test_state_dir_in_use(tmp_path: Path) -> None:
    with running_emulator(tmp_path):
        assert "another Pub/Sub emulator" in refusal("--port", "0", "--state-dir", str(tmp_path))


def test_state_of_a_newer_version(tmp_path: Path) -> None:
    with Store(tmp_path):
        pass
    with sqlite3.connect(tmp_path / "pubsub.sqlite3") as state:
        state.execute("PRAGMA user_version = 99")
    state.close()
    assert "newer version" in refusal("--port", "0", "--state-dir", str(tmp_path))


@pytest.mark.parametrize("kind", ["text", "foreign"])
def test_file_that_is_no_state(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "pubsub.sqlite3"
    if kind == "text":
        path.write_text("no database " * 1000)
    else:
        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE precious (id INTEGER)")
        other.close()
    before = path.read_bytes()
    assert str(path) in refusal("--port", "0", "--state-dir", str(tmp_path))
    assert path.read_bytes() == before


def test_only_the_named_projects_are_served(tmp_path: Path) -> None:
    with running_emulator(tmp_path, "--project", "logline-local", "--project", "other") as emulator:
        served = Target(emulator.address, "projects/logline-local")
        unknown = Target(emulator.address, "projects/logline-locl")
        try:
            served.pair()
            with pytest.raises(exceptions.NotFound, match="logline-locl"):
                unknown.topic()
            with pytest.raises(exceptions.NotFound, match="logline-locl"):
                list(unknown.subscriber.list_subscriptions(project=unknown.project))
        finally:
            served.close()
            unknown.close()
