"""The page's panels over a real BigQuery emulator: what they show, what they read, what they say of nothing."""

import functools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient
from google.cloud import bigquery

from local_stack.ports import free_ports
from local_stack.running import RunningStack
from logline.page import app as application
from logline.page.app import build
from logline.page.panels import PANELS
from logline.page.warehouse import MAX_BYTES_BILLED
from logline.settings import Settings
from tests.sql.warehouse import Warehouse

pytestmark = pytest.mark.integration

DAY = "2015-05-17"
WEEK = "first_day=2015-05-11&last_day=2015-05-17"
# What grows with every line; everything else is written by DAGs, some rows a day.
LARGE = {
    "requests",
    "backfilled_requests",
    "streamed_requests",
    "rejected_backfilled",
    "rejected_streamed",
    "replayed_lines",
}


@functools.cache
def now() -> datetime:
    """When the first of these tests begins; pytest may have read the file long before."""
    return datetime.now(UTC)


def instant(minutes: float) -> str:
    return f"{now() - timedelta(minutes=minutes):%Y-%m-%d %H:%M:%S}+00"


def page(dataset: str) -> TestClient:
    """The page of an installation, its permissions left to the tests of a real Airflow."""
    app = build(
        Settings.from_environment(
            {"GOOGLE_CLOUD_PROJECT": "logline-local", "LOGLINE_BUCKET": "logline-local", "LOGLINE_DATASET": dataset}
        )
    )
    for route in app.routes:
        for dependency in route.dependencies:
            app.dependency_overrides[dependency.dependency] = lambda: None
    return TestClient(app)


@pytest.fixture(scope="module")
def warehouse(emulators: RunningStack) -> Iterator[Warehouse]:
    client = emulators.bigquery()
    filled = Warehouse(client)
    supervision = {"job_name": "s", "template_version": "1", "reason": "it runs", "ends": 0, "version": "1"}
    filled.load(
        {
            "daily_summary": [{"requests": 7, "bytes": 700}, {"log_date": "2015-01-01", "requests": 1, "bytes": 1}],
            "daily_statuses": [
                {"status": 200, "requests": 4, "bytes": 1},
                {"status": 206, "requests": 1, "bytes": 1},
                {"status": 503, "requests": 1, "bytes": 1},
                {"status": None, "requests": 1, "bytes": 1},
            ],
            "hourly_traffic": [{"requests": 7, "bytes": 700, "errors": 1}],
            "daily_paths": [{"path": f"/{n}", "requests": n, "bytes": n, "p95_duration_ms": None} for n in range(1, 13)]
            + [{"log_date": "2015-05-16", "path": "/1", "requests": 100, "bytes": 1, "p95_duration_ms": 5.0}],
            "daily_agents": [
                {"agent_kind": "browser", "requests": 4, "bytes": 1},
                {"agent_kind": "search_engine", "agent_name": "Googlebot", "requests": 3, "bytes": 1, "addresses": 2},
            ],
            "daily_referers": [
                {"referer": "https://example.com/", "referer_host": "example.com", "referer_class": "other"}
                | {"requests": 2, "bytes": 1}
            ],
            "daily_user_agents": [
                {"user_agent": f"M/{n}", "browser": "Firefox", "os": "Linux", "device": "Other", "is_bot": n == 2}
                | {"requests": 2, "bytes": 1}
                for n in range(3)
            ],
            "daily_visitors": [{"requests": 4, "bytes": 1}, {"requests": 9, "bytes": 1, "is_bot": True}],
            "request_builds": [{"requests": 7}, {"decision": "reopened", "decided_at": "2015-05-18 02:00:00+00"}],
            "unread_objects": [{"object": "gs://b/unread"}],
            "ledger": [
                {"run_id": f"r{n % 2}", "source_uri": f"gs://b/{n}", "lines": 10, "rows": 8, "rejected": 1, "blank": 1}
                | {"started": instant(60), "finished": instant(n)}
                for n in range(4)
            ],
            "daily_rejected_lines": [
                {"lines": 5, "most_of": "gs://b/0"},
                {"log_date": "2015-05-16", "lines": 7, "most_of": "gs://b/1"},
                {"source": "stream", "error_type": "bad_status", "lines": 1},
            ],
            "daily_channels": [{"channel": "search", "source": "example.com", "visits": 4, "bounces": 1, "pages": 9}],
            "daily_pages": [{"path": "/", "views": 9, "entries": 4, "exits": 3, "bounces": 1}],
            "daily_errors": [
                {"status": 404, "path": "/gone", "referer": "https://a/", "is_own_page": True, "requests": 5},
                {"status": 404, "path": "/wp-login.php", "requests": 9},
            ],
            "daily_detections": [{"detection": "sql_injection", "requests": 4, "answered": 1}],
            "anomalies": [
                {"hour": f"{DAY} 14:00:00+00", "measure": "requests", "value": 12, "expected": 340, "deviation": -9}
                | {"weeks": 6, "sentence": "12 requests, 340 are usual"}
            ],
            "daily_objectives": [
                {"requests": 1000, "server_errors": 2, "timed_requests": 100, "fast_requests": 99}
                | {"threshold_ms": 500, "speed_objective": 0.95, "availability_objective": 0.999}
            ],
            "ledger_days": [{"run_id": "r0", "source_uri": "gs://b/0", "rows": 8, "finished": instant(0)}],
        },
        {},
    )
    columns = "checked_at, dag_id, task_id, run_id, map_index, try_number, log_date, gate, check_name, level, passed"
    filled.run(
        f"INSERT INTO {filled.dataset}.quality_checks ({columns}, expected, actual) VALUES "
        + ", ".join(
            f"(TIMESTAMP '2015-05-18 0{hour}:00:00+00', 'daily_summary', 't', 'r', -1, 1, DATE '{DAY}', 'requests', "
            f"'landed = requests + duplicates', 'fail', {passed}, 8, 8)"
            for hour, passed in ((1, False), (2, True))
        )
    )
    for n, rows in ((0, 900), (5, 300)):
        values = supervision | {"run_id": f"r{n}", "job_id": "j", "state": "JOB_STATE_RUNNING", "decision": "keep"}
        names = ", ".join(values)
        literals = ", ".join(repr(value) for value in values.values())
        filled.run(
            f"INSERT INTO {filled.dataset}.stream_supervision (observed_at, `rows`, rejected, lag_seconds, {names}) "
            f"VALUES (TIMESTAMP '{instant(n)}', {rows}, 3, 2, {literals})"
        )
    yield filled
    client.close()


