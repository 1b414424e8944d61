"""The local stack from its command line: started, found, killed, stopped."""

import contextlib
import dataclasses
import json
import os
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

from local_stack.config import HOST, PORTS, REPOSITORY, StackConfig, StackError, read_config
from local_stack.credentials import access_token, access_token_file, credentials_file
from local_stack.environment import MARK, client_environment
from local_stack.ports import free_ports
from local_stack.private_files import check_owner, own_folder
from local_stack.running import RunningStack, running_stack
from local_stack.supervisor import processes
from local_stack.supervisor.state import read_state, running_state

pytestmark = pytest.mark.integration

TOPIC = "projects/logline-local/topics/kept"
SUBSCRIPTION = "projects/logline-local/subscriptions/kept"


class Cli:
    """`python -m local_stack` on free ports and in a folder of its own, without Airflow."""

    def __init__(self, state_dir: Path) -> None:
        self.config = StackConfig(state_dir=state_dir, ports=dict(zip(PORTS, free_ports(len(PORTS)), strict=True)))
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("LOGLINE_", "PUBSUB_"))},
            "LOGLINE_STATE_DIR": str(state_dir),
            **{port.variable: str(self.config.ports[name]) for name, port in PORTS.items()},
        }

    def __call__(self, command: str, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "local_stack", command, *options],
            env={**self.environment, **variables},
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )

    def up(self, **variables: str) -> subprocess.CompletedProcess[str]:
        return self("up", "--without-airflow", **variables)

    @property
    def members(self) -> list[psutil.Process]:
        return processes.members(self.config.state_dir)


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[Cli]:
    cli = Cli(tmp_path / "state")
    yield cli
    cli("down")
    assert cli.members == []


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def test_up_twice_status_env_down(cli):
    assert cli("status").returncode == 3
    first = cli.up(LOGLINE_BIGQUERY_MEMORY_MIB="300")
    assert first.returncode == 0, first.stderr
    assert "BigQuery emulator up" in first.stdout
    with RunningStack(cli.config).bigquery() as client:
        (row,) = client.query_and_wait("SELECT current_setting('memory_limit') AS memory")
    assert row.memory == "300.0 MiB"
    before = {process.pid for process in cli.members}

    again = cli.up()
    assert (again.returncode, again.stdout) == (0, "already up\n")
    assert {process.pid for process in cli.members} == before

    status = cli("status")
    assert status.returncode == 0
    assert [line.split("  ")[0] for line in status.stdout.splitlines()] == [
        "Cloud Storage emulator",
        "BigQuery emulator",
        "Pub/Sub emulator",
        "Dataflow emulator",
    ]
    check_env(cli)
    assert cli("down").stdout.splitlines()[-1] == "down"
    assert cli.members == []
    assert cli("down").stdout == "nothing was running\n"


def check_env(cli: Cli) -> None:
    """It points a shell at the running stack."""
    # Asked with other settings: the stack that runs in this folder counts.
    elsewhere = {**cli.environment, "LOGLINE_GCS_PORT": "9999"}
    script = f"""set -e
        eval "$({sys.executable} -m local_stack env)"
        cd /
        python -c 'import emulators; from google.cloud.storage import Client; print(Client()._connection.API_BASE_URL)'
        printf '%s\\n' "$AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT" "$AIRFLOW_HOME" "$LOGLINE_BUCKET" "$PUBSUB_EMULATOR_HOST"
    """
    shell = subprocess.run(
        ["bash", "-c", script], env=elsewhere, cwd=REPOSITORY, capture_output=True, text=True, timeout=100, check=False
    )
    assert shell.returncode == 0, shell.stderr
    assert shell.stdout.splitlines() == [
        cli.config.url("storage"),
        '{"conn_type":"google_cloud_platform","extra":{"credential_config_file":'
        f'"{cli.config.state_dir}/credentials.json","project":"logline-local","num_retries":0}}}}',
        str(cli.config.airflow_home),
        "logline-local",
        cli.config.pubsub_host,
    ]
    assert MARK not in cli("env").stdout


