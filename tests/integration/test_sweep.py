"""The first task of `sweep` and `arrivals` against the emulators: what it finds, writes down, and waits for."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.cloud import bigquery, storage
from google.pubsub_v1 import PublisherClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport

from local_stack.config import REPOSITORY
from local_stack.running import RunningStack
from tests.sql.warehouse import render

pytestmark = pytest.mark.integration

NOTHING = {"queued": 0, "running": 0, "planning": 0, "sweep": 0, "arrivals": 0}


class Installation:
    """A bucket and the two tables that the task reads, of a test's own."""

    def __init__(self, stack: RunningStack, folder: Path) -> None:
        self._stack = stack
        self._folder = folder
        self.name = f"sweep-{uuid.uuid4().hex[:8]}"
        self.dataset = self.name.replace("-", "_")
        self._storage, self._bigquery = stack.storage(), stack.bigquery()
        self.bucket: storage.Bucket = self._storage.create_bucket(self.name)
        self._bigquery.create_dataset(self.dataset)
        for table in ("ledger", "unread_objects", "query_costs"):
            self._bigquery.query_and_wait(render(f"{table}/schema.sql", dataset=self.dataset))

    def close(self) -> None:
        self._storage.close()
        self._bigquery.close()

    def put(self, name: str) -> int:
        blob = self.bucket.blob(name)
        blob.upload_from_string(b"line\n")
        return int(blob.generation)

    def read(self, name: str, generation: int) -> None:
        """Let the ledger have a generation."""
        self._bigquery.query_and_wait(
            f"INSERT INTO {self.dataset}.ledger "
            "(run_id, source, source_uri, generation, lines, `rows`, rejected, blank, bytes, finished) "
            f"VALUES ('r', 'backfill', 'gs://{self.name}/{name}', {generation}, 1, 1, 0, 0, 5, CURRENT_TIMESTAMP())"
        )

    def pin(self, name: str, generation: int) -> None:
        """Let a run of log_backfill have listed a generation."""
        line = json.dumps({"uri": f"gs://{self.name}/{name}", "generation": generation, "size": 5})
        self.bucket.blob("staging/0123abcd/all-4567cdef/objects.jsonl").upload_from_string(f"{line}\n")

    def unread(self) -> dict[str, tuple[int, str]]:
        rows = self._bigquery.query_and_wait(f"SELECT object, generation, reason FROM {self.dataset}.unread_objects")
        return {row.object.removeprefix(f"gs://{self.name}/"): (row.generation, row.reason) for row in rows}

    def noticed(self) -> dict[str, Any]:
        rows = self._bigquery.query_and_wait(f"SELECT object, noticed_at FROM {self.dataset}.unread_objects")
        return {row.object.removeprefix(f"gs://{self.name}/"): row.noticed_at for row in rows}

    def table(self) -> bigquery.Table:
        return self._bigquery.get_table(f"{self.dataset}.unread_objects")

    def find(self, *calls: dict[str, Any], **environment: str) -> list[dict[str, Any]]:
        """Run the task, each time with other runs in Airflow, or what `provision` does; returns what became of it."""
        paths = [str(REPOSITORY), str(REPOSITORY / "plugins"), str(REPOSITORY / "local_stack" / "airflow")]
        run = subprocess.run(
            [sys.executable, "-P", __file__, json.dumps([{**NOTHING, **call} for call in calls or ({},)])],
            env={
                **os.environ,
                **self._stack.env,
                "AIRFLOW_HOME": str(self._folder),
                "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
                "AIRFLOW__CORE__UNIT_TEST_MODE": "True",
                "PYTHONPATH": os.pathsep.join(paths),
                "LOGLINE_BUCKET": self.name,
                "LOGLINE_DATASET": self.dataset,
                **environment,
            },
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=240,
        )
        results: list[dict[str, Any]] = json.loads(run.stdout.splitlines()[-1])
        return results


@pytest.fixture
def installation(emulators: RunningStack, tmp_path: Path) -> Iterator[Installation]:
    made = Installation(emulators, tmp_path)
    yield made
    made.close()


def test_it_finds_what_is_new_and_what_was_replaced(installation: Installation) -> None:
    for name in ("logs/read", "logs/replaced"):
        installation.read(name, installation.put(name))
    new, replaced = installation.put("logs/2026/new"), installation.put("logs/replaced")
    installation.put("templates/backfill.json")
    before = installation.table()
    assert installation.find() == [{"returned": 2}]
    assert installation.unread() == {"logs/2026/new": (new, "new"), "logs/replaced": (replaced, "replaced")}
    # The load has left the table as `provision` made it.
    after = installation.table()
    assert (after.schema, after.description) == (before.schema, before.description)
    assert after.time_partitioning == before.time_partitioning


