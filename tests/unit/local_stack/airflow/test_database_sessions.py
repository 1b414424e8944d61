"""Sessions of Airflow's database while PostgreSQL is killed and started again."""

import sys
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import OperationalError

from local_stack import postgres
from local_stack.airflow import database_sessions
from local_stack.airflow.database_sessions import session_maker
from local_stack.supervisor import processes
from tests.unit.local_stack.test_postgres import Server
from tests.unit.local_stack.test_postgres import server as server


@pytest.fixture
def engine(server: Server) -> Iterator[Engine]:
    engine = create_engine(postgres.sqlalchemy_url(server.config), pool_pre_ping=True)
    yield engine
    engine.dispose()


def kill(server: Server, leader: int) -> None:
    """Kill all processes of the server, as its supervisor does."""
    name = postgres.cluster_name(server.config.state_dir)
    processes.stop(processes.group(leader, server.config.state_dir, cluster=name), grace=0)


def test_a_scheduler_waits_for_its_database(server: Server, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["airflow", "scheduler", "--skip-serve-logs"])
    leader = server.start()
    sessions = session_maker(engine)
    with sessions() as session:
        assert session.scalar(text("SELECT 1")) == 1
    kill(server, leader.pid)
    refused = threading.Event()
    paused = SimpleNamespace(monotonic=time.monotonic, sleep=lambda seconds: (refused.set(), time.sleep(seconds)))
    monkeypatch.setattr(database_sessions, "time", paused)
    starter = threading.Thread(target=lambda: refused.wait(60) and server.start())
    starter.start()
    with sessions() as session:
        assert session.scalar(text("SELECT 2")) == 2
    starter.join()


def test_it_does_not_wait_for_ever(server: Server, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["airflow", "triggerer"])
    monkeypatch.setattr(database_sessions, "WAIT_SECONDS", 0.5)
    leader = server.start()
    sessions = session_maker(engine)
    with sessions() as session:
        session.execute(text("SELECT 1"))
    kill(server, leader.pid)
    with sessions() as session, pytest.raises(OperationalError, match="Connection refused"):
        session.execute(text("SELECT 1"))


@pytest.mark.parametrize("command", ["scheduler", "api-server"])
def test_a_database_that_is_not_there_is_an_error_at_once(
    server: Server, engine: Engine, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["airflow", command])
    waits = SimpleNamespace(monotonic=time.monotonic, sleep=lambda _: pytest.fail("it waits"))
    monkeypatch.setattr(database_sessions, "time", waits)
    with session_maker(engine)() as session, pytest.raises(OperationalError, match="Connection refused"):
        session.execute(text("SELECT 1"))


def test_the_api_server_does_not_let_its_callers_wait(
    server: Server, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["airflow", "api-server"])
    leader = server.start()
    sessions = session_maker(engine)
    with sessions() as session:
        session.execute(text("SELECT 1"))
    kill(server, leader.pid)
    monkeypatch.setattr(database_sessions, "WAIT_SECONDS", 600)
    with sessions() as session, pytest.raises(OperationalError, match="Connection refused"):
        session.execute(text("SELECT 1"))