def test_a_taken_port_is_named_with_its_owner(cli):
    port = cli.config.ports["bigquery"]
    with socket.socket() as other:
        other.bind((HOST, port))
        other.listen()
        failed = cli.up()
    assert failed.returncode == 1
    assert failed.stderr == (
        f"error: port {port} (BigQuery emulator) is taken by another program (pid {os.getpid()}): "
        "stop it or set LOGLINE_BIGQUERY_PORT\n"
    )
    assert cli.members == []


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ("x", "LOGLINE_GCS_PORT=x is no port number: set it to a number from 1 to 65535"),
        ("70000", "LOGLINE_GCS_PORT=70000 is no port number: set it to a number from 1 to 65535"),
    ],
)
def test_a_port_that_is_none_is_refused(cli, given, line):
    failed = cli.up(LOGLINE_GCS_PORT=given)
    assert (failed.returncode, failed.stderr) == (1, f"error: {line}\n")


@pytest.mark.parametrize("given", ["x", "-1", "64", "1.5"])
def test_a_memory_that_is_none_is_refused(cli, given):
    failed = cli.up(LOGLINE_BIGQUERY_MEMORY_MIB=given)
    line = f"LOGLINE_BIGQUERY_MEMORY_MIB={given} is not a number of MiB: set it to 128 or more"
    assert (failed.returncode, failed.stderr) == (1, f"error: {line}\n")


def test_one_port_for_two_servers_is_refused(cli):
    port = cli.config.ports["bigquery"]
    failed = cli.up(LOGLINE_GCS_PORT=str(port))
    assert failed.stderr == (
        f"error: port {port} is set for both the BigQuery emulator and the Cloud Storage emulator: "
        "set LOGLINE_GCS_PORT to another number\n"
    )


def test_another_pubsub_emulator_is_used_where_the_user_has_one(cli, tmp_path):
    (port,) = free_ports(1)
    address = f"{HOST}:{port}"
    refused = cli.up(PUBSUB_EMULATOR_HOST=address)
    assert refused.returncode == 1
    assert refused.stderr == (
        f"error: no Pub/Sub emulator answers at PUBSUB_EMULATOR_HOST={address}: start it, or unset the variable to "
        "have one started here\n"
    )
    command = [sys.executable, "-m", "emulators.pubsub", "--port", str(port)]
    theirs = subprocess.Popen([*command, "--state-dir", str(tmp_path / "theirs")], stdout=subprocess.PIPE, text=True)
    try:
        assert theirs.stdout is not None
        assert theirs.stdout.readline().startswith("Pub/Sub emulator listening")
        up = cli.up(PUBSUB_EMULATOR_HOST=address)
        assert up.returncode == 0, up.stderr
        assert "Pub/Sub emulator up" not in up.stdout
        assert {process.environ()["PUBSUB_EMULATOR_HOST"] for process in cli.members} == {address}
        # Asked without the variable: the stack that runs in this folder counts.
        assert f"export PUBSUB_EMULATOR_HOST={address}\n" in cli("env").stdout
        status = f"Pub/Sub emulator         up, not of this stack: PUBSUB_EMULATOR_HOST={address}"
        assert cli("status").stdout.splitlines()[-1] == status
        cli("down")
        assert theirs.poll() is None
    finally:
        theirs.kill()
        theirs.wait()
        theirs.stdout.close()


def test_what_make_env_exported_is_the_stacks_own_pubsub(tmp_path):
    environment = {"LOGLINE_STATE_DIR": str(tmp_path), "LOGLINE_PUBSUB_PORT": "4711"}
    for exported in ("", "127.0.0.1:4711"):
        assert read_config({**environment, "PUBSUB_EMULATOR_HOST": exported}).other_pubsub == ""
    for other in ("127.0.0.1:8085", "localhost:4711", "[::1]:8432"):
        assert read_config({**environment, "PUBSUB_EMULATOR_HOST": other}).pubsub_host == other


@pytest.mark.parametrize("wrong", ["8085", "http://localhost:8085", "localhost:x", "localhost:8085/", "a:b:1", ":8085"])
def test_an_address_of_pubsub_that_is_none_is_refused(wrong):
    with pytest.raises(StackError, match="is no HOST:PORT: correct it, or unset it"):
        read_config({"PUBSUB_EMULATOR_HOST": wrong})


