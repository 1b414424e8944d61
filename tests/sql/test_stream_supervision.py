"""What the supervisor records and checks, on the BigQuery emulator."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from google.cloud.bigquery import ScalarQueryParameter

from tests.sql.warehouse import Warehouse

pytestmark = pytest.mark.integration

NOW = datetime.now(UTC)
REJECTED, FRESH = "at most this % of the lines rejected", "at most this many minutes since the last row"
LANDS, SILENT = "at most this many seconds until a heartbeat lands", "at most this many minutes in which nothing lands"
LIMIT = ScalarQueryParameter("max_lag_seconds", "FLOAT64", 300.0)


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
        "since": instant(600),
        "messages": 0,
        "rows": 0,
        "rejected": 0,
    } | fields


def instant(minutes_ago):
    return f"{NOW - timedelta(minutes=minutes_ago):%Y-%m-%d %H:%M:%S.%f}+00"


def beat(minutes_ago, *, seconds=None, job="job-1"):
    """The decision of a run that published a heartbeat, and how long it took to land, if it has."""
    row = {"published_at": instant(minutes_ago), "landed_at": instant(minutes_ago - (seconds or 0) / 60)}
    return decision(minutes_ago, heartbeat_at=instant(minutes_ago)), seconds is not None and row | {"job_id": job}


def record(warehouse: Warehouse, decided):
    warehouse.run(
        warehouse.sql("stream_supervision/record.sql", max_silence_minutes=15),
        [ScalarQueryParameter("decision", "STRING", json.dumps(decided)), LIMIT],
    )


def checks(warehouse: Warehouse, decided, max_freshness_minutes=None):
    rows = warehouse.run(
        warehouse.sql(
            "stream_supervision/health.sql",
            max_freshness_minutes=max_freshness_minutes,
            max_silence_minutes=15,
            runbooks="docs/operations.md",
        ),
        [
            ScalarQueryParameter("decision", "STRING", json.dumps(decided)),
            LIMIT,
            ScalarQueryParameter("max_rejected_percent", "FLOAT64", 10.0),
        ],
    )
    assert rows
    assert all(None not in row.values() for row in rows)
    assert all(row["level"] == "fail" for row in rows)
    return {row["check_name"]: (row["passed"], row["actual"]) for row in rows}


def test_a_decision_is_recorded_once(warehouse):
    decided = decision(version=None, rows=7)
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
    assert found[REJECTED] == (expected[0], pytest.approx(expected[1], abs=0.05))


# Heartbeats of the runs before, what the run now sees of the job, and what it makes of them: lag, whether that is
# allowed, for how many minutes nothing has landed, whether that is.
HEARTBEATS = {
    "no heartbeat was ever published": ([], {}, (None, True, 0.0, True)),
    "a stream with nothing to do": ([beat(10, seconds=1), beat(5, seconds=2)], {}, (2, True, 0.0, True)),
    "the newest took too long": ([beat(20, seconds=1), beat(10, seconds=301)], {}, (301, False, 0.0, True)),
    "the newest is on its way": ([beat(10, seconds=1), beat(5)], {}, (300, True, 5.0, True)),
    "behind: one waits, others came": ([beat(10, seconds=1), beat(6)], {}, (360, False, 6.0, True)),
    "one that was overtaken is not waited for": ([beat(60), beat(5, seconds=1)], {}, (1, True, 0.0, True)),
    "dead": ([beat(25, seconds=1), beat(20), beat(15), beat(5)], {}, (1200, False, 20.0, False)),
    "dead from the start": ([beat(20), beat(15), beat(5)], {}, (None, True, 20.0, False)),
    "behind and busy, which is not dead": (
        [beat(25, seconds=1), beat(20), beat(10)],
        {"messages": 5},
        (1200, False, 0.0, True),
    ),
    "of a release without heartbeats, and idle": (
        [beat(90), beat(20), beat(10)],
        {"messages": 3},
        (None, True, 0.0, True),
    ),
    "of such a release, after one with them": (
        [beat(900, seconds=1, job="job-2"), beat(90), beat(10)],
        {"messages": 3},
        (None, True, 0.0, True),
    ),
    "just started, with the backlog of an outage": (
        [beat(90, seconds=1, job="job-0"), beat(80), beat(20)],
        {"since": instant(3)},
        (None, True, 3.0, True),
    ),
    "still catching up": ([beat(90, seconds=3000), beat(20)], {"since": instant(4)}, (3000, True, 4.0, True)),
    "landed twice": ([beat(5, seconds=1), beat(5, seconds=200)], {}, (1, True, 0.0, True)),
}


@pytest.mark.parametrize("name", HEARTBEATS)
def test_how_heartbeats_land(warehouse, name):
    before, fields, (lag, in_time, silent, alive) = HEARTBEATS[name]
    for decided, _ in before:
        record(warehouse, decided)
    landed = [row for _, row in before if row]
    if landed:
        warehouse.insert("stream_heartbeats", landed)
    now = decision(**fields)
    found = checks(warehouse, now)
    assert found[LANDS] == (in_time, lag or 0)
    assert found[SILENT] == (alive, silent)
    record(warehouse, now)
    (latest, *_) = warehouse.rows("stream_supervision", order="observed_at DESC")
    assert latest["lag_seconds"] == lag
    assert (latest["heartbeat_landed_at"] is not None) == bool(landed)
    assert latest["runbook"] == (None if in_time and alive else "lag" if alive else "stale-rows")
    assert latest["reason"].removeprefix(now["reason"]).startswith("" if lag is None else f", {lag} s behind")


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
