"""The live stream through a real Airflow: killed, upgraded and drained while messages are published."""

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local_stack.clients.airflow import AirflowApi, DagRun
from local_stack.clients.dataflow import RUNNING, DataflowApi, DataflowJob
from local_stack.running import RunningStack
from tests.live_stream import eventually, ids_of, publishing, read_truth, streaming_processes
from tests.partitions import every_row

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

RUN_SECONDS = 600
ARRIVAL_SECONDS = 240  # what a killed job had in hand is delivered again after 30 s
RATE = 400
SHARES = {"bad_share": 0.05, "duplicate_share": 0.02, "late_share": 0.01}


@dataclass(frozen=True)
class Live:
    stack: RunningStack
    airflow: AirflowApi
    dataflow: DataflowApi

    def run(self, dag_id: str, conf: dict[str, Any] | None = None) -> DagRun:
        """A run that has to succeed."""
        run = self.airflow.wait_for_run(self.airflow.trigger(dag_id, conf), seconds=RUN_SECONDS)
        assert run.state == "success", self.airflow.why_failed(run)
        return run

    def supervise(self, action: str = "auto", *, since: datetime | None = None) -> list[str]:
        """A run of stream_supervisor; returns what was decided since then: a scheduled run may have come first."""
        since = since or datetime.now(UTC)
        self.run("stream_supervisor", {"action": action})
        decisions = self.query(
            f"SELECT decision FROM {self.stack.dataset}.stream_supervision WHERE observed_at >= "
            f"TIMESTAMP '{since:%Y-%m-%d %H:%M:%S.%f}+00' ORDER BY observed_at"
        )
        return [row["decision"] for row in decisions]

    def jobs(self) -> list[DataflowJob]:
        return self.dataflow.jobs(self.stack.config.stream_job)

    def running(self) -> DataflowJob | None:
        """The job that runs and has written its first counters."""
        found = [job for job in self.jobs() if job.state == RUNNING]
        return found[0] if found and "messages" in self.dataflow.counters(found[0].id) else None

    def query(self, sql: str) -> list[dict[str, Any]]:
        with self.stack.bigquery() as client:
            return [dict(row.items()) for row in client.query_and_wait(sql)]

    def event_ids(self, table: str) -> list[str]:
        where = "TRUE" if table == "rejected_lines" else f"{every_row(table)} AND source = 'stream'"
        sql = f"SELECT event_id FROM {self.stack.dataset}.{table} WHERE {where}"
        return [row["event_id"] for row in self.query(sql)]

    @contextmanager
    def publishing(self, truth: Path, *, messages: int, seed: int) -> Iterator[None]:
        topic = f"projects/{self.stack.project}/topics/{self.stack.config.topic}"
        options = {"topic": topic, "truth": truth, "messages": messages, "rate": RATE, "seed": seed, **SHARES}
        with publishing(self.stack, options):
            yield

    def wait_for_everything(self, truth: dict[str, Any]) -> None:
        """Wait until every event is in its table, then until each row is in `requests`, exactly once."""
        rows, rejected = ids_of(truth, "row"), ids_of(truth, "rejected")
        eventually(lambda: rows <= set(self.event_ids("streamed_requests")), seconds=ARRIVAL_SECONDS)
        eventually(lambda: rejected <= set(self.event_ids("rejected_lines")), seconds=ARRIVAL_SECONDS)
        for day in truth["rows_by_date"]:
            self.run("daily_summary", {"day": day})
        requests = [event_id for event_id in self.event_ids("requests") if event_id in truth["events"]]
        assert len(requests) == len(rows)
        assert set(requests) == rows


@pytest.fixture(scope="module")
def live(airflow_stack: RunningStack) -> Iterator[Live]:
    """Provisioned, with a stream that stream_supervisor has launched."""
    with airflow_stack.airflow() as airflow, airflow_stack.dataflow() as dataflow:
        live = Live(airflow_stack, airflow, dataflow)
        live.run("provision")
        live.supervise("launch")
        eventually(live.running)
        yield live


