"""A short seeded run of `make chaos`, and proof that its parts do what they are relied on for."""

import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local_stack.config import HOST, REPOSITORY, StackConfig
from local_stack.environment import MARK
from local_stack.running import RunningStack
from local_stack.supervisor.state import ComponentState, StackState, write_state
from tests.chaos.outside import proxy, schedule, victims
from tests.chaos.outside.lines import Line
from tests.chaos.outside.oracle import judge
from tests.chaos.outside.proxy import Proxies

SEED, MINUTES = 134, 1.0  # every kind of fault, and the kill of ten different victims
DAY = datetime(2026, 11, 1, 10, tzinfo=UTC)
GOOD, BAD = Line(1, DAY, is_bad=False), Line(2, DAY, is_bad=True)
OF_FILE, BAD_OF_FILE = Line(3, DAY, is_bad=False), Line(4, DAY, is_bad=True)
FILES = {"logs/a.log": [GOOD, OF_FILE, BAD_OF_FILE], "logs/gone.log": None}
RIGHT: dict[str, list[dict[str, Any]]] = {
    "requests": [{"path": "/chaos/1", "n": 1}, {"path": "/chaos/3", "n": 1}],
    "rejected_streamed": [{"raw_line": BAD.text.encode(), "n": 1}],
    "rejected_backfilled": [{"source_uri": "gs://b/logs/a.log", "raw_line": BAD_OF_FILE.text.encode(), "n": 1}],
    "backfilled_requests": [
        {"source_uri": "gs://b/logs/a.log", "path": "/chaos/1", "n": 1},
        {"source_uri": "gs://b/logs/a.log", "path": "/chaos/3", "n": 1},
    ],
    "daily_summary": [{"log_date": "2026-11-01", "requests": 2, "bytes": 4}],
    "daily_statuses": [{"log_date": "2026-11-01", "status": 200, "n": 2}],
    "hourly_traffic": [{"log_date": "2026-11-01", "hour": 10, "n": 2}],
    "ledger": [{"source_uri": "gs://b/logs/a.log", "lines": 3, "rows": 2, "rejected": 1, "blank": 0}],
    "reconciliation": [
        {
            "log_date": "2026-11-01",
            "requests": 2,
            "status": "balanced",
            "in_flight": 0,
            "unread_objects": 0,
            **dict.fromkeys(("lines_difference", "rows_difference", "rejected_difference", "requests_difference"), 0),
        }
    ],
    "stream_batches": [{"lines": 2, "open": 0}],
}


class Tables:
    """Answers each query with the rows for its table."""

    def __init__(self, **rows: list[dict[str, Any]]) -> None:
        self._rows = {**RIGHT, **rows}

    def query(self, sql: str) -> list[dict[str, Any]]:
        return self._rows[sql.partition("DATASET.")[2].split()[0]]