def test_it_is_skipped_when_all_has_been_read_and_forgets_what_is_gone(installation: Installation) -> None:
    assert installation.find() == [{"skipped": f"every object of gs://{installation.name}/logs/** has been read"}]
    first, second = installation.put("logs/a"), installation.put("logs/b")
    assert installation.find() == [{"returned": 2}]
    noticed = installation.noticed()
    installation.read("logs/a", first)
    assert installation.find() == [{"returned": 1}]
    assert installation.unread() == {"logs/b": (second, "new")}
    assert installation.noticed() == {"logs/b": noticed["logs/b"]}
    installation.bucket.blob("logs/b").delete()
    assert "skipped" in installation.find()[0]
    assert installation.unread() == {}


def test_it_waits_for_runs_that_may_be_reading_the_same(installation: Installation) -> None:
    generation = installation.put("logs/a")
    uri = f"gs://{installation.name}/logs/a"
    installation.pin("logs/a", generation - 1)
    results = installation.find(
        {"queued": 1},
        {"running": 1, "planning": 1},
        {"running": 1},
        {"sweep": 1, "after": "sweep"},
        {"arrivals": 1, "unless_running": "arrivals"},
        {"queued": 1, "hours": 0.1},
        {"sweep": 1, "after": "sweep", "hours": 2},
    )
    waits = {"deferred": "look_again"}
    gives_way = {"skipped": f"a run of arrivals takes care of 1 object unread, such as {uri}"}
    gives_up = {"skipped": "a run of sweep is at work: the next sweep looks again"}
    assert results == [waits, waits, {"returned": 1}, waits, gives_way, {"returned": 1}, gives_up]
    installation.pin("logs/a", generation)
    # Without a run the list is one of a run that has ended.
    assert installation.find({"running": 1}, {}) == [waits, {"returned": 1}]
    assert installation.unread() == {"logs/a": (generation, "new")}


def test_provision_makes_one_notification(installation: Installation, emulators: RunningStack) -> None:
    topic = {"LOGLINE_ARRIVALS_TOPIC": installation.name}
    refused, again = installation.find({"notify": True}, {"notify": True}, **topic)
    assert "needs roles/pubsub.publisher on that topic" in refused["failed"]
    assert refused == again
    with grpc.insecure_channel(emulators.config.pubsub_host) as channel:
        PublisherClient(transport=PublisherGrpcTransport(channel=channel)).create_topic(
            name=f"projects/{emulators.project}/topics/{installation.name}"
        )
    first, second = installation.find({"notify": True}, {"notify": True}, **topic)
    assert first == second
    (made,) = installation.bucket.list_notifications()
    assert (made.notification_id, made.blob_name_prefix) == (first["returned"], "logs/")
    assert (made.event_types, made.payload_format) == (["OBJECT_FINALIZE"], "NONE")
    installation.find({"notify": True}, **topic, LOGLINE_SOURCE=f"gs://{installation.name}/web/{{date}}/*")
    (moved,) = installation.bucket.list_notifications()
    assert moved.blob_name_prefix == "web/"


class _TaskInstance:
    """Answers what the task asks of Airflow's runs."""

    try_number = 1

    def __init__(self, known: dict[str, Any]) -> None:
        self._known = known

    def get_dr_count(self, dag_id: str, states: list[str]) -> int:
        if dag_id != "log_backfill":
            return int(self._known[dag_id])
        return sum(int(self._known[str(state)]) for state in states)

    def get_ti_count(self, dag_id: str, task_ids: list[str], states: list[str]) -> int:
        assert (dag_id, task_ids) == ("log_backfill", ["plan"])
        assert "deferred" not in states
        return int(self._known["planning"])


def _find(known: dict[str, Any]) -> dict[str, Any]:
    from datetime import UTC, datetime, timedelta
    from types import SimpleNamespace

    from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskDeferred

    from logline.arrivals.notifications import notify_of_logs
    from logline.arrivals.operators import FindUnreadOperator
    from logline.settings import Settings
    from logline.warehouse.queries import Query

    settings = Settings.from_environment()
    if known.get("notify"):
        try:
            return {"returned": notify_of_logs(settings)}
        except AirflowFailException as failed:
            return {"failed": str(failed)}
    options = {name: known[name] for name in ("unless_running", "after") if name in known}
    task = FindUnreadOperator(task_id="find", settings=settings, **options)
    # As Airflow would render it.
    sql = render("unread_objects/seen.sql", dataset=settings.dataset)
    task.seen = Query(sql, "all", task.seen.parameters, labels={})
    started = datetime.now(UTC) - timedelta(hours=known.get("hours", 0))
    context: Any = {"ti": _TaskInstance(known), "dag_run": SimpleNamespace(start_date=started)}
    try:
        return {"returned": task.execute(context)}
    except AirflowSkipException as skipped:
        return {"skipped": str(skipped)}
    except TaskDeferred as deferred:
        return {"deferred": deferred.method_name}


if __name__ == "__main__":
    import airflow_local_settings  # noqa: F401 (what Airflow imports at its start)

    print("\n" + json.dumps([_find(known) for known in json.loads(sys.argv[1])]))
