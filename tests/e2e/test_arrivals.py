"""A file dropped into the bucket becomes rows, by notification or by sweep, each file once."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from local_stack.clients.airflow import ENDED, AirflowApi, DagRun
from local_stack.running import RunningStack
from local_stack.waiting import wait_for
from tests.e2e.days import forget_day

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

SECONDS = 600
DAY = "2023-01-02"
LINE = '192.0.2.7 - - [02/Jan/2023:10:05:03 +0000] "GET /{path} HTTP/1.1" 200 5 "-" "curl/8.0"\n'


@dataclass(frozen=True)
class Bucket:
    """The bucket of the logs, and what became of what lies in it."""

    stack: RunningStack
    api: AirflowApi

    def drop(self, name: str, lines: int, path: str = "a") -> None:
        with self.stack.storage() as client:
            content = LINE.format(path=path) * lines
            client.bucket(self.stack.bucket).blob(name).upload_from_string(content)

    def delete(self, *names: str) -> None:
        with self.stack.storage() as client:
            for name in names:
                client.bucket(self.stack.bucket).blob(name).delete()

    def rows(self, name: str) -> dict[str, int]:
        """Count the rows of an object by their path."""
        sql = (
            f"SELECT path, COUNT(*) AS n FROM {self.stack.dataset}.backfilled_requests "
            f"WHERE log_date = '{DAY}' AND source_uri = 'gs://{self.stack.bucket}/{name}' GROUP BY path"
        )
        return {row["path"]: row["n"] for row in self.query(sql)}

    def query(self, sql: str) -> list[dict[str, Any]]:
        with self.stack.bigquery() as client:
            return [dict(row.items()) for row in client.query_and_wait(sql)]

    def reads(self, name: str) -> int:
        """Count how often an object was read."""
        uri = f"gs://{self.stack.bucket}/{name}"
        (row,) = self.query(f"SELECT COUNT(*) AS n FROM {self.stack.dataset}.ledger WHERE source_uri = '{uri}'")
        return int(row["n"])

    def unread(self) -> set[str]:
        found = self.query(f"SELECT object FROM {self.stack.dataset}.unread_objects")
        return {row["object"].removeprefix(f"gs://{self.stack.bucket}/") for row in found}

    def sweep(self) -> dict[str, str | None]:
        """Run a sweep and return the states of its tasks."""
        run = self.api.wait_for_run(self.api.trigger("sweep"), seconds=SECONDS)
        assert run.state == "success"
        return {task.task_id: task.state for task in self.api.tasks(run.dag_id, run.run_id)}

    def wait_until_rows(self, name: str, rows: dict[str, int]) -> None:
        wait_for(lambda: self.rows(name) == rows, seconds=SECONDS, what=f"{rows} of {name}", pause=1)

    def wait_until_at_rest(self) -> list[DagRun]:
        """Wait until nothing reads any more; return the runs of arrivals."""

        def at_rest() -> bool:
            return all(run.state in ENDED for dag_id in ("arrivals", "log_backfill") for run in self.api.runs(dag_id))

        wait_for(at_rest, seconds=SECONDS, what="the runs of arrivals and log_backfill", pause=1)
        return self.api.runs("arrivals")


@pytest.fixture(scope="module")
def bucket(airflow_stack: RunningStack) -> Iterator[Bucket]:
    """A provisioned stack, in whose bucket all has been read."""
    with airflow_stack.airflow() as api:
        assert api.wait_for_run(api.trigger("provision"), seconds=SECONDS).state == "success"
        api.request("PATCH", "/dags/sweep", json={"is_paused": False})
        yield Bucket(airflow_stack, api)
        api.request("PATCH", "/dags/sweep", json={"is_paused": True})

        def is_summarised() -> bool:
            return api.has_settled("daily_summary")

        wait_for(is_summarised, seconds=SECONDS, what="the daily_summary runs", pause=1)
        with airflow_stack.storage() as client:
            for blob in client.list_blobs(airflow_stack.bucket, prefix="logs/"):
                blob.delete()
        forget_day(airflow_stack, DAY, sources="%/logs/%")


@pytest.fixture
def listening(bucket: Bucket) -> Iterator[None]:
    """The DAG arrivals, which the stack of the tests has paused."""
    bucket.api.request("PATCH", "/dags/arrivals", json={"is_paused": False})
    yield
    bucket.wait_until_at_rest()
    bucket.api.request("PATCH", "/dags/arrivals", json={"is_paused": True})


def test_a_dropped_file_becomes_rows_and_a_replaced_one_replaces_them(bucket: Bucket, listening: None) -> None:
    name = "logs/dropped/a.log"
    bucket.drop(name, 30)
    bucket.wait_until_rows(name, {"/a": 30})
    bucket.drop(name, 20, path="b")
    bucket.wait_until_rows(name, {"/b": 20})
    runs = bucket.wait_until_at_rest()
    assert {run.state for run in runs} == {"success"}
    assert bucket.reads(name) == 2
    # Told or not: all of it has been read.
    assert bucket.sweep() == {"find_unread": "skipped", "start_backfill": "skipped", "check_overdue": "success"}
    assert bucket.unread() == set()


def test_what_a_run_by_hand_is_reading_is_left_to_it(bucket: Bucket, listening: None) -> None:
    names = [f"logs/by_hand/{number}.log" for number in range(3)]
    for name in names:
        bucket.drop(name, 10)
    by_hand = bucket.api.trigger("log_backfill", {"source": f"gs://{bucket.stack.bucket}/logs/by_hand/*"})
    assert bucket.api.wait_for_run(by_hand, seconds=SECONDS).state == "success"
    assert [bucket.rows(name) for name in names] == [{"/a": 10}] * 3
    wait_for(lambda: bucket.api.runs("arrivals"), seconds=SECONDS, what="a run of arrivals")
    bucket.wait_until_at_rest()
    assert [bucket.reads(name) for name in names] == [1, 1, 1]


def test_the_sweep_alone_reads_what_came_late(bucket: Bucket) -> None:
    name = "logs/late/a.log"
    bucket.drop(name, 10)
    # One that was scheduled for this very minute may have been the first.
    assert bucket.sweep()["check_overdue"] == "success"
    assert (bucket.rows(name), bucket.reads(name)) == ({"/a": 10}, 1)
    (day,) = bucket.query(
        f"SELECT SUM(unread_objects) AS n FROM {bucket.stack.dataset}.reconciliation WHERE log_date > '2020-01-01'"
    )
    assert day["n"] == 0
    bucket.delete(name)
    assert bucket.sweep()["find_unread"] == "skipped"
    assert bucket.unread() == set()
