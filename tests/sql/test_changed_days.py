"""Late lines make their day be rebuilt, within a bound; and the stream's batches become its ledger."""

from datetime import UTC, date, datetime, time, timedelta
from time import sleep

import pytest

from tests.sql.warehouse import DAY, Warehouse, plain

pytestmark = pytest.mark.integration


@pytest.fixture
def today() -> date:
    """The UTC day, which goes on for as long as a test takes: the queries look at the clock themselves."""
    while (now := datetime.now(UTC)).time() > time(23, 58):
        sleep(1)
    return now.date()


def row(event_id: str, day: date) -> dict[str, object]:
    return {"event_id": event_id, "line": event_id, "log_date": f"{day}", "timestamp": f"{day} 10:00:00+00"}


def entry(batch_id: str, day: date, ingested_at: str) -> dict[str, object]:
    return {"batch_id": batch_id, "log_date": f"{day}", "lines": 1, "rows": 1, "ingested_at": ingested_at}


def look(warehouse: Warehouse, run_id: str) -> list[tuple[str, str, int]]:
    """What one run of late_lines finds."""
    warehouse.run(warehouse.sql("request_builds/reopen.sql", run_id=run_id))
    found = warehouse.run(warehouse.sql("request_builds/reopened.sql", run_id=run_id))
    return [(row["day"], row["decision"], row["late"]) for row in found]


def rebuild(warehouse: Warehouse, day: date) -> None:
    warehouse.run(warehouse.sql("replace_day.sql", tables=["requests"], log_date=f"DATE '{day}'"))


def status(warehouse: Warehouse, day: date) -> str:
    (found,) = warehouse.run(f"SELECT status FROM {warehouse.dataset}.reconciliation WHERE log_date = '{day}'")
    return str(found["status"])


def test_a_day_is_rebuilt_when_it_is_over_and_when_lines_come_late(warehouse: Warehouse, today: date) -> None:
    yesterday = today - timedelta(days=1)
    warehouse.insert("streamed_requests", [row("m1", yesterday), row("m2", today)])
    assert look(warehouse, "first") == [(f"{yesterday}", "reopened", 1)], "today goes on"
    rebuild(warehouse, yesterday)
    assert look(warehouse, "nothing new") == []
    warehouse.insert("streamed_requests", [row("m3", yesterday), row("m4", yesterday)])
    assert look(warehouse, "late") == [(f"{yesterday}", "reopened", 2)]
    assert look(warehouse, "not rebuilt yet") == [(f"{yesterday}", "reopened", 2)]
    rebuild(warehouse, yesterday)
    assert look(warehouse, "rebuilt") == []
    builds = warehouse.rows("request_builds", order="decided_at")
    assert [(build["decision"], build["late"], build["requests"]) for build in builds] == [
        ("reopened", 1, None),
        ("rebuilt", 1, 1),
        ("reopened", 2, None),
        ("reopened", 2, None),
        ("rebuilt", 2, 3),
    ]


def test_lines_that_come_too_late_are_noted_down_once_and_left(warehouse: Warehouse, today: date) -> None:
    old = today - timedelta(days=40)

    def brought(event_id: str, ingested_at: str) -> None:
        warehouse.insert("streamed_requests", [row(event_id, old) | {"source_uri": "s", "ingested_at": ingested_at}])
        warehouse.insert("stream_batches", [entry(event_id, old, ingested_at)])

    brought("m1", f"{today} 00:00:00+00")
    rows = [("left", 1)]
    assert [found[1:] for found in look(warehouse, "first")] == rows
    assert look(warehouse, "second") == []
    assert status(warehouse, old) == "outdated"
    rebuild(warehouse, old)
    assert status(warehouse, old) == "balanced"
    brought("m2", f"{datetime.now(UTC) + timedelta(seconds=5)}")
    assert [found[1:] for found in look(warehouse, "third")] == rows