def test_a_component_that_cannot_start_ends_the_stack_with_its_reason(cli):
    cli.config.state_dir.mkdir()
    (cli.config.state_dir / "bigquery").write_text("in the way")
    failed = cli.up()
    assert failed.returncode == 1
    assert failed.stderr.startswith("error: BigQuery emulator ended with exit code 1: ")
    assert "FileExistsError" in failed.stderr
    assert failed.stderr.endswith(f"(log: {cli.config.logs_dir / 'bigquery.log'})\n")
    assert failed.stderr.count("\n") == 1
    wait_until(lambda: not cli.members)


def test_up_and_down_after_the_supervisor_was_killed(cli):
    cli.up()
    left = kill_supervisor(cli)
    status = cli("status")
    assert status.returncode == 4
    *parts, last = status.stdout.splitlines()
    assert [line.split()[-4] for line in parts] == ["up,"] * 4
    assert last == (
        "no supervisor: these parts run on, but nobody restarts them (make up starts anew, make down stops them)"
    )
    again = cli.up()
    assert again.returncode == 0, again.stderr
    assert f"stopped what an earlier run had left behind (processes: {left})" in again.stdout
    assert running_state(cli.config) is not None

    left = kill_supervisor(cli)
    down = cli("down")
    assert down.stdout == f"stopped what a dead supervisor had left behind (processes: {left})\ndown\n"
    assert cli.members == []


def test_the_stack_of_an_earlier_release(cli, tmp_path):
    """Its SQLite database is kept whole; while it runs, it is to be stopped first."""
    home = cli.config.airflow_home
    home.mkdir(parents=True)
    with contextlib.closing(sqlite3.connect(tmp_path / "airflow.db")) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE dag (dag_id TEXT, is_paused BOOLEAN, is_stale BOOLEAN)")
        database.execute("INSERT INTO dag VALUES ('provision', 0, 0), ('stream_supervisor', 1, 0), ('gone', 1, 1)")
        database.commit()
        # While a connection is open, as an Airflow that was killed leaves them.
        for part in tmp_path.glob("airflow.db*"):
            shutil.copy(part, home)
    unused = home / "airflow.db.unused"
    up = cli.up()
    assert up.returncode == 0, up.stderr
    assert (
        "Airflow keeps its runs in PostgreSQL now: their history starts empty, the data tables stay; the old database "
        f"is {unused}\n"
        "DAGs that were paused there are not any more, pause them again: stream_supervisor\n"
    ) in up.stdout
    assert not list(home.glob("airflow.db")) + list(home.glob("airflow.db-*"))
    with contextlib.closing(sqlite3.connect(unused)) as database:
        assert database.execute("SELECT count(*) FROM dag").fetchall() == [(3,)]
    assert cli.up().stdout == "already up\n"

    state = json.loads(cli.config.state_file.read_text())
    del state["components"]["dataflow"]
    cli.config.state_file.write_text(json.dumps(state))
    again = cli.up()
    assert (again.returncode, again.stderr) == (
        1,
        "error: a stack of another release runs here: stop it first (make down), then start again\n",
    )
    assert cli("down").stdout.splitlines()[-1] == "down"
    assert cli.members == []


def test_what_is_frozen_is_shown_restarted_and_stopped(cli):
    cli.up()
    state = running_state(cli.config)
    assert state is not None
    supervisor = psutil.Process(state.supervisor)
    frozen = [psutil.Process(component.pid) for component in state.components.values()]
    for process in (supervisor, *frozen):
        process.suspend()
    status = cli("status")
    assert status.returncode == 4
    *parts, last = status.stdout.splitlines()
    assert [line.split()[-4] for line in parts] == ["frozen,"] * 4
    assert last == f"the supervisor (pid {supervisor.pid}) is frozen: nobody restarts a part (make up wakes it)"

    # Each is noticed by its silence, killed and started again; what hangs holds up nobody.
    again = cli("up", "--without-airflow")
    assert again.returncode == 0, again.stderr
    assert again.stdout.startswith("the supervisor was frozen: it goes on\n")
    wait_until(lambda: not any(process.is_running() for process in frozen), 180)
    wait_until(lambda: cli("status").returncode == 0, 180)
    state = read_state(cli.config)
    assert state is not None
    assert [component.restarts for component in state.components.values()] == [1] * 4

    for process in cli.members:
        process.suspend()
    assert cli("down").stdout.splitlines()[-1] == "down"
    assert cli.members == []


