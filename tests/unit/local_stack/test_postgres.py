"""PostgreSQL of the local stack: made, started, killed and started again; its processes are found by their names."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psutil
import psycopg2
import pytest

from local_stack import postgres
from local_stack.config import HOST, PORTS, REPOSITORY, StackConfig, StackError
from local_stack.environment import component_environment
from local_stack.ports import free_ports
from local_stack.supervisor import probes, processes


class Server:
    """`python -m local_stack.postgres`, as the supervisor starts it."""

    def __init__(self, state_dir: Path) -> None:
        self.config = StackConfig(state_dir=state_dir, ports=dict(zip(PORTS, free_ports(len(PORTS)), strict=True)))
        self.log = state_dir / "postgres.log"
        self.answers = probes.postgres_answers(self.config)

    def start(self) -> psutil.Process:
        command = [sys.executable, "-m", "local_stack.postgres"]
        started = processes.start(command, environment=component_environment(self.config), log=self.log)
        wait_until(lambda: self.answers(datetime.now(UTC)) or started.poll() is not None)
        assert started.poll() is None, self.log.read_text()
        return psutil.Process(started.pid)

    def query(self, statement: str) -> list[tuple[object, ...]]:
        address = {"host": HOST, "port": self.config.ports["postgres"], "dbname": postgres.DATABASE}
        with closing(
            psycopg2.connect(**address, user=postgres.USER, password=postgres.password(self.config))
        ) as connection:
            connection.autocommit = True
            cursor = connection.cursor()
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []

    @property
    def members(self) -> list[psutil.Process]:
        return processes.members(self.config.state_dir)


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    # Longer than the path of a unix socket may be.
    state_dir = tmp_path / ("deep" * 40) / "state"
    state_dir.mkdir(parents=True)
    server = Server(state_dir)
    yield server
    processes.stop(server.members, grace=0)
    assert server.members == []


def test_what_was_committed_outlives_a_stop_a_kill_and_a_process_number_given_away(server: Server) -> None:
    leader = server.start()
    server.query("CREATE TABLE kept (number int)")
    server.query("INSERT INTO kept VALUES (7)")
    data = server.config.state_dir / "postgres" / "data-18"
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert stat.S_IMODE((data.parent / "password").stat().st_mode) == 0o600

    assert processes.stop([leader], grace=60, signals={leader.pid: signal.SIGINT}) == []
    assert server.log.read_text().rstrip().endswith("database system is shut down")
    assert not (data / "postmaster.pid").exists()

    leader = server.start()
    server.query("INSERT INTO kept VALUES (8)")
    for process in processes.group(leader.pid, server.config.state_dir, cluster=postgres.cluster_name(data.parents[1])):
        process.kill()
    wait_until(lambda: not server.members)
    # After the machine was started again, that number may be anybody's, of the same user too.
    lock = data / "postmaster.pid"
    lock.write_text(lock.read_text().replace(str(leader.pid), str(os.getpid()), 1))
    server.start()
    assert server.query("SELECT number FROM kept ORDER BY 1") == [(7,), (8,)]


def test_all_its_processes_are_the_stacks_and_listen_on_loopback(server: Server) -> None:
    leader = server.start()
    children = leader.children(recursive=True)
    assert children
    # Some come and go, such as those that clean tables.
    wait_until(lambda: {one.pid for one in server.members} == {leader.pid, *(one.pid for one in leader.children())})
    assert processes.members(server.config.state_dir / "other") == []
    port = server.config.ports["postgres"]
    assert {one.laddr.ip for one in psutil.net_connections("tcp") if one.laddr and one.laddr.port == port} == {HOST}
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(host=HOST, port=server.config.ports["postgres"], user=postgres.USER, password="x")


def test_a_frozen_server_does_not_answer(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    leader = server.start()
    leader.suspend()
    monkeypatch.setattr(probes, "SECONDS", 0.2)
    assert server.answers(datetime.now(UTC)) is False
    assert probes.airflow_beats(server.config, "SchedulerJob")(datetime.now(UTC)) is None
    leader.resume()


def test_an_interrupted_first_start_is_made_good(server: Server) -> None:
    (server.config.state_dir / "postgres" / "data-18.unfinished" / "base").mkdir(parents=True)
    server.start()
    assert [path.name for path in (server.config.state_dir / "postgres").glob("data*")] == ["data-18"]


def test_what_cannot_run_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = StackConfig(state_dir=tmp_path, ports={name: port.default for name, port in PORTS.items()})
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "postgres"
    program.write_text("#!/bin/sh\necho 'postgres: error while loading shared libraries: libz.so.1' >&2\nexit 127\n")
    monkeypatch.setattr(postgres, "_binaries", lambda: program.parent)
    monkeypatch.setattr(postgres, "_unprivileged", list)
    for mode, reason in ((0o755, "postgres: error while loading shared libraries: libz.so.1"), (0o644, ".*Permission")):
        program.chmod(mode)
        with pytest.raises(StackError, match=f"^PostgreSQL cannot run here: {reason}"):
            postgres.serve(config)


def test_root_without_setpriv_is_one_line(tmp_path: Path) -> None:
    code = "import os; os.geteuid = lambda: 0; from local_stack import postgres; raise SystemExit(postgres.main())"
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={"LOGLINE_STATE_DIR": str(tmp_path), "PATH": str(tmp_path)},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert run.stderr == (
        "error: PostgreSQL does not run as root without setpriv (util-linux): install it, or be another user\n"
    )


def test_the_password_is_made_once(tmp_path: Path) -> None:
    config = StackConfig(state_dir=tmp_path, ports={"postgres": 4711})
    assert postgres.password(config) == postgres.password(config)
    assert postgres.sqlalchemy_url(config) == (
        f"postgresql+psycopg2://airflow:{postgres.password(config)}@127.0.0.1:4711/postgres"
    )
