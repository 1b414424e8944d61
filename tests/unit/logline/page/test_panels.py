from datetime import UTC, datetime, timedelta

import pytest

from logline.page import notes
from logline.page.days_checked import days_checked
from logline.page.panels import ledger
from logline.page.stream_history import incidents, stream
from logline.settings import Settings, SettingsError

SETTINGS = Settings.from_environment({"GOOGLE_CLOUD_PROJECT": "logline-local", "LOGLINE_BUCKET": "logline-local"})
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def seen(minutes, *, job="j1", rows=0, decision="keep", runbook=None):
    return {
        "observed_at": NOW - timedelta(minutes=minutes),
        "job_id": job,
        "rows": rows,
        "rejected": 1,
        "lag_seconds": minutes,
        "decision": decision,
        "runbook": runbook,
    }


def test_the_stream_was_never_seen():
    assert stream([], SETTINGS) is None


def test_a_rate_is_of_one_job_between_two_looks():
    looks = [
        seen(0, rows=9000),
        seen(5, rows=3000),
        seen(10, rows=None, decision="launch", runbook="lag"),
        seen(15, job="j0", rows=900),
    ]
    shown = stream(looks, SETTINGS)
    assert shown["rows_per_second"] == 20.0
    assert [point["rows_per_second"] for point in shown["history"]] == [None, None, None, 20.0]
    assert [point["lag_seconds"] for point in shown["history"]] == [15, 10, 5, 0]
    assert shown["good"] == 9000
    assert shown["job_url"] == "https://console.cloud.google.com/dataflow/jobs/us-central1/j1?project=logline-local"


@pytest.mark.parametrize(
    ("rows", "lag", "runbook", "idle"),
    [(100, 0, None, True), (101, 0, None, False), (100, None, None, False), (100, 900, "stale-rows", False)],
)
def test_a_stream_is_idle_where_no_row_comes_though_heartbeats_land(rows, lag, runbook, idle):
    looks = [seen(0, rows=rows, runbook=runbook) | {"lag_seconds": lag}, seen(5, rows=100)]
    assert stream(looks, SETTINGS)["is_idle"] is idle


def test_looks_that_found_something_odd_are_one_incident_until_one_finds_nothing():
    looks = [
        *(seen(60), seen(55, decision="wait"), seen(50, decision="launch"), seen(45)),
        *(seen(20, runbook="lag"), seen(15, runbook="lag"), seen(10, runbook="stale-rows")),
    ]
    later, earlier = incidents([look | {"reason": f"{n}"} for n, look in enumerate(looks)], SETTINGS)
    assert (earlier["began"], earlier["ended"]) == (NOW - timedelta(minutes=55), NOW - timedelta(minutes=45))
    assert (earlier["launches"], earlier["reason"], earlier["runbooks"]) == (1, "1", [])
    assert (later["began"], later["ended"]) == (NOW - timedelta(minutes=20), None)
    assert later["runbooks"] == ["docs/operations.md#lag", "docs/operations.md#stale-rows"]


def check(day, name="landed = requests + duplicates", *, level="fail", passed=True):
    at = NOW + timedelta(minutes=passed)
    row = {"log_date": day, "check_name": name, "level": level, "passed": passed, "checked_at": at, "checks": 9}
    return row | {"expected": 5.0, "actual": 5.0 if passed else 4.0, "message": "m", "run_id": "r"}


def test_a_day_has_its_figures_and_the_checks_that_did_not_pass():
    rows = [check("2026-11-21"), check("2026-11-20"), check("2026-11-20", "fresh", level="warn", passed=False)]
    good, warned = days_checked(rows, SETTINGS)
    assert (good["landed"], good["lines"], good["checks"], good["not_passed"]) == (5, None, 9, [])
    assert [one["check_name"] for one in warned["not_passed"]] == ["fresh"]
    assert warned["checked_at"] == NOW + timedelta(minutes=1)


def said(found):
    return [(note.tone.value, note.runbook) for note in found]


def test_the_verdict_is_about_what_is_wrong():
    now = datetime.now(UTC)
    look = {"observed_at": now, "decision": "keep", "runbook": None, "lag_seconds": 3, "reason": "r", "ends": 0}
    assert said(notes.on_stream([])) == [("muted", None)]
    assert said(notes.on_stream([look])) == [("good", None)]
    assert said(notes.on_stream([look | {"runbook": "lag"}])) == [("bad", "lag")]
    assert said(notes.on_stream([look | {"decision": "wait", "ends": 1}])) == [("warn", "crash-loop")]
    assert said(notes.on_stream([look | {"observed_at": now - timedelta(hours=1)}])) == [("warn", "stale-rows")]
    agreed, warned = check("2026-11-21"), check("2026-11-20", level="warn", passed=False)
    assert said(notes.on_checks([])) == []
    assert said(notes.on_checks([agreed, warned])) == [("good", None)]
    assert said(notes.on_checks([agreed, check("2026-11-20", passed=False)])) == [("bad", "imbalance")]
    assert said(notes.on_builds([{"log_date": "2026-11-20", "last_decision": "reopened"}])) == [("muted", None)]
    assert said(notes.on_builds([{"log_date": "2026-11-20", "last_decision": "summarised"}])) == []
    assert said(notes.on_unread([{"noticed_at": now}])) == [("warn", "unread-objects")]
    assert notes.on_unread([]) == []


def test_silences_are_no_unusual_hours_and_a_missed_objective_is_seen_to_be_missed():
    hour, silence = ({"measure": measure, "sentence": measure} for measure in ("requests", "silence"))
    assert [note.text for note in notes.on_anomalies([silence])] == ["silence"]
    assert [note.text for note in notes.on_anomalies([silence, hour, hour])] == [
        "2 unusual hours and 1 silence, the last: silence"
    ]
    missed = {"is_met": False, "host": None, "objective": "availability", "share": 0.99896, "wanted": 0.999}
    (note,) = notes.on_objectives([missed])
    assert note.text == "the site misses its objective of availability: 99.896% good, wanted 99.900%"


def test_a_ledger_has_a_total():
    row = {"lines": 10, "good": 8, "rejected": 1, "blank": 1, "bytes": None}
    assert ledger([row, row], SETTINGS)["total"] == {"lines": 20, "good": 16, "rejected": 2, "blank": 2, "bytes": 0}


@pytest.mark.parametrize("page", ["dataflow", "https://example.com/jobs", "ftp://example.com/{job_id}"])
def test_a_job_page_is_an_address_with_the_job(page):
    environment = {"GOOGLE_CLOUD_PROJECT": "logline-local", "LOGLINE_BUCKET": "b-1", "LOGLINE_JOB_PAGE": page}
    with pytest.raises(SettingsError, match=r"LOGLINE_JOB_PAGE must be an http\(s\) address with \{job_id\}"):
        Settings.from_environment(environment)
