"""The tasks of an erasure: when they stop, what they hand on, which files go."""

import logging
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import Asset
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from logline.erasure import plan, tasks
from logline.params import ParamError
from logline.settings import Settings
from logline.warehouse.checks import Gate
from logline.warehouse.queries import Query

QUERY = Query("SELECT 1", day="all", parameters=[("addresses", "STRING", "")])
PARAMS = {"remote_addr": ["203.0.113.7"], "remote_user": [], "start_date": None, "end_date": None, "dry_run": False}
FOUND = {
    "table_name": "streamed_requests",
    "found": 2,
    "first_day": "2015-05-17",
    "last_day": "2015-05-17",
    "too_new": 0,
    "not_before": "2015-05-17 12:31",
}


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "logline-local")
    monkeypatch.setenv("LOGLINE_BUCKET", "logline-local")
    return Settings.from_environment()


def context(**changed: Any) -> Any:
    run = SimpleNamespace(conf={}, run_id="run-1", triggering_user_name="ann o'hara")
    return {"params": PARAMS | changed, "dag_run": run, "dag": SimpleNamespace(params=PARAMS), "outlet_events": {}}


def planned(settings: Settings, monkeypatch: pytest.MonkeyPatch, found: list[dict[str, Any]], **changed: Any) -> Any:
    asked: list[Query] = []
    monkeypatch.setattr(plan, "check_bigquery", lambda settings: None)
    monkeypatch.setattr(plan, "fetch_rows", lambda settings, query: (asked.append(query), found)[1])
    result = plan.PlanErasureOperator(task_id="plan", settings=settings, found=QUERY).execute(context(**changed))
    assert ("addresses", "STRING", '["203.0.113.7"]') in asked[0].parameters
    return result


def test_a_plan_names_the_run_and_not_the_person(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    made = planned(settings, monkeypatch, [FOUND])
    assert (made["first_day"], made["last_day"]) == ("1970-01-01", "9999-12-31")
    assert made["requested_by"] == "ann_o_hara", "it stands between quotes"
    assert "203.0.113.7" not in str(made)


@pytest.mark.parametrize(
    ("found", "changed", "error", "message"),
    [
        ([FOUND], {"dry_run": True}, AirflowSkipException, "dry run: 2 rows would be erased, nothing has been"),
        ([], {}, AirflowSkipException, "nothing is held of them: nothing to do"),
        (
            [FOUND | {"too_new": 1}],
            {},
            ParamError,
            "1 row came by the stream in the last 90 minutes, .* 2015-05-17 12:31",
        ),
        ([], {"remote_addr": []}, ParamError, "nobody is named"),
    ],
)
def test_a_plan_stops(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    found: list[dict[str, Any]],
    changed: dict[str, Any],
    error: type[Exception],
    message: str,
) -> None:
    with pytest.raises(error, match=message) as raised:
        planned(settings, monkeypatch, found, **changed)
    assert "\n" not in str(raised.value)


def test_a_run_that_has_erased_selects_nothing_again(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Query] = []
    entries = [[{"entries": 0}], [], []]
    monkeypatch.setattr(tasks, "fetch_rows", lambda settings, query: (asked.append(query), entries[len(asked) - 1])[1])
    select = tasks.SelectPersonOperator(task_id="select", settings=settings, erased=QUERY, queries=[QUERY, QUERY])
    select.execute(context())
    assert len(asked) == 3
    entries[:] = [[{"entries": 4}]]
    asked.clear()
    with pytest.raises(AirflowFailException, match="this run has erased already: trigger erasure again"):
        select.execute(context())
    assert len(asked) == 1


def test_a_proof_that_fails_says_what_to_do(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    faults = iter([None, "all: 1 of 9 checks failed"])
    gates: list[Gate] = []
    monkeypatch.setattr(Gate, "fault", lambda gate, settings, context: (gates.append(gate), next(faults))[1])
    prove = tasks.ProveErasureOperator(task_id="prove", settings=settings, gate=Gate(QUERY, QUERY))
    prove.execute(context())
    assert ("addresses", "STRING", '["203.0.113.7"]') in gates[0].checks.parameters
    with pytest.raises(AirflowFailException, match="1 of 9 checks failed: trigger erasure again for what has come"):
        prove.execute(context())


def test_a_report_announces_the_days_and_names_the_files(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [
        {"table_name": "backfilled_requests", "rows": 3, "source_objects": '["gs://b/a.log"]', "days": ["2015-05-18"]},
        {"table_name": "streamed_requests", "rows": 1, "source_objects": None, "days": ["2015-05-17"]},
    ]
    monkeypatch.setattr(tasks, "fetch_rows", lambda settings, query: rows)
    asset = Asset("logline://backfilled_requests")
    event = SimpleNamespace(extra={})
    report = tasks.ReportErasureOperator(task_id="report", settings=settings, query=QUERY, asset=asset)
    with caplog.at_level(logging.INFO):
        days = report.execute(context() | {"outlet_events": {asset: event}})
    assert days == event.extra["days"] == ["2015-05-17", "2015-05-18"]


def test_only_files_of_runs_that_are_over_are_deleted(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    deleted: list[str] = []

    class Hook:
        def list_by_timespan(
            self, bucket: str, *, timespan_start: datetime, timespan_end: datetime, prefix: str
        ) -> Any:
            assert (bucket, prefix) == (settings.temp_bucket, "staging/")
            age = datetime.now(UTC) - timespan_end
            assert abs(age - timedelta(hours=settings.staging_expiry_hours)) < timedelta(minutes=10)
            return ["staging/old/rows.parquet"]

        def delete(self, bucket: str, name: str) -> None:
            deleted.append(name)

        def list(self, bucket: str, *, prefix: str) -> Any:
            return None

    monkeypatch.setattr(tasks, "GCSHook", Hook)
    assert tasks.DeleteStagedFilesOperator(task_id="delete", settings=settings).execute(context()) == 1
    assert deleted == ["staging/old/rows.parquet"]
