"""``make compose-test``: docker-compose.yaml for real, beside the laptop mode.

Builds the images and looks into them, launches each job from its image, brings everything up, logs in, backfills the
demo's files: the tables must be those of the laptop mode. Then every container is killed in turn while a backfill runs
and lines are streamed, and one service of Airflow hangs: all must recover and nothing be lost. At last ``down`` and
``up``: all data must be there. Everything is removed at the end.
"""

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import requests

from local_stack.clients.airflow import AirflowApi, AirflowError
from local_stack.config import StackError
from local_stack.demo.__main__ import DAYS, FIRST_DAY, LAST_DAY, LINES_PER_DAY
from local_stack.ports import free_ports
from local_stack.running import RunningStack, running_stack
from local_stack.waiting import wait_for
from tests.compose.engine import TABLES, Engine, EngineError, Project, run
from tests.compose.images import build_job_images, check_images, check_machine_code, dag_ids
from tests.compose.launches import check_launches

NAME = "logline-test"
BUCKET, DATASET = "logline-local", "logline"
AIRFLOW = {"scheduler": "scheduler", "dag-processor": "dag_processor", "triggerer": "triggerer"}
"""The heartbeat by which Airflow reports each of its services."""
FROZEN = "dag-processor"
"""The service that hangs while others are killed: nothing needs it meanwhile."""
PUBLISHED, TRUTH = 2000, "published.json"


class WrongError(Exception):
    """The containers do not do what they must; the text is one line."""