def test_the_live_view_has_what_requests_will_have(warehouse: Warehouse, today: date) -> None:
    yesterday, older = (today - timedelta(days=days) for days in (1, 2))
    warehouse.insert("requests", [row("m0", older), row("m1", yesterday)])
    warehouse.insert("streamed_requests", [row("m0", older), row("m1", yesterday), row("m2", yesterday)])
    warehouse.insert("streamed_requests", [row("m3", today), row("m3", today)])
    warehouse.insert("backfilled_requests", [row("f1", today) | {"line": "m3"}])
    live = warehouse.run(f"SELECT event_id FROM {warehouse.dataset}.requests_live ORDER BY log_date, event_id")
    assert [found["event_id"] for found in live] == ["m0", "m1", "m2", "f1"]


def test_a_line_just_landed_is_in_flight_and_no_difference(warehouse: Warehouse, today: date) -> None:
    now = datetime.now(UTC)
    warehouse.insert("stream_batches", [entry("b1", today, f"{now}")])
    warehouse.insert("streamed_requests", [row("m1", today) | {"ingested_at": f"{now}", "source_uri": "s"}])
    warehouse.insert("streamed_requests", [row("m2", today) | {"ingested_at": f"{now + timedelta(seconds=1)}"}])
    (found,) = warehouse.run(f"SELECT * FROM {warehouse.dataset}.reconciliation WHERE log_date = '{today}'")
    assert (found["in_flight"], found["rows_difference"], found["landed"]) == (1, 0, 2)


def test_a_day_is_incomplete_while_objects_of_it_are_unread(warehouse: Warehouse, today: date) -> None:
    unread = [{"object": f"gs://logs/{name}", "log_date": today.isoformat()} for name in "ab"]
    warehouse.insert("unread_objects", unread)

    def found() -> tuple[str, int]:
        (day,) = warehouse.run(f"SELECT * FROM {warehouse.dataset}.reconciliation WHERE log_date = '{today}'")
        return day["status"], day["unread_objects"]

    assert found() == ("incomplete", 2)
    read = {"source_uri": "gs://logs/a", "generation": 1, "finished": f"{datetime.now(UTC)}"}
    warehouse.insert("ledger", [read])
    assert found() == ("incomplete", 1)
    warehouse.insert("ledger", [read | {"source_uri": "gs://logs/b"}])
    assert found() == ("balanced", 0)


def test_the_batches_of_the_stream_become_ledger_rows_by_job_and_hour(warehouse: Warehouse) -> None:
    batch = {"messages": 3, "lines": 2, "rejected": 1, "blank": 1, "bytes": 300, "log_date": None}
    batches = [
        {"batch_id": "b1", "ingested_at": f"{DAY} 10:59:59+00"} | batch,
        {"batch_id": "b1", "ingested_at": f"{DAY} 10:59:59+00", "lines": 1, "rows": 1},
        {"batch_id": "b1", "ingested_at": f"{DAY} 10:59:59+00", "lines": 1, "rows": 1},
        {"batch_id": "b2", "ingested_at": f"{DAY} 11:00:00+00"} | batch,
        {"batch_id": "b3", "ingested_at": f"{DAY} 11:30:00+00"} | batch,
        {"batch_id": "b4", "ingested_at": f"{DAY} 11:30:00+00", "job_id": "job-2"} | batch,
    ]
    warehouse.insert("ledger", [{"lines": 7, "rows": 7}])
    warehouse.insert("stream_batches", batches[:3])
    fold = warehouse.sql("ledger/fold_stream.sql")
    warehouse.run(fold)
    warehouse.insert("stream_batches", batches[3:])
    for _ in range(2):
        warehouse.run(fold)
        folded = [found for found in warehouse.rows("ledger") if found["source"] == "stream"]
        names = ("lines", "rows", "rejected", "blank", "bytes")
        assert {found["run_id"]: tuple(found[name] for name in names) for found in folded} == {
            f"job-1 {DAY}T10": (3, 1, 1, 1, 300),
            f"job-1 {DAY}T11": (4, 0, 2, 2, 600),
            f"job-2 {DAY}T11": (2, 0, 1, 1, 300),
        }
        days = [(found["run_id"], plain(found["log_date"]), found["rows"]) for found in warehouse.rows("ledger_days")]
        assert days == [(f"job-1 {DAY}T10", DAY, 1)]
