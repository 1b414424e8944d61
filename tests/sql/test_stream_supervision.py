"""What the supervisor records and checks, on the BigQuery emulator."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from google.cloud.bigquery import ScalarQueryParameter

from tests.sql.warehouse import Warehouse

pytestmark = pytest.mark.integration

NOW = datetime.now(UTC)
REJECTED, FRESH = "at most this % of the lines rejected", "at most this many minutes since the last row"


def decision(minutes_ago=0, **fields):
    """A decision as the task `decide` leaves it."""
    return {
        "observed_at": f"{NOW - timedelta(minutes=minutes_ago):%Y-%m-%d %H:%M:%S.%f}+00",
        "run_id": f"run-{minutes_ago}",
        "job_name": "log-stream",
        "job_id": "job-1",
        "state": "JOB_STATE_RUNNING",
        "version": "1",
        "template_version": "1",
        "decision": "keep",
        "reason": 'it\'s "well"',
        "runbook": None,
        "ends": 0,
        "lag_seconds": 2,
        "rows": 0,
        "rejected": 0,
    } | fields


def record(warehouse: Warehouse, decided):
    warehouse.run(
        warehouse.sql("stream_supervision/record.sql"),
        [ScalarQueryParameter("decision", "STRING", json.dumps(decided))],
    )


def checks(warehouse: Warehouse, decided, max_freshness_minutes=None):
    rows = warehouse.run(
        warehouse.sql(
            "stream_supervision/health.sql",
            max_freshness_minutes=max_freshness_minutes,
            runbooks="docs/operations.md",
        ),
        [
            ScalarQueryParameter("decision", "STRING", json.dumps(decided)),
            ScalarQueryParameter("max_rejected_percent", "FLOAT64", 10.0),
        ],
    )
    assert rows
    assert all(None not in row.values() for row in rows)
    assert all(row["level"] == "fail" for row in rows)
    return {row["check_name"]: (row["passed"], row["actual"]) for row in rows}


def test_a_decision_is_recorded_once(warehouse):
    decided = decision(version=None, lag_seconds=None, rows=7)
    record(warehouse, decided)
    record(warehouse, decided)
    record(warehouse, decision(5))
    rows = warehouse.rows("stream_supervision", order="observed_at DESC")
    assert [row["run_id"] for row in rows] == ["run-0", "run-5"]
    first = rows[0]
    assert first["observed_at"] == NOW
    assert (first["version"], first["lag_seconds"], first["rows"]) == (None, None, 7)
    assert first["reason"] == decided["reason"]


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ([], decision(rows=900, rejected=100), (True, 10.0)),
        ([], decision(rows=899, rejected=101), (False, 10.1)),
        ([], decision(rows=0, rejected=99), (True, 100.0)),
        ([], decision(rows=None, rejected=None), (True, 0.0)),
        ([decision(5, rows=10_000, rejected=0)], decision(rows=10_050, rejected=50), (False, 50.0)),
        ([decision(5, rows=0, rejected=5000)], decision(rows=10_000, rejected=5001), (True, 0.0)),
        ([decision(14, rows=0, rejected=0)], decision(rows=90, rejected=10), (True, 10.0)),
        ([decision(16, rows=50, rejected=0)], decision(rows=80, rejected=20), (False, 20.0)),
        ([decision(5, job_id="job-0", rows=9000, rejected=0)], decision(rows=80, rejected=20), (False, 20.0)),
    ],
    ids=[
        "at the limit since the job began",
        "above the limit",
        "too few lines to tell",
        "a job that does not count",
        "bad lately, good all in all",
        "good lately, bad before",
        "since a record of the last quarter of an hour",
        "an older record is left out",
        "the counters of another job",
    ],
)
def test_the_share_of_rejected_lines(warehouse, before, now, expected):
    for decided in before:
        record(warehouse, decided)
    found = checks(warehouse, now)
    assert found == {REJECTED: (expected[0], pytest.approx(expected[1], abs=0.05))}


@pytest.mark.parametrize(
    ("minutes_ago", "days_late", "passed"), [(5, 0, True), (20, 0, False), (5, 3, False), (None, 0, False)]
)
def test_freshness_where_a_limit_is_set(warehouse, minutes_ago, days_late, passed):
    now = datetime.now(
        UTC
    )  # not NOW: the query compares with its own clock, and this module may have been read long ago
    if minutes_ago is not None:
        row = {
            "log_date": (now - timedelta(days=days_late)).date().isoformat(),
            "ingested_at": f"{now - timedelta(minutes=minutes_ago):%Y-%m-%d %H:%M:%S}+00",
            "line": "a",
            "event_id": "e1",
        }
        warehouse.insert("streamed_requests", [row])
    assert checks(warehouse, decision(), max_freshness_minutes=15)[FRESH][0] is passed