def test_down_leaves_other_processes_alone(cli, tmp_path):
    cli.up()
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    others = [
        subprocess.Popen(command, env={**os.environ, **mark})
        for mark in ({}, {MARK: str(tmp_path / "other")}, {"LOGLINE_STATE_DIR": str(cli.config.state_dir)})
    ]
    try:
        ours = subprocess.Popen(command, env={**os.environ, MARK: str(cli.config.state_dir)}, start_new_session=True)
        wait_until(lambda: ours.pid in {process.pid for process in cli.members})
        cli("down")
        assert ours.wait(10) == -signal.SIGTERM
        assert [other.poll() for other in others] == [None, None, None]
    finally:
        for other in others:
            other.kill()
            other.wait()


def test_a_stack_ends_with_its_owner(cli):
    owner = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    assert cli("up", "--without-airflow", "--owner", str(owner.pid)).returncode == 0
    owner.kill()
    owner.wait()
    wait_until(lambda: not cli.members)
    state = read_state(cli.config)
    assert state is not None
    assert state.status == "down"


def test_listens_on_loopback_only(emulators):
    addresses = {
        connection.laddr.ip
        for process in processes.members(emulators.config.state_dir)
        for connection in process.net_connections()
        if connection.status in (psutil.CONN_LISTEN, psutil.CONN_NONE) and connection.laddr
    }
    assert addresses <= {"127.0.0.1", "::ffff:127.0.0.1"}
    assert addresses


def open_to_others(folder: Path) -> list[str]:
    """What of a folder and its content others may read, write or enter."""
    found = []
    for path in [folder, *folder.rglob("*")]:
        with contextlib.suppress(FileNotFoundError):  # parts of a running stack come and go
            mode = path.lstat().st_mode
            if stat.S_IMODE(mode) & 0o077 and not (stat.S_ISLNK(mode) or stat.S_ISSOCK(mode)):
                found.append(f"{path.relative_to(folder)} {stat.S_IMODE(mode):o}")
    return found


def test_the_secret_is_kept_and_written_for_every_client(tmp_path):
    config = StackConfig(state_dir=tmp_path / "state", ports={name: port.default for name, port in PORTS.items()})
    with ThreadPoolExecutor() as pool:
        (token,) = set(pool.map(lambda _: access_token(config), range(20)))
    assert len(token) >= 32
    assert access_token_file(config).read_text() == token
    assert json.loads(credentials_file(config).read_text())["token"] == token
    environment = client_environment(config)
    assert environment["DATAFLOW_EMULATOR_TOKEN"] == token
    assert environment["GOOGLE_APPLICATION_CREDENTIALS"] == str(credentials_file(config))
    assert {path.name for path in config.state_dir.iterdir()} == {
        *("access-token", "credentials.json", "bigqueryrc", "boto.cfg")
    }
    assert open_to_others(config.state_dir) == []


