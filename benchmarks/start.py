"""How soon the local stack is up, how soon a job works, what an idle stack takes: ``python -m benchmarks.start``.

Beside commit BASE, checked out into a temporary folder and run with the packages it locks, one after the other on fresh
state folders: as both commits' users start them where the environment keeps Python from writing byte code, as that of
many images does (this commit's Makefile takes the variable back), and with byte code for both. A job's first line of
work is the first line of its log, here of a backfill of one small file: median of LAUNCHES, after one that compiles
what numba has not in its cache. Idle processor time is that of all processes within IDLE_SECONDS, memory their
proportional set size at the end.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import requests

from benchmarks.base_commit import BASE, base_commit
from benchmarks.table import machine
from local_stack.config import HOST, PORTS, REPOSITORY
from local_stack.ports import free_ports
from local_stack.supervisor import processes
from local_stack.waiting import wait_for

LAUNCHES = 5
IDLE_SECONDS = 120
SETTLE_SECONDS = 60
MAX_SHARE_OF_BASE = 0.5
MAX_LAUNCH_SECONDS = 1.5
MAX_IDLE_CORES = 0.3
MAX_IDLE_BYTES = 2.5e9

_PROJECT, _REGION, _BUCKET = "logline-local", "us-central1", "logline-local"
_LINE = '192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /a?b HTTP/1.1" 200 5 "http://example.com/" "curl/8.0"\n'
_UP_SECONDS = 900


@dataclass(frozen=True)
class Figures:
    """What one commit takes: seconds until it is up, seconds from each launch to work, cores and bytes when idle."""

    up: float
    launches: list[float]
    cores: float
    memory: float

    @property
    def launch(self) -> float:
        """The median of the launches."""
        return statistics.median(self.launches)


def main() -> None:
    """Measure both commits and print; exit non-zero where a figure is missed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with base_commit(folder / "base") as earlier:
            base_module = [earlier.python, "-m", "emulators.stack"]
            base_up = _up_without_byte_code(earlier.folder, base_module, folder / "base-without")
            base = _measure(earlier.folder, base_module, folder / "base-state")
        up = _up_without_byte_code(REPOSITORY, ["make"], folder / "without")
        now = _measure(REPOSITORY, [sys.executable, "-m", "local_stack"], folder / "state")
    share = up / base_up
    verdicts = (
        share <= MAX_SHARE_OF_BASE,
        None,
        now.launch <= MAX_LAUNCH_SECONDS,
        now.cores < MAX_IDLE_CORES,
        now.memory < MAX_IDLE_BYTES,
    )
    rows = (
        (
            "up from an empty folder, PYTHONDONTWRITEBYTECODE set",
            f"{base_up:.0f} s",
            f"{up:.0f} s",
            f"{share:.2f} of {MAX_SHARE_OF_BASE}",
        ),
        ("up, byte code for both", f"{base.up:.0f} s", f"{now.up:.0f} s", f"{now.up / base.up:.2f}"),
        (
            "first line of a job's work",
            f"{base.launch:.2f} s",
            f"{now.launch:.2f} s",
            f"at most {MAX_LAUNCH_SECONDS} s",
        ),
        ("idle, cores", f"{base.cores:.2f}", f"{now.cores:.2f}", f"below {MAX_IDLE_CORES}"),
        (
            "idle, memory",
            f"{base.memory / 1e9:.2f} GB",
            f"{now.memory / 1e9:.2f} GB",
            f"below {MAX_IDLE_BYTES / 1e9} GB",
        ),
    )
    print(f"Start of the local stack: {machine()}, load {os.getloadavg()[0]:.1f} at the end")
    print(f"| | {BASE} | now | | |")
    print("|---|---|---|---|---|")
    for row, met in zip(rows, verdicts, strict=True):
        print(f"| {' | '.join(row)} | {'' if met is None else 'met' if met else 'MISSED'} |")
    if False in verdicts:
        sys.exit(1)


def _up_without_byte_code(checkout: Path, program: Sequence[str], state_dir: Path) -> float:
    environment = _environment(checkout, state_dir, _free_ports()) | {"PYTHONDONTWRITEBYTECODE": "1"}
    # What has been compiled for the other measurement would be read.
    environment["PYTHONPYCACHEPREFIX"] = str(state_dir.with_suffix(".pycache"))
    with _running(checkout, program, environment) as up:
        return up


def _measure(checkout: Path, program: Sequence[str], state_dir: Path) -> Figures:
    ports = _free_ports()
    with _running(checkout, program, _environment(checkout, state_dir, ports)) as up:
        time.sleep(SETTLE_SECONDS)
        launches = _launches(checkout, ports, state_dir)
        cores, memory = _idle(state_dir)
    return Figures(up, launches, cores, memory)