@pytest.mark.e2e
@pytest.mark.timeout(1800)
def test_nothing_is_lost_doubled_or_wrong_after_a_minute_of_chaos(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.chaos.outside", f"--minutes={MINUTES}", f"--seed={SEED}"]
    run = subprocess.run(
        [*command, f"--folder={tmp_path}"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    print(run.stdout)
    assert run.returncode == 0, run.stderr
    report = (tmp_path / f"{SEED}.txt").read_text()
    told = re.search(
        r"(\d+) kills, (\d+) freezes: 0 lost, 0 doubled, 0 wrong of ([\d,]+) counts and figures: met", report
    )
    assert told, report
    kills, freezes, figures = (int(number.replace(",", "")) for number in told.groups())
    assert (kills >= 8, freezes >= 2, figures > 1_000) == (True, True, True), told[0]
    assert (tmp_path / f"{SEED}.svg").read_text().startswith("<?xml")


def test_a_seed_gives_the_same_schedule_each_time() -> None:
    first, second, other = schedule.schedule(60, 7), schedule.schedule(60, 7), schedule.schedule(60, 8)
    assert first == second != other
    assert {event.kind for event in first} == set(schedule.PER_MINUTE)
    assert {event.target for event in first if event.kind == schedule.KILL} == set(schedule.VICTIMS)


@pytest.mark.parametrize(
    ("title", "victim"),
    [
        ("python -P -m beam_jobs.stream --runner=FnApiRunner", "stream"),
        ("python -P -m beam_jobs.backfill --runner=FnApiRunner", "batch job"),
        ("python -m emulators.dataflow --image stream=beam_jobs.stream --image backfill=beam_jobs.backfill", ""),
        ("python -P -m emulators.dataflow.process.zygote beam_jobs.preload", "zygote"),
        ("python -m local_stack.airflow.zygote", "zygote"),
        ("postgres: logline-0123456789abcdef: walwriter ", "database session"),
    ],
)
def test_a_process_is_no_victim_by_another_name(title: str, victim: str, tmp_path: Path) -> None:
    names = ("stream", "batch job", "zygote", "database session")
    stack = RunningStack(StackConfig(tmp_path, {}))
    parts = {name: ComponentState("", "") for name in ("airflow-scheduler", "airflow-triggerer")}
    write_state(stack.config, StackState("up", os.getpid(), "", True, {}, "", parts))
    code = ["-c", "print(flush=True); input()"]
    command, _, rest = title.partition(" -m ")
    argv = [*command.split(" "), *code, "-m", *rest.split(" ")] if rest else [title, *code]
    with subprocess.Popen(
        argv,
        executable=sys.executable,
        env={**os.environ, MARK: str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = [name for name in names if process.pid in {one.pid for one in victims.find(stack, name)}]
        process.kill()
    assert found == ([victim] if victim else [])


def test_the_oracle_takes_right_tables() -> None:
    verdict = judge([GOOD, BAD], FILES, "b", Tables())
    assert verdict.is_good, verdict.shown()
    assert verdict.figures > 10


@pytest.mark.parametrize(
    ("table", "rows", "kind"),
    [
        ("requests", RIGHT["requests"][:1], "lost"),
        ("requests", [{"path": "/chaos/1", "n": 2}, RIGHT["requests"][1]], "doubled"),
        ("requests", [*RIGHT["requests"], {"path": "/chaos/9", "n": 1}], "wrong"),
        ("rejected_streamed", [], "lost"),
        ("rejected_backfilled", [{**RIGHT["rejected_backfilled"][0], "n": 2}], "doubled"),
        ("backfilled_requests", RIGHT["backfilled_requests"][:1], "lost"),
        (
            "backfilled_requests",
            [*RIGHT["backfilled_requests"], {"source_uri": "gs://b/logs/gone.log", "path": "/chaos/8", "n": 1}],
            "wrong",
        ),
        ("daily_summary", [{**RIGHT["daily_summary"][0], "bytes": 5}], "wrong"),
        ("daily_statuses", [{**RIGHT["daily_statuses"][0], "n": 1}], "wrong"),
        ("hourly_traffic", [], "wrong"),
        ("ledger", [{**RIGHT["ledger"][0], "rejected": 0}], "wrong"),
        ("reconciliation", [{**RIGHT["reconciliation"][0], "status": "unbalanced"}], "wrong"),
        ("reconciliation", [{**RIGHT["reconciliation"][0], "in_flight": 1}], "wrong"),
        ("stream_batches", [{"lines": 1, "open": 0}], "wrong"),
    ],
)
def test_the_oracle_sees_what_is_not_right(table: str, rows: list[dict[str, Any]], kind: str) -> None:
    verdict = judge([GOOD, BAD], FILES, "b", Tables(**{table: rows}))
    found = {name for name in ("lost", "doubled", "wrong") if getattr(verdict, name)}
    assert found == {kind}


@contextmanager
def answering() -> Iterator[tuple[int, list[bytes]]]:
    """A server that answers everything it is sent with `yes`; yields its port and what it was sent."""
    heard: list[bytes] = []
    with socket.create_server((HOST, 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

        def answer(connection: socket.socket) -> None:
            with connection:
                while data := _received(connection):
                    heard.append(data)
                    connection.sendall(b"yes")

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield server.getsockname()[1], heard
        finally:
            server.shutdown(socket.SHUT_RDWR)


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(100)
    except OSError:
        return b""


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    with socket.create_connection((HOST, port)) as client:
        client.settimeout(60)
        yield client


def asked(client: socket.socket) -> bytes:
    client.sendall(b"?")
    return client.recv(100)


def test_a_link_passes_on_what_it_is_given() -> None:
    with answering() as (port, _), Proxies({"a": port}) as proxies, connected(proxies.entrances["a"]) as client:
        assert [asked(client), asked(client)] == [b"yes", b"yes"]
        with proxies.fault("a", proxy.DELAY):
            assert asked(client) == b"yes"


def test_a_reset_link_resets_old_and_new_connections() -> None:
    with answering() as (port, heard), Proxies({"a": port}) as proxies, connected(proxies.entrances["a"]) as client:
        assert asked(client) == b"yes"
        with proxies.fault("a", proxy.RESET):
            with pytest.raises(ConnectionError):
                client.recv(100)
            with connected(proxies.entrances["a"]) as other, pytest.raises(ConnectionError):
                asked(other)
        with connected(proxies.entrances["a"]) as later:
            assert asked(later) == b"yes"
        assert heard == [b"?", b"?"]


def test_what_falls_into_a_black_hole_arrives_afterwards() -> None:
    with answering() as (port, heard), Proxies({"a": port}) as proxies, connected(proxies.entrances["a"]) as client:
        assert asked(client) == b"yes"
        with proxies.fault("a", proxy.BLACK_HOLE):
            client.sendall(b"?")
            client.settimeout(0.3)
            with pytest.raises(TimeoutError):
                client.recv(100)
            assert heard == [b"?"]
        client.settimeout(60)
        assert client.recv(100) == b"yes"


def test_a_half_closed_link_says_nothing_until_the_end() -> None:
    with answering() as (port, heard), Proxies({"a": port}) as proxies, connected(proxies.entrances["a"]) as client:
        assert asked(client) == b"yes"
        with proxies.fault("a", proxy.HALF_CLOSED):
            client.sendall(b"?")
            client.settimeout(0.3)
            with pytest.raises(TimeoutError):
                client.recv(100)
        client.settimeout(60)
        with pytest.raises(ConnectionError):
            client.recv(100)
        assert heard == [b"?"]


def test_an_answer_is_lost_after_the_request_has_arrived() -> None:
    with answering() as (port, heard), Proxies({"a": port}) as proxies, connected(proxies.entrances["a"]) as client:
        assert asked(client) == b"yes"
        with proxies.fault("a", proxy.LOST_ANSWERS), pytest.raises(ConnectionError):
            asked(client)
        assert heard == [b"?", b"?"]
