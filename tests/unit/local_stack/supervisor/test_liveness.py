"""Which component counts as frozen: real processes, stopped by SIGSTOP, busy or asleep."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import psutil
import pytest

from local_stack.config import HOST
from local_stack.ports import free_ports
from local_stack.supervisor import liveness, probes
from local_stack.supervisor.liveness import BUSY_LIMIT, IDLE_LIMIT, Liveness, Question

SERVER = """
import http.server, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/busy":
            while True:
                pass
        self.send_response(404 if self.path == "/lost" else 200)
        self.end_headers()
        self.wfile.write(b'{"version": 1}')
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture
def server() -> Iterator[tuple[psutil.Process, int]]:
    (port,) = free_ports(1)
    with subprocess.Popen([sys.executable, "-c", SERVER, str(port)], stderr=subprocess.DEVNULL) as process:
        probe = probes.http_answers(f"http://{HOST}:{port}/")
        wait_until(lambda: probe(datetime.now(UTC)))
        yield psutil.Process(process.pid), port
        process.kill()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "SECONDS", 0.2)


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def processor_seconds(process: psutil.Process) -> float:
    return float(sum(process.cpu_times()[:2]))


class Clock:
    """Steps a component's `Liveness` as its supervisor does, without the waiting between two questions."""

    def __init__(self, watched: Liveness) -> None:
        self.watched, self.now = watched, 0.0

    def ask(self) -> None:
        self.now += liveness.PERIOD
        self.watched.step(self.now)
        wait_until(lambda: self.watched._question is not None and not self.watched._question.pending)


@pytest.mark.parametrize(
    ("path", "holding", "is_well"),
    [
        ("/", b"", True),
        ("/lost", b"", True),
        ("/", b'"version"', True),
        ("/", b'"health"', False),
        ("/lost", b'"version"', False),
    ],
)
def test_an_answer_of_another_program_is_none(
    server: tuple[psutil.Process, int], path: str, holding: bytes, is_well: bool
) -> None:
    probe = probes.http_answers(f"http://{HOST}:{server[1]}{path}", holding=holding)
    assert probe(datetime.now(UTC)) is is_well


def test_a_frozen_process_is_given_up_and_one_that_goes_on_is_not(server: tuple[psutil.Process, int]) -> None:
    process, port = server
    clock = Clock(Liveness(probes.http_answers(f"http://{HOST}:{port}/"), process, 0.0))
    for _ in range(20):
        clock.ask()
    assert clock.watched.unanswered == 0

    process.send_signal(signal.SIGSTOP)
    for _ in range(IDLE_LIMIT - 1):
        clock.ask()
    assert not clock.watched.given_up
    process.send_signal(signal.SIGCONT)
    for _ in range(2):
        clock.ask()
    assert clock.watched.unanswered == 0

    process.send_signal(signal.SIGSTOP)
    for _ in range(IDLE_LIMIT + 1):
        clock.ask()
    assert clock.watched.given_up


def test_a_busy_process_is_given_far_longer(
    server: tuple[psutil.Process, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    process, port = server
    # It works all the time, and how much of it falls between two questions is left to the machine.
    monkeypatch.setattr(liveness, "_IDLE_SECONDS", 0.01)
    clock = Clock(Liveness(probes.http_answers(f"http://{HOST}:{port}/busy"), process, 0.0))
    clock.ask()
    for _ in range(IDLE_LIMIT + 2):
        used = processor_seconds(process)
        wait_until(lambda used=used: processor_seconds(process) > used + 0.02)
        clock.ask()
    assert clock.watched.unanswered > IDLE_LIMIT
    assert not clock.watched.given_up
    assert BUSY_LIMIT > 10 * IDLE_LIMIT


def test_what_cannot_be_told_is_no_fault(server: tuple[psutil.Process, int]) -> None:
    process, _ = server
    clock = Clock(Liveness(lambda _: None, process, 0.0))
    for _ in range(2 * IDLE_LIMIT):
        clock.ask()
    assert clock.watched.unanswered == 0


def test_a_heartbeat_counts_from_some_questions_ago_whatever_the_clock_did(
    server: tuple[psutil.Process, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    process, _ = server
    asked: list[datetime] = []

    def probe(since: datetime) -> bool:
        asked.append(since)
        return True

    clock = Clock(Liveness(probe, process, 0.0))
    before = datetime.now(UTC)
    for _ in range(10):
        clock.ask()
    assert asked == sorted(asked)
    assert asked[-1] >= before
    assert asked[-1] < datetime.now(UTC)


def test_a_question_that_hangs_delays_nobody(server: tuple[psutil.Process, int]) -> None:
    process, port = server
    process.send_signal(signal.SIGSTOP)
    hangs = Question(probes.http_answers(f"http://{HOST}:{port}/"), datetime.now(UTC))
    assert hangs.pending
    assert hangs.answer is False
    other = Question(lambda _: True, datetime.now(UTC))
    wait_until(lambda: not other.pending)
    assert other.answer is True
    wait_until(lambda: not hangs.pending)
    assert hangs.answer is False