@contextmanager
def _running(checkout: Path, program: Sequence[str], environment: Mapping[str, str]) -> Iterator[float]:
    """Run a stack; yields the seconds until it was up."""

    def stack(command: str) -> None:
        argv = [*program, command]
        subprocess.run(argv, cwd=checkout, env=environment, check=True, stdout=subprocess.DEVNULL, timeout=_UP_SECONDS)

    begun = time.monotonic()
    try:
        stack("up")
        yield time.monotonic() - begun
    finally:
        stack("down")


def _free_ports() -> dict[str, int]:
    return dict(zip(PORTS, free_ports(len(PORTS)), strict=True))


def _environment(checkout: Path, state_dir: Path, ports: Mapping[str, int]) -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LOGLINE_", "AIRFLOW"))}
    environment.pop("PUBSUB_EMULATOR_HOST", None)
    environment |= {"LOGLINE_STATE_DIR": str(state_dir), "PYTHONPATH": f"{checkout}{os.pathsep}{checkout}/plugins"}
    return environment | {PORTS[name].variable: str(number) for name, number in ports.items()}


def _launches(checkout: Path, ports: Mapping[str, int], state_dir: Path) -> list[float]:
    storage = f"http://{HOST}:{ports['storage']}"
    spec = {
        "image": "example.dev/logline/backfill:start",
        "sdkInfo": {"language": "PYTHON"},
        "metadata": json.loads((checkout / "dags/templates/backfill.json").read_text()),
    }
    with requests.Session() as session:
        session.trust_env = False
        session.post(f"{storage}/storage/v1/b", params={"project": _PROJECT}, json={"name": _BUCKET})
        for name, content in (("templates/start.json", json.dumps(spec)), ("start/access.log", _LINE * 1000)):
            session.post(
                f"{storage}/upload/storage/v1/b/{_BUCKET}/o",
                params={"uploadType": "media", "name": name},
                data=content.encode(),
                headers={"Content-Type": "application/octet-stream"},
            ).raise_for_status()
        token = state_dir / "access-token"
        if token.exists():  # the older emulator asks for none
            session.headers["Authorization"] = f"Bearer {token.read_text().strip()}"
        jobs = f"http://{HOST}:{ports['dataflow']}/v1b3/projects/{_PROJECT}/locations/{_REGION}"
        return [_launch(session, jobs, number) for number in range(LAUNCHES + 1)][1:]


def _launch(session: requests.Session, url: str, number: int) -> float:
    """Launch a backfill, wait until it is done, and return the seconds until its log has begun."""
    launch = {
        "jobName": f"start-{number}",
        "containerSpecGcsPath": f"gs://{_BUCKET}/templates/start.json",
        "parameters": {
            "source": f"gs://{_BUCKET}/start/*",
            "output": f"gs://{_BUCKET}/start-{number}",
            "run_id": f"start-{number}",
        },
    }
    begun = time.monotonic()
    answer = _json(session.post(f"{url}/flexTemplates:launch", json={"launchParameter": launch}))
    job = f"{url}/jobs/{answer['job']['id']}"

    def works() -> bool:
        found = _json(session.get(f"{job}/messages")).get("jobMessages", [])
        return any(message["messageImportance"] == "JOB_MESSAGE_DETAILED" for message in found)

    wait_for(works, seconds=_UP_SECONDS, what="the job's first line", pause=0.02)
    seconds = time.monotonic() - begun

    def is_done() -> bool:
        return str(_json(session.get(job))["currentState"]) == "JOB_STATE_DONE"

    wait_for(is_done, seconds=_UP_SECONDS, what="the job to be done")
    return seconds


def _json(response: requests.Response) -> dict[str, Any]:
    response.raise_for_status()
    answer: dict[str, Any] = response.json()
    return answer


def _idle(state_dir: Path) -> tuple[float, float]:
    """Return the cores that a stack uses when nobody asks it for anything, and its memory in bytes."""
    time.sleep(SETTLE_SECONDS)
    begun, before = time.monotonic(), _processor_seconds(state_dir)
    time.sleep(IDLE_SECONDS)
    after = _processor_seconds(state_dir)
    used = sum(max(0.0, seconds - before.get(pid, 0.0)) for pid, seconds in after.items())
    return used / (time.monotonic() - begun), _memory(state_dir)


def _processor_seconds(state_dir: Path) -> dict[int, float]:
    """Return the seconds that each process has used, and those of its children that have ended."""
    found = {}
    for process in processes.members(state_dir):
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        found[process.pid] = times.user + times.system + times.children_user + times.children_system
    return found


def _memory(state_dir: Path) -> float:
    total = 0.0
    for process in processes.members(state_dir):
        try:
            total += process.memory_full_info().pss
        except psutil.Error:
            continue
    return total


if __name__ == "__main__":
    main()
