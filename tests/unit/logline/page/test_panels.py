from datetime import UTC, datetime, timedelta

import pytest

from logline.page.panels import ledger, rejected, stream
from logline.page.warehouse import printable
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
    assert (shown["launches"], shown["alarms"], shown["good"]) == (1, 1, 9000)
    assert shown["job_url"] == "https://console.cloud.google.com/dataflow/jobs/us-central1/j1?project=logline-local"


@pytest.mark.parametrize(
    ("rows", "lag", "runbook", "idle"),
    [(100, 0, None, True), (101, 0, None, False), (100, None, None, False), (100, 900, "stale-rows", False)],
)
def test_a_stream_is_idle_where_no_row_comes_though_heartbeats_land(rows, lag, runbook, idle):
    looks = [seen(0, rows=rows, runbook=runbook) | {"lag_seconds": lag}, seen(5, rows=100)]
    assert stream(looks, SETTINGS)["is_idle"] is idle


def test_rejected_lines_come_by_reason_with_every_byte_visible():
    row = {"error_type": "bad_size", "lines": 7, "replayed": 1, "streamed": 0, "error_message": "m"}
    row |= {"source_uri": "gs://b/o", "source_offset": 3, "ingested_at": NOW}
    (reason,) = rejected([row | {"raw_line": b"\xff<b>\x1b\n\xc3\xa9"}, row | {"raw_line": None}], SETTINGS)
    assert (reason["error_type"], reason["lines"], reason["replayed"]) == ("bad_size", 7, 1)
    assert [example["line"] for example in reason["examples"]] == ["\\xff<b>\\x1b\\né", ""]
    assert len(printable(b"x" * 10_000)) == 300


def test_a_ledger_has_a_total():
    row = {"lines": 10, "good": 8, "rejected": 1, "blank": 1, "bytes": None}
    assert ledger([row, row], SETTINGS)["total"] == {"lines": 20, "good": 16, "rejected": 2, "blank": 2, "bytes": 0}


@pytest.mark.parametrize("page", ["dataflow", "https://example.com/jobs", "ftp://example.com/{job_id}"])
def test_a_job_page_is_an_address_with_the_job(page):
    environment = {"GOOGLE_CLOUD_PROJECT": "logline-local", "LOGLINE_BUCKET": "b-1", "LOGLINE_JOB_PAGE": page}
    with pytest.raises(SettingsError, match=r"LOGLINE_JOB_PAGE must be an http\(s\) address with \{job_id\}"):
        Settings.from_environment(environment)