@pytest.fixture
def never_two(live: Live) -> Iterator[None]:
    """Looks all the time: at most one job runs, with at most one process."""
    name, most, over = live.stack.config.stream_job, [0, 0], threading.Event()

    def look() -> None:
        with live.stack.dataflow() as dataflow:
            while not over.wait(0.2):
                running = sum(job.state == RUNNING for job in dataflow.jobs(name))
                most[:] = max(most[0], running), max(most[1], len(streaming_processes(live.stack, name)))

    with ExitStack() as until_end:
        looking = threading.Thread(target=look)
        looking.start()
        until_end.callback(looking.join)
        until_end.callback(over.set)
        yield
    assert most == [1, 1]


@pytest.mark.usefixtures("never_two")
def test_a_killed_stream_is_relaunched_by_the_next_run_and_catches_up(live: Live, tmp_path: Path) -> None:
    killed = eventually(live.running)
    with live.publishing(tmp_path / "truth.json", messages=8_000, seed=11):
        eventually(lambda: live.dataflow.counters(killed.id)["acknowledged"] > 1000)
        begun = datetime.now(UTC)
        for process in streaming_processes(live.stack, killed.name):
            process.kill()
        eventually(lambda: {job.id: job.state for job in live.jobs()}[killed.id] == "JOB_STATE_FAILED")
        assert "launch" in live.supervise(since=begun)
        relaunched = eventually(live.running)
        assert relaunched.id != killed.id
    live.wait_for_everything(read_truth(tmp_path / "truth.json"))
    eventually(lambda: live.dataflow.counters(relaunched.id)["unacknowledged_messages"] == 0)

    # Cleared, the launch finds its name taken and adopts the job; the stream goes on.
    run = next(run for run in live.airflow.runs("stream_supervisor") if launched(live, run))
    live.airflow.clear(run, ["launch"])
    eventually(lambda: live.airflow.run(run.dag_id, run.run_id).state != "success")
    assert live.airflow.wait_for_run(run, seconds=RUN_SECONDS).state == "success"
    assert eventually(live.running).id == relaunched.id


@pytest.mark.usefixtures("never_two")
def test_an_upgrade_under_load_loses_nothing(live: Live, tmp_path: Path) -> None:
    first = eventually(live.running)
    with live.publishing(tmp_path / "truth.json", messages=14_000, seed=12):
        assert live.supervise()[-1] == "keep"
        begun = datetime.now(UTC)
        change_template(live.stack, version="upgraded-1")
        assert "update" in live.supervise(since=begun)
        second = eventually(lambda: (job := live.running()) and job.id != first.id and job)
        assert {job.id: job.state for job in live.jobs()}[first.id] == "JOB_STATE_UPDATED"

        # The other way, for a version that cannot take over the running job's state.
        begun = datetime.now(UTC)
        assert "drain" in live.supervise("drain")
        change_template(live.stack, version="upgraded-2")
        eventually(lambda: {job.id: job.state for job in live.jobs()}[second.id] == "JOB_STATE_DRAINED")
        assert "launch" in live.supervise(since=begun)
        eventually(live.running)
        assert live.supervise()[-1] == "keep"
    live.wait_for_everything(read_truth(tmp_path / "truth.json"))
    recorded = live.query(
        f"SELECT version, decision FROM {live.stack.dataset}.stream_supervision WHERE observed_at >= "
        "TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR) ORDER BY observed_at DESC LIMIT 3"
    )
    assert recorded[0] == {"version": "upgraded-2", "decision": "keep"}


def launched(live: Live, run: DagRun) -> bool:
    return any(
        task.task_id == "launch" and task.state == "success" for task in live.airflow.tasks(run.dag_id, run.run_id)
    )


def change_template(stack: RunningStack, *, version: str) -> None:
    """What `provision` does after an upgrade."""
    with stack.storage() as storage:
        blob = storage.bucket(stack.bucket).blob("templates/stream.json")
        spec = json.loads(blob.download_as_bytes())
        spec["image"] = f"{spec['image'].rpartition(':')[0]}:{version}"
        blob.upload_from_string(json.dumps(spec))