def test_a_folder_of_all_users_is_no_state_folder(tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    with pytest.raises(StackError, match="is a folder of all users: set LOGLINE_STATE_DIR to one of your own"):
        own_folder(shared)
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(StackError, match=r"cannot be used \(File exists\): set LOGLINE_STATE_DIR to another folder"):
        own_folder(file)
    assert stat.S_IMODE(shared.stat().st_mode) == 0o1777


def test_a_folder_of_another_user_is_left_alone(tmp_path, monkeypatch):
    folder = tmp_path / "state"
    own_folder(folder)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    for use in (own_folder, check_owner):
        with pytest.raises(
            StackError, match=rf"^{folder} belongs to another user \(uid {os.getuid()}\): be that user, "
        ):
            use(folder)
    check_owner(tmp_path / "not there")
    (tmp_path / "file").touch()
    with pytest.raises(
        StackError, match=r"cannot be used \(Not a directory\): set LOGLINE_STATE_DIR to another folder"
    ):
        check_owner(tmp_path / "file" / "state")


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a folder away, which root alone can")
@pytest.mark.parametrize("command", ["up", "status", "down", "env"])
def test_no_command_touches_the_folder_of_another_user(cli, command):
    folder = cli.config.state_dir
    folder.mkdir(mode=0o700)
    os.chown(folder, 65_534, 65_534)
    refused = cli(command)
    assert refused.returncode == 1
    assert refused.stderr == (
        f"error: {folder} belongs to another user (uid 65534): "
        "be that user, or set LOGLINE_STATE_DIR to another folder\n"
    )
    assert list(folder.iterdir()) == []
    os.chown(folder, 0, 0)


def test_data_outlives_kills_and_restarts_and_is_for_its_owner_only(tmp_path):
    state_dir = tmp_path / "state"
    state_dir.mkdir(mode=0o755)
    with running_stack(state_dir, airflow=False) as stack:
        write_everywhere(stack)
        written = {path.relative_to(state_dir).parts[0] for path in state_dir.rglob("*") if path.is_file()}
        assert {"logs", "storage", "bigquery", "pubsub", "dataflow", "stack.json", "access-token"} <= written
        assert open_to_others(state_dir) == []
        for name in ("storage", "bigquery", "pubsub", "dataflow"):
            stack.kill(name)
            assert stack.component(name).restarts == 1
        assert read_everywhere(stack)
    assert processes.members(stack.config.state_dir) == []
    with running_stack(state_dir, airflow=False) as stack:
        assert read_everywhere(stack)


def test_generated_logs_are_in_the_bucket(emulators: RunningStack) -> None:
    with emulators.storage() as storage:
        bucket = storage.bucket(emulators.bucket)
        if not bucket.exists():
            bucket.create()
        assert "10 lines" in emulators.generate_logs(start_date="2026-11-01", lines_per_day=10)
        assert bucket.blob("truth.json").exists()
    with pytest.raises(StackError, match=r"the generator failed: .*'2026-13-01'"):
        emulators.generate_logs(start_date="2026-13-01")


def test_secrets_are_for_their_owner_only(tmp_path):
    from local_stack.airflow.airflow_config import airflow_secrets, write_airflow_config

    config = StackConfig(state_dir=tmp_path, ports={name: port.default for name, port in PORTS.items()})
    secrets = airflow_secrets(config)
    write_airflow_config(config)
    assert airflow_secrets(dataclasses.replace(config)) == secrets
    assert len(secrets.jwt_secret) >= 64
    files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in config.airflow_home.iterdir()}
    assert files == {"secrets.json": 0o600, "passwords.json": 0o600, "airflow.cfg": 0o600}


def kill_supervisor(cli: Cli) -> int:
    """Kill it, and return how many processes it leaves."""
    state = running_state(cli.config)
    assert state is not None
    supervisor = psutil.Process(state.supervisor)
    supervisor.kill()
    wait_until(lambda: state.supervisor not in {process.pid for process in cli.members})
    left = len(cli.members)
    assert left >= 4
    return left


def write_everywhere(stack: RunningStack) -> None:
    with stack.storage() as storage, stack.bigquery() as bigquery:
        storage.create_bucket("kept").blob("object").upload_from_string(b"content")
        bigquery.create_dataset("kept")
        bigquery.query("CREATE TABLE kept.numbers AS SELECT 7 AS number").result()
    with pubsub(stack, PublisherClient, PublisherGrpcTransport) as publisher:
        publisher.create_topic(name=TOPIC)
        with pubsub(stack, SubscriberClient, SubscriberGrpcTransport) as subscriber:
            subscriber.create_subscription(name=SUBSCRIPTION, topic=TOPIC)
        publisher.api.publish(topic=TOPIC, messages=[{"data": b"content"}])


def read_everywhere(stack: RunningStack) -> bool:
    with stack.storage() as storage, stack.bigquery() as bigquery:
        assert storage.bucket("kept").blob("object").download_as_bytes() == b"content"
        assert [row.number for row in bigquery.query("SELECT number FROM kept.numbers").result()] == [7]
    with pubsub(stack, SubscriberClient, SubscriberGrpcTransport) as subscriber:
        pulled = subscriber.pull(subscription=SUBSCRIPTION, max_messages=1)
        assert [received.message.data for received in pulled.received_messages] == [b"content"]
        ids = [received.ack_id for received in pulled.received_messages]
        subscriber.modify_ack_deadline(subscription=SUBSCRIPTION, ack_ids=ids, ack_deadline_seconds=0)
    return True


@contextlib.contextmanager
def pubsub(stack: RunningStack, client: Any, transport: Any) -> Iterator[Any]:
    with grpc.insecure_channel(stack.config.pubsub_host) as channel:
        yield client(transport=transport(channel=channel))
