"""The page's panels over a real BigQuery emulator: what they show, and what they say when there is nothing to show."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient

from local_stack.ports import free_ports
from local_stack.running import RunningStack
from logline.page.app import build
from logline.settings import Settings
from tests.sql.warehouse import Warehouse

pytestmark = pytest.mark.integration

NOW = datetime.now(UTC)
DAY = "2015-05-17"


def instant(minutes: float) -> str:
    return f"{NOW - timedelta(minutes=minutes):%Y-%m-%d %H:%M:%S}+00"


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
            "daily_paths": [{"path": f"/{n}", "requests": n, "bytes": n} for n in range(1, 13)],
            "ledger": [
                {"run_id": f"r{n % 2}", "source_uri": f"gs://b/{n}", "lines": 10, "rows": 8, "rejected": 1, "blank": 1}
                | {"started": instant(60), "finished": instant(n)}
                for n in range(4)
            ],
            "rejected_lines": [
                {"event_id": str(n), "error_type": "bad_size" if n else "no_date", "ingested_at": instant(n)}
                | {"raw_line": b"\x01<script>", "source_offset": n}
                for n in range(6)
            ],
        },
        {},
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


def data(client: TestClient, path: str):
    answer = client.get(f"/api/{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


def test_each_panel_shows_what_the_tables_hold(shown):
    assert [row["requests"] for row in data(shown, "daily?days=30")] == [7]
    assert [row["requests"] for row in data(shown, "daily?days=366")] == [7, 1]
    traffic = {row["status_class"]: row["requests"] for row in data(shown, "traffic?days=30")}
    assert traffic == {"2xx": 5, "5xx": 1, "other": 1}
    assert [row["requests"] for row in data(shown, f"hours?day={DAY}")] == [7]
    assert [row["name"] for row in data(shown, f"top/paths?day={DAY}")] == [f"/{n}" for n in range(12, 2, -1)]
    for of in ("referers", "agents", "visitors"):
        assert data(shown, f"top/{of}?day={DAY}") == []
    runs = {run["run_id"]: (run["objects"], run["lines"], run["good"]) for run in data(shown, "backfills")}
    assert runs == {"r0": (2, 20, 16), "r1": (2, 20, 16)}
    assert data(shown, "ledger?run_id=r1")["total"] == {
        "lines": 20,
        "good": 16,
        "rejected": 2,
        "blank": 2,
        "bytes": 2000,
    }
    reasons = data(shown, "rejected?days=7")
    assert [(reason["error_type"], reason["lines"], len(reason["examples"])) for reason in reasons] == [
        ("bad_size", 5, 3),
        ("no_date", 1, 1),
    ]
    assert reasons[0]["examples"][0]["line"] == "\\x01<script>"
    stream = data(shown, "stream")
    assert (stream["state"], stream["good"], stream["rows_per_second"]) == ("JOB_STATE_RUNNING", 900, 2.0)
    newest = {row["table_name"]: row["newest"] for row in data(shown, "freshness")}
    assert newest["stream_supervision"] == f"{NOW:%Y-%m-%dT%H:%M:%S}+00:00"
    assert newest["streamed_requests"] is None
    (day,) = data(shown, "reconciliation?first_day=2015-05-17") or [None]
    assert day is None or day["log_date"] >= DAY


def test_a_run_id_is_a_value_and_no_sql(shown):
    assert data(shown, "ledger?run_id=r1' OR '1'='1")["objects"] == []


def test_before_provision_every_panel_says_what_to_do(emulator_environment):
    client = page("nowhere")
    for path in ("stream", "freshness", "traffic", "daily", "rejected", "backfills", f"hours?day={DAY}"):
        answer = client.get(f"/api/{path}")
        assert (answer.status_code, answer.json()["data"]) == (200, None)
        assert "run the DAG provision" in answer.json()["notice"]


def test_a_bigquery_that_is_down_is_said_at_once_in_one_line(emulator_environment, monkeypatch):
    (port,) = free_ports(1)
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", f"http://127.0.0.1:{port}")
    answer = page("logline").get("/api/daily")
    assert answer.status_code == 503
    assert answer.json()["notice"] == "BigQuery cannot be reached"
