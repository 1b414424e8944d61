"""A service of Airflow in its container: watched by its heartbeat in a real PostgreSQL, killed when it hangs."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from local_stack import postgres
from local_stack.supervisor import processes
from tests.unit.local_stack.test_postgres import Server, wait_until
from tests.unit.local_stack.test_postgres import server as server

DOCKER = Path(__file__).parents[3] / "docker"
ENTRYPOINT = """
import sys
import airflow_entrypoint
airflow_entrypoint.ASK_SECONDS, airflow_entrypoint.STILL_SECONDS = 0.1, 5
airflow_entrypoint.choose_cloud = lambda: None
airflow_entrypoint.wait_for_database = lambda *, migrated: None
sys.exit(airflow_entrypoint.main(["scheduler", "--option"]))
"""
#: Ends with code 7 when asked to, once it has begun; a service that hangs does not end at all.
SERVICE = """#!{python}
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN if {hangs} else lambda *_: sys.exit(7))
worker = subprocess.Popen(["sleep", "600"])
open({begun!r}, "w").write(" ".join(map(str, [worker.pid, *sys.argv[1:]])))
time.sleep(600)
"""


class Watched:
    """The entry point, with a program in place of Airflow whose heartbeat a test writes."""

    def __init__(self, server: Server, folder: Path, *, hangs: bool) -> None:
        self._server = server
        server.start()
        server.query("CREATE TABLE job (job_type text, hostname text, latest_heartbeat timestamptz)")
        for job_type, host in (("SchedulerJob", "another"), ("TriggererJob", socket.gethostname())):
            server.query(f"INSERT INTO job VALUES ('{job_type}', '{host}', now() + interval '1 day')")
        self.begun = folder / "begun"
        program = folder / "airflow"
        program.write_text(SERVICE.format(python=sys.executable, hangs=hangs, begun=str(self.begun)))
        program.chmod(0o755)
        self.process = subprocess.Popen(
            [sys.executable, "-c", ENTRYPOINT],
            env={
                **os.environ,
                "PATH": f"{folder}:{os.environ['PATH']}",
                "PYTHONPATH": f"{DOCKER}:{DOCKER.parent}",
                "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": postgres.sqlalchemy_url(server.config),
            },
            stderr=subprocess.PIPE,
            text=True,
        )
        wait_until(lambda: self.begun.exists() and self.begun.read_text())

    @property
    def worker(self) -> psutil.Process:
        return psutil.Process(int(self.begun.read_text().split()[0]))

    def beat(self) -> None:
        host = socket.gethostname()
        self._server.query(f"INSERT INTO job VALUES ('SchedulerJob', '{host}', now())")

    def said_at_its_end(self) -> str:
        return self.process.communicate(timeout=60)[1]


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    for process in psutil.process_iter(["cmdline"]):
        if str(tmp_path / "airflow") in (process.info["cmdline"] or []):
            processes.stop([process, *process.children()], grace=0)


def test_a_service_that_hangs_is_killed_with_its_workers(server: Server, folder: Path) -> None:
    watched = Watched(server, folder, hangs=True)
    worker = watched.worker
    watched.beat()
    watched.process.send_signal(signal.SIGTERM)
    said = watched.said_at_its_end()
    assert said == "error: scheduler hangs: no heartbeat for 5 s; it is killed, to be started again\n"
    assert watched.process.returncode == 128 + signal.SIGKILL
    wait_until(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)


def test_one_that_beats_lives_on_until_it_is_asked_to_end(server: Server, folder: Path) -> None:
    watched = Watched(server, folder, hangs=False)
    deadline = time.monotonic() + 8
    while time.monotonic() < deadline:
        watched.beat()
        time.sleep(0.2)
    assert watched.process.poll() is None
    assert watched.begun.read_text().split()[1:] == ["scheduler", "--option"]
    worker = watched.worker
    watched.process.send_signal(signal.SIGTERM)
    assert watched.process.wait(60) == 7
    worker.kill()
    assert watched.said_at_its_end() == ""


def test_while_the_database_is_away_nothing_is_killed(server: Server, folder: Path) -> None:
    watched = Watched(server, folder, hangs=True)
    watched.beat()
    processes.stop(server.members, grace=0)
    with pytest.raises(subprocess.TimeoutExpired):
        watched.process.wait(8)
    server.start()
    assert "scheduler hangs" in watched.said_at_its_end()
