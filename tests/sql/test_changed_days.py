"""Days that have changed are found, late lines reopen theirs; and the stream's batches become its ledger."""

from datetime import UTC, date, datetime, time, timedelta
from time import sleep

import pytest

from tests.sql.days import build, changed_days, summarise
from tests.sql.warehouse import DAY, Warehouse, plain, portion_of

pytestmark = pytest.mark.integration

URI = "gs://logs/a.log"


@pytest.fixture
def today() -> date:
    """The UTC day, which goes on for as long as a test takes: the queries look at the clock themselves."""
    while (now := datetime.now(UTC)).time() > time(23, 58):
        sleep(1)
    return now.date()


def row(event_id: str, day: date | str) -> dict[str, object]:
    return {"event_id": event_id, "line": event_id, "log_date": f"{day}", "timestamp": f"{day} 10:00:00+00"}


def entry(batch_id: str, day: date, ingested_at: str) -> dict[str, object]:
    return {"batch_id": batch_id, "log_date": f"{day}", "lines": 1, "rows": 1, "ingested_at": ingested_at}


def streamed(warehouse: Warehouse, day: date, *event_ids: str, ingested_at: str | None = None) -> None:
    """Land messages as the stream does: each a batch of its own."""
    moment = ingested_at or f"{datetime.now(UTC)}"
    batch = f"{'+'.join(event_ids)} {moment}"
    of_batch = {"source_uri": "s", "ingested_at": moment}
    warehouse.insert("streamed_requests", [row(event_id, day) | of_batch for event_id in event_ids])
    warehouse.insert("stream_batches", [entry(f"{batch} {number}", day, moment) for number in range(len(event_ids))])


def look(warehouse: Warehouse, run_id: str, **settings: int) -> list[tuple[str, str, int]]:
    """What one run of late_lines notes down."""
    warehouse.run(warehouse.sql("ledger/fold_stream.sql"))
    warehouse.run(warehouse.sql("request_builds/reopen.sql", run_id=run_id, **settings))
    found = warehouse.run(warehouse.sql("request_builds/reopened.sql", run_id=run_id))
    return [(row["day"], row["decision"], row["late"]) for row in found]


def summarised(warehouse: Warehouse) -> list[tuple[str, str, bool]]:
    """Build what daily_summary would build now; which days, why, and whether requests are only added."""
    return [(day.day, day.reason, day.built_at is not None) for day in summarise(warehouse)]


def earlier(warehouse: Warehouse, hours: float) -> None:
    """Let time pass: what was decided was decided so many hours ago."""
    warehouse.run(
        f"UPDATE {warehouse.dataset}.request_builds SET decided_at = "
        f"TIMESTAMP_SUB(decided_at, INTERVAL {round(hours * 3600)} SECOND) WHERE TRUE"
    )


def status(warehouse: Warehouse, day: date) -> str:
    (found,) = warehouse.run(f"SELECT status FROM {warehouse.dataset}.reconciliation WHERE log_date = '{day}'")
    return str(found["status"])


def test_a_day_is_built_when_it_is_over_and_when_new_requests_come_late(warehouse: Warehouse, today: date) -> None:
    yesterday = today - timedelta(days=1)
    streamed(warehouse, yesterday, "m1")
    streamed(warehouse, today, "m2")
    assert summarised(warehouse) == [], "nobody has looked yet"
    assert look(warehouse, "first") == [(f"{yesterday}", "reopened", 1)], "today goes on"
    assert look(warehouse, "not built yet") == [], "it is noted down already"
    assert summarised(warehouse) == [(f"{yesterday}", "late lines", False)]
    assert summarised(warehouse) == []
    streamed(warehouse, yesterday, "m3", "m4")
    assert look(warehouse, "late") == [], "few wait"
    earlier(warehouse, 1)
    assert look(warehouse, "an hour later") == [(f"{yesterday}", "reopened", 2)]
    assert summarised(warehouse) == [(f"{yesterday}", "late lines", True)]
    assert len(warehouse.rows("requests")) == 3
    assert status(warehouse, yesterday) == "balanced"
    assert look(warehouse, "built") == []
    builds = warehouse.rows("request_builds", order="decided_at")
    assert [(build["decision"], build["late"], build["requests"]) for build in builds] == [
        ("reopened", 1, None),
        ("rebuilt", 1, 1),
        ("summarised", 0, 1),
        ("reopened", 2, None),
        ("added", 2, 3),
        ("summarised", 0, 3),
    ]


@pytest.mark.parametrize(("times", "hours"), [(0, 1), (1, 1), (3, 4), (5, 16), (6, 24), (9, 24)])
def test_few_late_requests_wait_longer_each_time(warehouse: Warehouse, today: date, times: int, hours: int) -> None:
    day = today - timedelta(days=3)
    built = datetime.now(UTC) - timedelta(hours=hours - 0.25)
    before = [{"decision": "reopened", "decided_at": f"{built - timedelta(hours=1)}"}] * times
    build = {"messages": 0, "stream_rows": 0, "decided_at": f"{built}"}
    warehouse.insert("request_builds", [{"log_date": f"{day}"} | row for row in (*before, build)])
    streamed(warehouse, day, "m1")
    assert look(warehouse, "too early") == []
    earlier(warehouse, 0.5)
    assert look(warehouse, "in time") == [(f"{day}", "reopened", 1)]