def main() -> int:
    """Run everything; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.compose", description=__doc__)
    parser.add_argument("--find-engine", action="store_true", help="only tell whether an engine runs containers here")
    parser.add_argument("--launches", action="store_true", help="only build the jobs' images, and launch them")
    parser.add_argument("--keep", action="store_true", help="leave the containers up")
    given = parser.parse_args()
    engine = Engine.find()
    if engine is None:
        print("container engine: none: install Docker, or Podman and podman-compose")
        return 1
    if given.find_engine:
        try:
            engine.try_out()
        except EngineError as error:
            print(f"container engine: {engine.program} runs no containers here: {error}")
            return 1
        print(f"container engine: {engine.program}")
        return 0
    # Everything is removed also when a time limit ends this.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="logline-compose-") as folder:
        try:
            if given.launches:
                _launch(engine)
            else:
                _run(engine, Path(folder), keep=given.keep)
        except (WrongError, EngineError, StackError, subprocess.SubprocessError) as error:
            print(f"FAILED after {time.monotonic() - begun:.0f} s: {error}", file=sys.stderr)
            return 1
    print(f"compose-test passed in {time.monotonic() - begun:.0f} s")
    return 0


def _run(engine: Engine, folder: Path, *, keep: bool) -> None:
    env_file = folder / ".env"
    (port,) = free_ports(1)
    env_file.write_text(f"LOGLINE_AIRFLOW_PORT={port}\nLOGLINE_IMAGE_TAG=test\n", encoding="utf-8")
    run([sys.executable, "tools/make_secrets.py", str(env_file)])
    secrets = dict(line.split("=", 1) for line in env_file.read_text(encoding="utf-8").splitlines())
    project = Project(engine, NAME, env_file)
    with _step("Images"):
        project.compose("build")
        check_images(engine, secrets, print)
    with _step("Launches of the jobs' images"):
        check_launches(engine, print)
    with _step("The same files in the laptop mode"):
        expected = _laptop(folder / "laptop")
    try:
        with _step("Up"):
            project.compose("down", "--volumes")
            project.compose("up", "--detach", "--no-build")
            airflow = AirflowApi(f"http://127.0.0.1:{port}", user="admin", password=secrets["LOGLINE_ADMIN_PASSWORD"])
            _wait_until_up(project, port)
            _check_login(port)
            _check_ports(project, port)
            airflow.wait_for_dags(dag_ids(), seconds=600)
        with _step("Backfill"):
            _provision_and_backfill(airflow, lambda *arguments: project.module("dataflow", *arguments))
            _compare(expected, _checksums(project), "laptop mode")
        with _step("SIGKILL each container while a backfill and a stream run"):
            _kill_each(project, airflow, port)
            _compare(expected, _checksums(project), "laptop mode")
        with _step("down, up"):
            runs = {run.run_id for run in airflow.runs("log_backfill")}
            streamed = _arrived(project)
            project.compose("down")
            project.compose("up", "--detach", "--no-build")
            _wait_until_up(project, port)
            _compare(expected, _checksums(project), "state before")
            if _arrived(project) != streamed or not runs <= {run.run_id for run in airflow.runs("log_backfill")}:
                raise WrongError(f"down and up lost something: {streamed} events, runs {runs} before")
    except (WrongError, EngineError, StackError):
        _show_logs(project)
        raise
    finally:
        if not keep:
            project.compose("down", "--volumes")


def _launch(engine: Engine) -> None:
    with _step("Images of the jobs"):
        build_job_images(engine)
        check_machine_code(engine, print)
    with _step("Launches of the jobs' images"):
        check_launches(engine, print)


def _laptop(state_dir: Path) -> Mapping[str, Any]:
    with running_stack(state_dir, airflow=True) as stack, stack.airflow() as airflow:
        _provision_and_backfill(airflow, lambda *arguments: _on_laptop(stack, "-m", *arguments))
        found: Mapping[str, Any] = json.loads(_on_laptop(stack, str(TABLES), "checksums", DATASET, LAST_DAY))
        return found


def _on_laptop(stack: RunningStack, *arguments: str) -> str:
    return run([sys.executable, *arguments], env=stack.process_env)


def _provision_and_backfill(airflow: AirflowApi, module: Callable[..., str]) -> None:
    _succeed(airflow, "provision", {}, seconds=600)
    files = [
        "--output",
        f"gs://{BUCKET}/logs",
        "--truth",
        f"gs://{BUCKET}/truth.json",
        "--start_date",
        FIRST_DAY,
        "--days",
        str(DAYS),
    ]
    module("beam_jobs.generate_logs", *files, "--lines_per_day", str(LINES_PER_DAY))
    known = {run.run_id for run in airflow.runs("daily_summary")}
    _succeed(airflow, "log_backfill", {"start_date": FIRST_DAY, "end_date": LAST_DAY}, seconds=600)
    _wait_for_summaries(airflow, known)


def _succeed(airflow: AirflowApi, dag: str, conf: Mapping[str, Any], *, seconds: float) -> None:
    ended = airflow.wait_for_run(airflow.trigger(dag, conf), seconds=seconds)
    if ended.state != "success":
        failed = [task.label for task in airflow.tasks(dag, ended.run_id) if task.state == "failed"]
        raise WrongError(f"{dag} is {ended.state}: {', '.join(failed)}")


def _wait_for_summaries(airflow: AirflowApi, known: set[str]) -> None:
    def settled() -> bool:
        states = {run.run_id: run.state for run in airflow.runs("daily_summary") if run.run_id not in known}
        if "failed" in states.values():
            raise WrongError(f"daily_summary failed: {states}")
        return "success" in states.values() and airflow.has_settled("daily_summary")

    wait_for(settled, seconds=600, what="the runs of daily_summary", pause=1)


def _kill_each(project: Project, airflow: AirflowApi, port: int) -> None:
    backfill = airflow.trigger("log_backfill", {"start_date": FIRST_DAY, "end_date": LAST_DAY})
    known = {run.run_id for run in airflow.runs("daily_summary")}
    for service in AIRFLOW:
        _kill(project, service, port)
    ended = airflow.wait_for_run(backfill, seconds=600)
    if ended.state != "success":
        raise WrongError(f"the backfill under which {', '.join(AIRFLOW)} were killed is {ended.state}")
    _wait_for_summaries(airflow, known)

    _succeed(airflow, "stream_supervisor", {"action": "launch"}, seconds=600)
    frozen = project.freeze(FROZEN)
    before = _arrived(project)
    options = ["--topic=projects/logline-local/topics/log-lines", f"--messages={PUBLISHED}", "--rate=20"]
    publisher = project.start(
        *("--profile", "publisher", "run", "--rm", "-T", "--entrypoint", "python", "publisher"),
        *("-m", "beam_jobs.generate_logs", "--publish", *options, "--bad_share=0.05", f"--truth=gs://{BUCKET}/{TRUTH}"),
    )
    for service in project.containers():
        if service not in (*AIRFLOW, "init", "publisher"):
            _kill(project, service, port)
    said = publisher.communicate(timeout=600)[0]
    if publisher.returncode:
        raise WrongError(f"the publisher failed: {said.strip().splitlines()[-1]}")
    read = f"import urllib.request as r; print(r.urlopen('http://127.0.0.1:9023/{BUCKET}/{TRUTH}').read().decode())"
    totals = json.loads(project.engine.run("exec", project.containers()["storage"], "python", "-c", read))["totals"]
    wanted = {fate: before[fate] + totals.get(fate, 0) for fate in before}
    _succeed(airflow, "stream_supervisor", {"action": "launch"}, seconds=600)
    try:
        wait_for(lambda: _arrived(project) == wanted, seconds=600, what=f"{wanted} events", pause=2)
    except AirflowError as error:
        raise WrongError(f"{error}, there are {_arrived(project)}") from None
    print(f"    all {sum(totals.values()):,} streamed events are there", flush=True)
    _wait_until_back(project, FROZEN, port, frozen, "it hung")


def _kill(project: Project, service: str, port: int) -> None:
    """Kill a service's process and wait until it does its work again."""
    _wait_until_back(project, service, port, project.kill(service), "SIGKILL")


