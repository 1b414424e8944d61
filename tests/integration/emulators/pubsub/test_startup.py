"""How the emulator starts and whom it serves; where it cannot run: one line, exit code 1."""

import contextlib
import re
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from google.api_core import exceptions
from google.pubsub_v1.types import Topic

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
    Store(tmp_path).close()
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


def test_topics_of_the_command_line_are_there_from_the_start(tmp_path: Path) -> None:
    options = ("--project", "local", "--topic", "orders:billing", "--topic", "orders:audit", "--topic", "returns")
    for _ in range(2):  # the second start finds them
        with running_emulator(tmp_path, *options) as emulator:
            target = Target(emulator.address, "projects/local")
            try:
                topics = [topic.name for topic in target.publisher.list_topics(project=target.project)]
                subscriptions = {
                    one.name: one.topic for one in target.subscriber.list_subscriptions(project=target.project)
                }
            finally:
                target.close()
        assert topics == ["projects/local/topics/orders", "projects/local/topics/returns"]
        assert subscriptions == dict.fromkeys(
            ("projects/local/subscriptions/audit", "projects/local/subscriptions/billing"),
            "projects/local/topics/orders",
        )


@pytest.mark.parametrize(
    ("topics", "reason"),
    [
        (("ab",), "--topic ab: Invalid resource name given"),
        (("orders:ab",), "--topic orders:ab: Invalid resource name given"),
        (("orders:all", "returns:all"), "--topic returns:all: .* belongs to projects/local/topics/orders"),
    ],
)
def test_topic_that_cannot_be_had(tmp_path: Path, topics: tuple[str, ...], reason: str) -> None:
    options = [f"--topic={topic}" for topic in topics]
    assert re.search(reason, refusal("--port", "0", "--state-dir", str(tmp_path), "--project", "local", *options))


UPGRADE = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"


@pytest.mark.parametrize("host", ["rebound.example", "127.0.0.1"])
@pytest.mark.parametrize("more", ["", UPGRADE], ids=["http_1", "upgrade"])
def test_what_a_browser_can_send_does_not_reach_grpc(tmp_path: Path, host: str, more: str) -> None:
    """A page that rebinds its name to this address speaks HTTP/1.1: no browser sends HTTP/2 without TLS."""
    with running_emulator(tmp_path) as emulator:
        target = Target(emulator.address)
        message = Topic.serialize(Topic(name=target.name("topics")))
        body = b"\0" + len(message).to_bytes(4, "big") + message
        head = (
            f"POST /google.pubsub.v1.Publisher/CreateTopic HTTP/1.1\r\nHost: {host}:{emulator.port}\r\n"
            f"Content-Type: application/grpc\r\nTE: trailers\r\n{more}Content-Length: {len(body)}\r\n\r\n"
        )
        received = b""
        with socket.create_connection(("127.0.0.1", emulator.port), timeout=30) as page:
            page.sendall(head.encode() + body)
            with contextlib.suppress(ConnectionResetError):
                while some := page.recv(4096):
                    received += some
        assert received.startswith(b"HTTP/1.1 403 ")
        try:
            assert list(target.publisher.list_topics(project=target.project)) == []
        finally:
            target.close()


def test_it_listens_on_this_machine_alone(tmp_path: Path) -> None:
    with running_emulator(tmp_path) as emulator:
        listeners = [one for one in psutil.Process(emulator.process.pid).net_connections() if one.status == "LISTEN"]
        assert {one.laddr for one in listeners} == {("127.0.0.1", emulator.port)}