def test_many_late_requests_do_not_wait(warehouse: Warehouse, today: date) -> None:
    day = today - timedelta(days=3)
    build = {"messages": 0, "stream_rows": 0, "decided_at": f"{datetime.now(UTC)}"}
    warehouse.insert("request_builds", [{"log_date": f"{day}"} | build])
    streamed(warehouse, day, "m1", "m2", "m3")
    assert look(warehouse, "few", late_requests=4) == []
    assert look(warehouse, "many", late_requests=3) == [(f"{day}", "reopened", 3)]


def test_copies_of_messages_change_nothing(warehouse: Warehouse, today: date) -> None:
    yesterday = today - timedelta(days=1)
    streamed(warehouse, yesterday, "m1")
    look(warehouse, "over")
    summarise(warehouse)
    streamed(warehouse, yesterday, "m1")
    earlier(warehouse, 1)
    assert look(warehouse, "copies") == [(f"{yesterday}", "copies", 1)]
    earlier(warehouse, 24)
    assert look(warehouse, "and no more") == []
    assert summarised(warehouse) == []


def test_lines_that_come_too_late_are_noted_down_once_and_left(warehouse: Warehouse, today: date) -> None:
    old = today - timedelta(days=40)
    streamed(warehouse, old, "m1")
    assert [found[1:] for found in look(warehouse, "first")] == [("left", 1)]
    assert look(warehouse, "second") == []
    assert summarised(warehouse) == []
    assert status(warehouse, old) == "outdated"
    build(warehouse, portion_of(old), "requests")
    assert status(warehouse, old) == "balanced"
    streamed(warehouse, old, "m2")
    assert [found[1:] for found in look(warehouse, "third")] == [("left", 1)]


def test_days_of_files_are_found_whoever_read_them(warehouse: Warehouse) -> None:
    """A lost event, a cleared run or many runs at once change nothing: the ledger says what was read."""

    def read(run_id: str, finished: str, *days: str) -> None:
        of_run = {"run_id": run_id, "finished": f"2015-05-20 {finished}+00"}
        warehouse.run(f"DELETE FROM {warehouse.dataset}.backfilled_requests WHERE log_date > DATE '2015-01-01'")
        warehouse.insert("backfilled_requests", [row(f"{run_id} {day}", day) | {"source_uri": URI} for day in days])
        warehouse.insert("ledger", [of_run | {"source_uri": URI, "lines": len(days), "rows": len(days)}])
        entries = [of_run | {"source_uri": URI, "log_date": day, "rows": 1} for day in days]
        warehouse.insert("ledger_days", entries)

    read("run-1", "00:00:00", DAY, "2015-05-18")
    assert summarised(warehouse) == [(DAY, "files were read", False), ("2015-05-18", "files were read", False)]
    assert summarised(warehouse) == []
    read("run-2", "01:00:00", "2015-05-18")
    assert [day for day, *_ in summarised(warehouse)] == [DAY, "2015-05-18"], "one has lost its lines, one has new ones"
    build(warehouse, portion_of(DAY), "requests")
    assert summarised(warehouse) == [(DAY, "not summarised yet", False)], "a run was killed between the two"
    wanted = {"wanted": [f"DATE '{DAY}'"], "began": "TIMESTAMP '2015-05-17 00:00:00+00'"}
    assert [day.day for day in changed_days(warehouse, **wanted, run_id="by hand")] == [DAY], "asked for"
    assert changed_days(warehouse, **wanted) == [], "this run has done it"


def test_a_build_of_an_older_release_is_changed_when_its_count_is(warehouse: Warehouse) -> None:
    warehouse.insert("ledger", [{"lines": 2, "rows": 2}])
    warehouse.insert("ledger_days", [{"rows": 2}])
    warehouse.insert("request_builds", [{"backfilled": 2}])
    assert changed_days(warehouse) == []
    warehouse.insert("request_builds", [{"backfilled": 1, "decided_at": "2015-05-19 00:00:00+00"}])
    assert [day.day for day in changed_days(warehouse)] == [DAY]
    (beside,) = warehouse.run(warehouse.sql("request_builds/neighbours.sql", portion_of("2015-05-18")))
    assert beside["day"] == DAY, "its visitors around midnight have to be looked up"


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


def test_batches_are_folded_also_after_a_clock_that_was_two_days_fast(warehouse: Warehouse, today: date) -> None:
    now = datetime.now(UTC)
    streamed(warehouse, today, "fast", ingested_at=f"{now + timedelta(days=2)}")
    fold = warehouse.sql("ledger/fold_stream.sql")
    warehouse.run(fold)
    streamed(warehouse, today, "right again", ingested_at=f"{now}")
    for _ in range(2):
        warehouse.run(fold)
        hours = [found["run_id"] for found in warehouse.rows("ledger") if found["source"] == "stream"]
        assert sorted(hours) == [f"job-1 {at:%Y-%m-%dT%H}" for at in (now, now + timedelta(days=2))]
        assert sum(found["rows"] for found in warehouse.rows("ledger_days")) == 2