@pytest.fixture
def shown(warehouse: Warehouse, emulator_environment: RunningStack) -> TestClient:
    return page(warehouse.dataset)


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[bigquery.QueryJob]:
    """The page's query jobs."""
    found: list[bigquery.QueryJob] = []
    query = bigquery.Client.query

    def noted(*arguments: object, **options: object) -> bigquery.QueryJob:
        found.append(query(*arguments, **options))
        return found[-1]

    monkeypatch.setattr(bigquery.Client, "query", noted)
    return found


def data(client: TestClient, path: str):
    answer = client.get(f"/api/{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def test_each_panel_shows_what_the_tables_hold(shown):
    assert [row["requests"] for row in data(shown, "days")] == [7, 1]
    statuses = {row["status"]: row["requests"] for row in data(shown, f"statuses?{WEEK}")}
    assert statuses == {200: 4, 206: 1, 503: 1, None: 1}
    assert [row["requests"] for row in data(shown, f"hours?{WEEK}")] == [7]
    assert data(shown, f"week?{WEEK}") == [{"weekday": 7, "hour_of_day": 10, "requests": 7, "days": 1}]
    by_requests = data(shown, f"paths?{WEEK}")
    assert [(row["path"], row["requests"]) for row in by_requests[:2]] == [("/1", 101), ("/12", 12)]
    assert [(row["path"], row["p95_duration_ms"]) for row in data(shown, f"paths?{WEEK}&by=duration")] == [("/1", 5.0)]
    assert [(row["site"], row["requests"]) for row in data(shown, f"referers?{WEEK}")] == [("example.com", 2)]
    assert {row["agent_kind"] for row in data(shown, f"agent_days?{WEEK}")} == {"browser", "search_engine"}
    assert [row["agent_name"] for row in data(shown, f"agents?{WEEK}")] == ["Googlebot"]
    assert [row["requests"] for row in data(shown, f"agents?{WEEK}&kind=browser")] == [4]
    assert [(row["browser"], row["requests"]) for row in data(shown, f"browsers?{WEEK}")] == [("Firefox", 4)]
    assert [row["requests"] for row in data(shown, f"visitors?{WEEK}")] == [4]
    assert [(row["source"], row["visits"]) for row in data(shown, f"channels?{WEEK}")] == [("example.com", 4)]
    assert [(row["channel"], row["visits"]) for row in data(shown, f"channel_days?{WEEK}")] == [("search", 4)]
    assert [(row["path"], row["views"]) for row in data(shown, f"pages?{WEEK}")] == [("/", 9)]
    assert [(row["path"], row["requests"]) for row in data(shown, f"errors?{WEEK}")] == [
        ("/wp-login.php", 9),
        ("/gone", 5),
    ]
    assert [(row["referer"], row["path"]) for row in data(shown, f"broken_links?{WEEK}")] == [("https://a/", "/gone")]
    assert [(row["detection"], row["answered"]) for row in data(shown, f"detections?{WEEK}")] == [("sql_injection", 1)]
    assert [(row["severity"], row["requests"]) for row in data(shown, f"detection_days?{WEEK}")] == [("high", 4)]
    assert [(row["measure"], row["sentence"]) for row in data(shown, f"anomalies?{WEEK}")] == [
        ("requests", "12 requests, 340 are usual")
    ]
    assert [(row["objective"], row["is_met"], row["budget_left"]) for row in data(shown, f"objectives?{WEEK}")] == [
        ("availability", False, -1.0),
        ("speed", True, 0.8),
    ]
    (run0, run1) = sorted(data(shown, "backfills"), key=lambda run: run["run_id"])
    assert (run0["objects"], run0["lines"], run0["good"], run0["first_day"]) == (2, 20, 16, DAY)
    assert (run1["objects"], run1["first_day"]) == (2, None)
    total = {"lines": 20, "good": 16, "rejected": 2, "blank": 2, "bytes": 2000}
    assert data(shown, "ledger?run_id=r1")["total"] == total
    today = f"{now():%Y-%m-%d}"
    lately = f"first_day={now() - timedelta(days=1):%Y-%m-%d}&last_day={today}"
    assert [row["rejected"] for row in data(shown, f"rejected?{lately}")] == [1] * 4
    assert [(row["error_type"], row["lines"], row["most_of"]) for row in data(shown, f"rejections?{WEEK}")] == [
        ("not_matching_format", 12, "gs://b/1"),
        ("bad_status", 1, None),
    ]
    assert [row["lines"] for row in data(shown, f"rejection_days?{WEEK}")] == [7, 1, 5]
    (checked,) = data(shown, f"checks?{WEEK}")
    assert (checked["landed"], checked["checks"], checked["not_passed"]) == (8, 1, [])
    (built,) = data(shown, f"builds?{WEEK}")
    assert (built["requests"], built["builds"], built["last_decision"]) == (7, 1, "reopened")
    assert [row["object"] for row in data(shown, "unread")] == ["gs://b/unread"]
    stream = data(shown, "stream")
    assert (stream["state"], stream["good"], stream["rows_per_second"]) == ("JOB_STATE_RUNNING", 900, 2.0)
    assert data(shown, "incidents") == []
    rows = {row["table"]: row["rows"] for row in data(shown, "freshness")}
    assert (rows["stream_supervision"], rows["streamed_requests"]) == (2, 0)


def test_what_is_well_and_what_is_not_comes_with_the_panels(shown):
    def notes(path):
        return [(note["tone"], note["runbook"]) for note in shown.get(f"/api/{path}").json()["notes"]]

    assert notes("stream") == [("good", None)]
    assert notes(f"checks?{WEEK}") == [("good", None)]
    assert notes(f"builds?{WEEK}") == [("muted", None)]
    assert notes("unread") == [("warn", "docs/operations.md#unread-objects")]
    assert notes(f"detections?{WEEK}") == [("muted", None)]
    assert notes(f"anomalies?{WEEK}") == [("muted", None)]
    assert notes(f"objectives?{WEEK}") == [("muted", None)]
    assert notes("days") == []


ASKED = {"Nothing": "", "Run": "run_id=r0", "Host": "host=a"}


def test_no_panel_reads_a_large_table(shown, jobs):
    for panel in PANELS.values():
        answer = shown.get(f"/api/{panel.name}?{ASKED.get(panel.asks.__name__, WEEK)}")
        assert answer.status_code == 200, answer.text
    read = {job.labels["logline-page"]: {table.table_id for table in job.referenced_tables} for job in jobs}
    assert read == {panel.name: set(panel.tables) for panel in PANELS.values()}
    assert not LARGE & set().union(*read.values())
    assert {job.maximum_bytes_billed for job in jobs} == {MAX_BYTES_BILLED}
    assert sum(job.total_bytes_processed for job in jobs) > 0


def test_a_panel_is_read_again_only_after_its_table_has_changed(warehouse, emulator_environment, jobs, monkeypatch):
    monkeypatch.setattr(application, "PANEL_SECONDS", 0.0)
    client = page(warehouse.dataset)

    def queries():
        return sum("logline-page" in job.labels for job in jobs)

    for _ in range(3):
        assert [row["requests"] for row in data(client, "days")] == [7, 1]
    assert queries() == 1
    warehouse.run(f"UPDATE {warehouse.dataset}.daily_summary SET requests = 8 WHERE log_date = '{DAY}'")
    assert [row["requests"] for row in data(client, "days")] == [8, 1]
    warehouse.run(f"UPDATE {warehouse.dataset}.daily_summary SET requests = 7 WHERE log_date = '{DAY}'")
    assert queries() == 2


def test_a_run_id_is_a_value_and_no_sql(shown):
    assert data(shown, "ledger?run_id=r1' OR '1'='1")["objects"] == []


def test_before_provision_every_panel_says_what_to_do(emulator_environment):
    client = page("nowhere")
    for path in ("stream", "freshness", "days", "unread", "backfills", f"hours?{WEEK}", f"checks?{WEEK}"):
        answer = client.get(f"/api/{path}")
        assert (answer.status_code, answer.json()["data"]) == (200, None)
        assert "run the DAG provision" in answer.json()["notice"]


def test_a_bigquery_that_is_down_is_said_at_once_in_one_line(emulator_environment, monkeypatch):
    (port,) = free_ports(1)
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", f"http://127.0.0.1:{port}")
    answer = page("logline").get("/api/days")
    assert answer.status_code == 503
    assert answer.json()["notice"] == "BigQuery cannot be reached"
