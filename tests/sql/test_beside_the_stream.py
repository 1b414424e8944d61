"""Backfills and replays while the stream rejects lines: none is refused, and each figure is exact."""

import copy
import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from google.api_core.exceptions import BadRequest

from beam_jobs.output.identity import REJECTED_SCHEMA
from beam_jobs.stream.ledger import BATCHES_SCHEMA
from logline.warehouse.queries import UNTIL_NOT_CANCELLED, was_cancelled_for_another
from tests.appends import append
from tests.sql.test_land import LAND, stage
from tests.sql.test_replay import ids, parsed, select
from tests.sql.warehouse import DAY, SUFFIX, Warehouse

pytestmark = pytest.mark.integration

BACKFILLS = 20
SUBSCRIPTION = "projects/p/subscriptions/s"
#: What release 0.1.0 ran in its transactions on the one table that the stream appended to as well.
DML_OF_0_1_0 = {
    "replace": "DELETE FROM {table} WHERE source = 'backfill' AND source_uri IN ('gs://logs/a.log')",
    "land": """
        UPDATE {table} AS waiting SET parser_version = '2'
        FROM (SELECT 'backfill' AS source, 'f:1' AS event_id) AS row_now
        WHERE waiting.source = row_now.source AND waiting.event_id = row_now.event_id
        AND waiting.ingested_at < TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 1 HOUR)""",
}


class Stream:
    """A stream that rejects lines, two to a batch, and tells its ledger."""

    def __init__(self, emulators, warehouse: Warehouse) -> None:
        self.event_ids: list[str] = []
        self._emulators = emulators
        self._dataset = warehouse.dataset

    def append(self, number: int) -> None:
        now = datetime.now(UTC)
        of_all = {"source_uri": SUBSCRIPTION, "parser_version": "1", "ingested_at": now}
        lines = [of_all | {"event_id": f"m{number}-{n}", "raw_line": b"%d-%d" % (number, n)} for n in range(2)]
        rejected = [line | {"error_type": "bad_size", "source": "stream"} for line in lines]
        counts = dict.fromkeys(("messages", "lines", "rejected"), 2) | dict.fromkeys(("rows", "blank", "bytes"), 0)
        batch = of_all | counts | {"batch_id": str(number), "job_id": "job-1"}
        for table, rows, schema in (
            ("rejected_streamed", rejected, REJECTED_SCHEMA),
            ("stream_batches", [batch], BATCHES_SCHEMA),
        ):
            append(self._emulators, f"{self._dataset}.{table}", pa.RecordBatch.from_pylist(rows, schema))
        self.event_ids += [line["event_id"] for line in lines]


def backfill(warehouse: Warehouse, generation: int) -> None:
    """Three rows and two rejected lines of one object, of which a generation is read again now and then."""
    rows = [(f"g{generation}:{n}", DAY) for n in range(3)]
    rejected = [(f"g{generation}:{n}", DAY) for n in (3, 4)]
    stage(warehouse, run_id=f"run-{generation}", generation=generation, rows=rows, rejected=rejected)
    warehouse.run(
        f"UPDATE {warehouse.staging}.rejected_{SUFFIX} SET raw_line = CAST(event_id AS BYTES),"
        " ingested_at = CURRENT_TIMESTAMP() WHERE TRUE"
    )
    run_as_a_task(warehouse, warehouse.sql(LAND))


def replay(warehouse: Warehouse, number: int) -> None:
    parsed(warehouse, select(warehouse, run_id=f"replay-{number}"))
    run_as_a_task(warehouse, warehouse.sql("replay/land.sql", job_id="job-7"))


def run_as_a_task(warehouse: Warehouse, sql: str) -> None:
    UNTIL_NOT_CANCELLED(warehouse.run)(sql)


def with_own_client(emulators, warehouse: Warehouse, work: Callable[[Warehouse], None]) -> None:
    with emulators.bigquery() as client:
        own = copy.copy(warehouse)
        own.client = client
        work(own)


def test_twenty_backfills_and_replays_beside_a_stream_that_rejects_lines(emulators, own_warehouse):
    stream, done = Stream(emulators, own_warehouse), threading.Event()

    def streams(_: Warehouse) -> None:
        for number in itertools.count():
            stream.append(number)
            if done.wait(0.05):
                return

    def backfills(own: Warehouse) -> None:
        try:
            for number in range(BACKFILLS):
                backfill(own, generation=number // 2)
        finally:
            done.set()

    def replays(own: Warehouse) -> None:
        for number in itertools.count():
            replay(own, number)
            if done.is_set():
                return

    def folds(own: Warehouse) -> None:
        while not done.is_set():
            run_as_a_task(own, own.sql("ledger/fold_stream.sql"))

    with ThreadPoolExecutor(4) as pool:
        parts = [
            pool.submit(with_own_client, emulators, own_warehouse, part)
            for part in (streams, backfills, replays, folds)
        ]
        for part in parts:
            part.result()
    replay(own_warehouse, BACKFILLS)

    newest = f"g{(BACKFILLS - 1) // 2}"
    assert ids(own_warehouse, "backfilled_requests") == [f"{newest}:{n}" for n in range(5)]
    assert ids(own_warehouse, "rejected_backfilled") == [f"{newest}:{n}" for n in (3, 4)]
    assert (
        ids(own_warehouse, "rejected_streamed") == ids(own_warehouse, "streamed_requests") == sorted(stream.event_ids)
    )
    assert ids(own_warehouse, "rejected_lines", "replayed_at IS NULL") == []
    assert len(ids(own_warehouse, "replayed_lines")) == len(stream.event_ids) + 2
    run_as_a_task(own_warehouse, own_warehouse.sql("ledger/fold_stream.sql"))
    ledger = own_warehouse.run(
        f"SELECT SUM(rejected) AS rejected FROM {own_warehouse.dataset}.ledger WHERE source = 'stream'"
    )
    assert ledger == [{"rejected": len(stream.event_ids)}]
    differences = ("lines_difference", "rows_difference", "rejected_difference")
    for day in own_warehouse.rows("reconciliation"):
        assert [day[name] for name in differences] == [0, 0, 0], day["log_date"]


@pytest.mark.parametrize("dml", DML_OF_0_1_0.values(), ids=DML_OF_0_1_0)
def test_what_release_0_1_0_did_would_be_refused(emulators, own_warehouse, dml):
    own_warehouse.insert(
        "rejected_streamed", [{"event_id": "f:1", "source": "backfill", "source_uri": "gs://logs/a.log"}]
    )
    sql = f"BEGIN TRANSACTION; {dml}; COMMIT TRANSACTION".format(table=f"{own_warehouse.dataset}.rejected_streamed")
    own_warehouse.run(sql)
    Stream(emulators, own_warehouse).append(1)
    with pytest.raises(BadRequest, match="would affect rows in the streaming buffer") as refused:
        own_warehouse.run(sql)
    assert not was_cancelled_for_another(refused.value), "no later try of the task would pass"