def _wait_until_back(project: Project, service: str, port: int, old: int, what: str) -> None:
    since = time.time()
    wait_for(
        lambda: project.pid(service) not in (0, old) and _is_up(project, service, port, since),
        seconds=600,
        what=f"{service} after {what}",
        pause=1,
    )
    print(f"    {service}: back after {what}, {time.time() - since:.0f} s", flush=True)


def _is_up(project: Project, service: str, port: int, since: float) -> bool:
    """Whether a service does its work again, by its own health check."""
    if service in AIRFLOW or service == "api-server":
        try:
            report = _health(port)
        except requests.RequestException:
            return False
        if service == "api-server":
            return True
        beat = report.get(AIRFLOW[service], {}).get(f"latest_{AIRFLOW[service]}_heartbeat") or ""
        return bool(beat) and _timestamp(beat) > since
    check = {
        "postgres": ("pg_isready", "--username=airflow", "--dbname=airflow"),
        "storage": ("python", "/opt/logline/docker/listens.py", "9023"),
        "bigquery": ("python", "/opt/logline/docker/listens.py", "9050", "9060"),
        "pubsub": ("python", "/opt/logline/docker/listens.py", "8085"),
        "dataflow": ("python", "/opt/logline/docker/listens.py", "9070", "9071"),
    }[service]
    try:
        project.engine.run("exec", project.containers()[service], *check)
    except EngineError:
        return False
    return True


def _wait_until_up(project: Project, port: int) -> None:
    begun = time.time()
    for service in [name for name in project.containers() if name != "init"]:
        wait_for(lambda service=service: _is_up(project, service, port, begun), seconds=600, what=service, pause=1)


def _health(port: int) -> Mapping[str, Any]:
    report: Mapping[str, Any] = _get(port, "/api/v2/monitor/health").json()
    return report


def _get(port: int, path: str) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(f"http://127.0.0.1:{port}{path}", timeout=60)


def _check_login(port: int) -> None:
    if (status := _get(port, "/api/v2/dags").status_code) != 401:
        raise WrongError(f"the API answers {status} without a login")
    with AirflowApi(f"http://127.0.0.1:{port}", user="admin", password="admin") as intruder:
        try:
            intruder.runs("provision")
        except AirflowError:
            return
    raise WrongError("the API takes any password")


def _check_ports(project: Project, port: int) -> None:
    for service, container in project.containers().items():
        (found,) = json.loads(project.engine.run("inspect", container))
        published = [
            (one.get("HostIp"), one.get("HostPort"))
            for bindings in (found["NetworkSettings"]["Ports"] or {}).values()
            for one in bindings or []
        ]
        if published != ([("127.0.0.1", str(port))] if service == "api-server" else []):
            raise WrongError(f"{service} publishes {published}")


def _checksums(project: Project) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(project.python("dataflow", TABLES, "checksums", DATASET, LAST_DAY))
    return found


def _arrived(project: Project) -> dict[str, int]:
    found: dict[str, int] = json.loads(project.python("dataflow", TABLES, "arrived", DATASET))
    return found


def _compare(expected: Mapping[str, Any], found: Mapping[str, Any], whose: str) -> None:
    if different := [name for name in expected if expected[name] != found.get(name)]:
        first = different[0]
        raise WrongError(
            f"{', '.join(different)} differ from the {whose}: {first} was {expected[first]}, is {found.get(first)}"
        )
    rows = sum(one["rows"] for one in expected.values())
    print(f"    {len(expected)} tables with {rows:,} rows have the checksums of the {whose}", flush=True)


def _show_logs(project: Project) -> None:
    for service, container in project.containers().items():
        print(f"---- {service}\n{project.engine.logs(container)[-3000:]}", file=sys.stderr)


def _timestamp(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@contextmanager
def _step(title: str) -> Iterator[None]:
    print(title, flush=True)
    begun = time.monotonic()
    yield
    print(f"    {time.monotonic() - begun:.0f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
