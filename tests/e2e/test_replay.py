"""A parser fix after the fact, through a real Airflow: rejected lines become rows once, and the summaries follow."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local_stack.clients.airflow import AirflowApi, DagRun
from local_stack.running import RunningStack
from local_stack.waiting import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

DAY = "2023-06-01"
RUN_SECONDS = 600
# What an older parser left of a file of six lines and a message: two rows, and these lines.
GOOD = '192.0.2.9 - - [01/Jun/2023:10:00:0{n} +0000] "GET /{n} HTTP/1.1" 200 5 "-" "curl/8.0"'
STREAMED = '192.0.2.9 - - [01/Jun/2023:10:00:09] "GET /9 HTTP/1.1" [200] 5 "-" "curl/8.0"'
REJECTED = [
    *(("backfill", f"f:{n}", GOOD.format(n=n)) for n in (2, 3, 4)),
    ("backfill", "f:5", "no log line"),
    *[("stream", "m-9", STREAMED)] * 2,
]


@dataclass(frozen=True)
class Warehouse:
    stack: RunningStack
    airflow: AirflowApi

    def query(self, sql: str) -> list[dict[str, Any]]:
        client = self.stack.bigquery()
        try:
            return [dict(row.items()) for row in client.query_and_wait(sql.replace("DATASET", self.stack.dataset))]
        finally:
            client.close()

    def replay(self, **conf: Any) -> DagRun:
        run = self.airflow.trigger("dead_letter_replay", conf)
        run = self.airflow.wait_for_run(run, seconds=RUN_SECONDS)
        assert run.state == "success", self.airflow.why_failed(run)
        return run

    def summarised(self) -> bool:
        runs = self.airflow.runs("daily_summary")
        failed = [self.airflow.why_failed(run) for run in runs if run.state == "failed"]
        assert not failed
        return bool(runs) and self.airflow.has_settled("daily_summary")


@pytest.fixture(scope="module")
def warehouse(airflow_stack: RunningStack) -> Iterator[Warehouse]:
    """What an older parser has left behind."""
    with AirflowApi.of(airflow_stack.config) as airflow:
        airflow.wait_for_dags(("provision", "dead_letter_replay", "daily_summary"), seconds=RUN_SECONDS)
        if not any(run.state == "success" for run in airflow.runs("provision")):
            provisioned = airflow.wait_for_run(airflow.trigger("provision"), seconds=RUN_SECONDS)
            assert provisioned.state == "success", airflow.why_failed(provisioned)
        warehouse = Warehouse(airflow_stack, airflow)
        then = f"TIMESTAMP '{datetime.now(UTC) - timedelta(hours=2):%Y-%m-%d %H:%M:%S}+00'"
        uri = {"backfill": f"gs://{airflow_stack.bucket}/old/access.log", "stream": "projects/p/subscriptions/old"}
        requests = ", ".join(
            f"(DATE '{DAY}', TIMESTAMP '{DAY} 10:00:0{n}+00', '/{n}', 200, 5, b'line {n}', 'f:{n}', 'backfill',"
            f" '{uri['backfill']}', {n}, '0', {then})"
            for n in (0, 1)
        )
        lines = {
            source: ", ".join(
                f"(b'{line}', 'not_matching_format', 'of an older parser', '{source}', '{uri[source]}', '{event_id}',"
                f" '0', {then})"
                for of, event_id, line in REJECTED
                if of == source
            )
            for source in uri
        }
        columns = "raw_line, error_type, error_message, source, source_uri, event_id, parser_version, ingested_at"
        warehouse.query(
            f"""
            INSERT INTO DATASET.backfilled_requests (log_date, timestamp, path, status, body_bytes_sent, raw_line_hash,
              event_id, source, source_uri, source_offset, parser_version, ingested_at) VALUES {requests};
            INSERT INTO DATASET.rejected_backfilled ({columns}) VALUES {lines["backfill"]};
            INSERT INTO DATASET.rejected_streamed ({columns}) VALUES {lines["stream"]};
            INSERT INTO DATASET.ledger (run_id, source, source_uri, generation, log_format, lines, `rows`, rejected,
              blank, finished) VALUES ('old', 'backfill', '{uri["backfill"]}', 1, 'combined', 6, 2, 4, 0, {then});
            INSERT INTO DATASET.ledger_days (run_id, source_uri, generation, log_date, `rows`, finished)
              VALUES ('old', '{uri["backfill"]}', 1, DATE '{DAY}', 2, {then});
            """
        )
        yield warehouse


def test_lines_of_an_older_parser_become_rows_once_and_the_summaries_follow(warehouse: Warehouse) -> None:
    listed = warehouse.replay(dry_run=True)
    log = warehouse.airflow.log(
        listed, next(task for task in warehouse.airflow.tasks(listed.dag_id, listed.run_id) if task.task_id == "plan")
    )
    assert "not_matching_format" in log
    assert warehouse.query("SELECT COUNT(*) AS n FROM DATASET.rejected_lines WHERE replayed_at IS NOT NULL") == [
        {"n": 0}
    ]

    for _ in range(2):
        warehouse.replay(reason="not_matching_format", limit=100)
        assert warehouse.query(
            f"SELECT event_id FROM DATASET.backfilled_requests WHERE log_date = '{DAY}' ORDER BY 1"
        ) == [{"event_id": f"f:{n}"} for n in range(5)]
        assert warehouse.query(f"SELECT event_id FROM DATASET.streamed_requests WHERE log_date = '{DAY}'") == [
            {"event_id": "m-9"}
        ]
    left = (
        "SELECT event_id FROM DATASET.rejected_lines WHERE replayed_at IS NULL AND error_message = 'of an older parser'"
    )
    assert warehouse.query(left) == [{"event_id": "f:5"}]

    wait_for(warehouse.summarised, seconds=RUN_SECONDS, what="the day's summary")
    assert warehouse.query(f"SELECT requests, bytes FROM DATASET.daily_summary WHERE log_date = '{DAY}'") == [
        {"requests": 6, "bytes": 30}
    ]
    assert warehouse.query(f"SELECT status, replayed FROM DATASET.reconciliation WHERE log_date = '{DAY}'") == [
        {"status": "balanced", "replayed": 4}
    ]
    costs = warehouse.query("SELECT DISTINCT task_id FROM DATASET.query_costs WHERE dag_id = 'dead_letter_replay'")
    assert {row["task_id"] for row in costs} == {
        "plan",
        "select_lines",
        "check_staging",
        "land",
        "report",
        "drop_staging",
    }
    staged = warehouse.stack.bigquery()
    assert not [one for one in staged.list_tables(f"{warehouse.stack.dataset}_staging") if "repla" in one.table_id]
    staged.close()
