"""Rejected lines become rows exactly once: twice, after a new backfill, beside redeliveries, and in part."""

from datetime import UTC, datetime, timedelta

import pytest
from google.cloud.bigquery import ScalarQueryParameter

from tests.partitions import every_row
from tests.sql.warehouse import SUFFIX, Warehouse, plain

pytestmark = pytest.mark.integration

DAY = "2015-05-17"
OBJECT = "gs://logs/a.log"
SUBSCRIPTION = "projects/p/subscriptions/s"
ALL_LINES = {
    "start_date": "1970-01-01",
    "end_date": "9999-12-31",
    "reason": "",
    "log_format": "auto",
    "stream_log_format": "article",
}


def waiting(event_id, *, source="backfill", text=None, **more):
    """A rejected line; its bytes are its event id unless the case says otherwise."""
    uri = OBJECT if source == "backfill" else SUBSCRIPTION
    return {"event_id": event_id, "raw_line": text or event_id.encode(), "source": source, "source_uri": uri} | more


def parameters(**chosen):
    return [ScalarQueryParameter(name, "STRING", value) for name, value in (ALL_LINES | chosen).items()]


def select(warehouse: Warehouse, *, run_id="replay-1", limit=1000, **chosen):
    warehouse.run(warehouse.sql("replay/select.sql", limit=limit), parameters(run_id=run_id, **chosen))
    return warehouse.run(f"SELECT * FROM {warehouse.staging}.replay_lines_{SUFFIX} ORDER BY ingested_at, event_id")


def parsed(warehouse: Warehouse, lines, *, day=DAY):
    """Stage rows as if the job had read these lines."""
    names = ("event_id", "source", "source_uri")
    warehouse.stage(
        {
            "replayed": [
                {name: line[name] for name in names}
                | {"line": line["raw_line"].decode(), "log_date": day, "timestamp": f"{day} 10:00:00+00"}
                for line in lines
            ]
        }
    )


def land(warehouse: Warehouse):
    warehouse.run(warehouse.sql("replay/land.sql", job_id="job-7"))


def replay(warehouse: Warehouse, only=None, **chosen):
    """Select, read and land; the job reads the lines named in `only`, or all of them."""
    lines = [line for line in select(warehouse, **chosen) if only is None or line["event_id"] in only]
    parsed(warehouse, lines)
    land(warehouse)


def ids(warehouse, table, where="TRUE"):
    found = warehouse.run(
        f"SELECT event_id FROM {warehouse.dataset}.{table} WHERE {every_row(table)} AND {where} ORDER BY 1"
    )
    return [row["event_id"] for row in found]


def test_each_line_lands_where_it_would_have_landed_and_only_once(warehouse):
    warehouse.insert("ledger", [{"log_format": "combined", "lines": 3, "rejected": 3}])
    warehouse.insert("rejected_lines", [waiting("a:1"), waiting("a:2"), waiting("a:3"), waiting("m1", source="stream")])
    for _ in range(2):
        replay(warehouse, only={"a:1", "a:2", "m1"})
        assert ids(warehouse, "backfilled_requests") == ["a:1", "a:2"]
        assert ids(warehouse, "streamed_requests") == ["m1"]
        assert ids(warehouse, "rejected_lines", "replayed_at IS NULL") == ["a:3"]
    (row,) = warehouse.run(
        "SELECT DISTINCT requests.ingested_at = lines.replayed_at AS marked"
        f" FROM {warehouse.dataset}.backfilled_requests AS requests"
        f" JOIN {warehouse.dataset}.rejected_lines AS lines USING (event_id) WHERE {every_row('backfilled_requests')}"
    )
    assert row["marked"], "a replayed row is known by the instant it was landed"


def test_the_ledger_has_an_entry_that_balances_and_the_days_of_the_rows(warehouse):
    warehouse.insert("ledger", [{"log_format": "combined", "lines": 2, "rejected": 2}])
    warehouse.insert("rejected_lines", [waiting("a:1"), waiting("a:2"), waiting("m1", source="stream")])
    replay(warehouse, only={"a:1"})
    land(warehouse)
    (entry,) = [row for row in warehouse.rows("ledger") if row["source"] == "replay"]
    counts = [entry[name] for name in ("source_uri", "lines", "rows", "rejected", "blank", "bytes", "log_format")]
    assert counts == [OBJECT, 2, 1, 1, 0, 6, "combined"]
    assert (entry["run_id"], entry["job_id"]) == ("replay-1", "job-7")
    (day,) = warehouse.rows("ledger_days")
    assert (plain(day["log_date"]), day["rows"], day["run_id"]) == (DAY, 1, "replay-1")
    report = warehouse.run(warehouse.sql("replay/report.sql"), [ScalarQueryParameter("run_id", "STRING", "replay-1")])
    assert [(row["source_uri"], row["rows"], row["days"]) for row in report] == [(OBJECT, 1, [DAY])]


def test_a_new_backfill_meanwhile_wins(warehouse):
    warehouse.insert("rejected_lines", [waiting("a:1"), waiting("a:2")])
    parsed(warehouse, select(warehouse))
    # The object is read again: one line is a row now, the other one is rejected anew.
    warehouse.run(f"DELETE FROM {warehouse.dataset}.rejected_lines WHERE event_id = 'a:1'")
    warehouse.insert("backfilled_requests", [{"event_id": "a:1"}])
    land(warehouse)
    assert ids(warehouse, "backfilled_requests") == ["a:1", "a:2"]
    assert ids(warehouse, "rejected_lines", "replayed_at IS NULL") == []


def test_a_new_backfill_afterwards_replaces_what_was_replayed(warehouse):
    warehouse.insert("rejected_lines", [waiting("g1:1")])
    replay(warehouse)
    warehouse.stage(
        {
            "rows": [{"event_id": "g2:1", "log_date": "2015-05-18", "timestamp": "2015-05-18 10:00:00+00"}],
            "rejected": [],
            "ledger": [{"run_id": "run-2", "lines": 1, "rows": 1}],
            "ledger_days": [{"run_id": "run-2", "log_date": "2015-05-18", "rows": 1}],
        }
    )
    warehouse.run(warehouse.sql("backfilled_requests/land.sql"))
    assert ids(warehouse, "backfilled_requests") == ["g2:1"], "also on the day that only the replay knew of"
    assert ids(warehouse, "rejected_lines") == []


def test_a_message_that_was_delivered_again_is_landed_once(warehouse):
    copies = [waiting("m1", source="stream", ingested_at=f"2015-05-18 00:00:0{n}+00") for n in range(2)]
    warehouse.insert("rejected_lines", [*copies, waiting("m2", source="stream")])
    # A stream with a newer parser has landed the second message meanwhile.
    warehouse.insert("streamed_requests", [{"event_id": "m2", "line": "m2"}])
    replay(warehouse)
    assert ids(warehouse, "streamed_requests") == ["m1", "m2"]
    assert ids(warehouse, "rejected_lines", "replayed_at IS NULL") == []
    warehouse.insert("rejected_lines", [waiting("m1", source="stream", ingested_at="2015-05-18 00:00:09+00")])
    replay(warehouse, run_id="replay-2")
    assert ids(warehouse, "streamed_requests") == ["m1", "m2"], "a copy that an old job rejects later is no new request"
    assert ids(warehouse, "rejected_lines", "replayed_at IS NULL") == []


def test_what_was_streamed_just_now_is_left_for_later(warehouse):
    """On the service no transaction may change rows that were streamed within the last 30 minutes."""
    moment = str(datetime.now(UTC) - timedelta(minutes=50))
    fresh = [waiting(event_id, source="stream", ingested_at=moment) for event_id in ("m1", "m2")]
    warehouse.insert("rejected_lines", [waiting("m1", source="stream"), *fresh, waiting("a:1", ingested_at=moment)])
    counted = warehouse.run(warehouse.sql("replay/candidates.sql"), parameters())
    assert [(row["source"], row["lines"], row["unsettled"]) for row in counted] == [
        ("stream", 1, 1),
        ("backfill", 1, 0),
    ]
    replay(warehouse)
    assert ids(warehouse, "streamed_requests") == ["m1"]
    assert ids(warehouse, "backfilled_requests") == ["a:1"]
    assert ids(warehouse, "rejected_lines", "replayed_at IS NULL") == ["m1", "m2"], "a copy is no exception"


def test_two_lines_of_one_event_id_are_two_lines(warehouse):
    lines = [waiting("m1", source="stream", text=text) for text in (b"first", b"second")]
    warehouse.insert("rejected_lines", lines)
    replay(warehouse)
    replay(warehouse, run_id="replay-2")
    assert ids(warehouse, "streamed_requests") == ["m1", "m1"], "nothing is lost; the check of requests names them"


def test_which_lines_are_selected_and_how_they_are_read(warehouse):
    warehouse.insert("ledger", [{"log_format": "combined", "finished": "2015-05-18 00:01:00+00"}])
    warehouse.insert("ledger", [{"log_format": "common", "finished": "2015-05-19 00:01:00+00", "run_id": "run-2"}])
    warehouse.insert(
        "rejected_lines",
        [
            waiting("a:1", ingested_at="2015-05-19 00:00:00+00", error_type="bad_size"),
            waiting("a:2", ingested_at="2015-05-18 23:59:59+00"),
            waiting("a:3", error_type="line_too_long"),
            waiting("a:4"),
            waiting("a:5", replayed_at="2015-05-18 00:00:00+00"),
            waiting("m1", source="stream"),
        ],
    )
    of_a_mebibyte = "CAST(REPEAT('x', 1048576) AS BYTES)"
    warehouse.run(f"UPDATE {warehouse.dataset}.rejected_lines SET raw_line = {of_a_mebibyte} WHERE event_id = 'a:4'")
    found = {line["event_id"]: line["log_format"] for line in select(warehouse)}
    assert found == {"a:1": "common", "a:2": "common", "m1": "article"}
    assert [line["event_id"] for line in select(warehouse, limit=2)] == ["m1", "a:2"], "the oldest ones first"
    assert [line["event_id"] for line in select(warehouse, start_date="2015-05-19")] == ["a:1"]
    assert [line["event_id"] for line in select(warehouse, end_date="2015-05-18")] == ["m1", "a:2"]
    assert [line["event_id"] for line in select(warehouse, reason="bad_size")] == ["a:1"]
    assert {line["log_format"] for line in select(warehouse, log_format="combined")} == {"combined"}


def test_nothing_is_landed_in_part(own_warehouse):
    own_warehouse.insert("rejected_lines", [waiting("a:1"), waiting("m1", source="stream")])
    parsed(own_warehouse, select(own_warehouse))
    own_warehouse.run(f"DROP TABLE {own_warehouse.dataset}.ledger_days")
    with pytest.raises(Exception, match="ledger_days"):
        land(own_warehouse)
    assert ids(own_warehouse, "backfilled_requests") == ids(own_warehouse, "streamed_requests") == []
    assert ids(own_warehouse, "rejected_lines", "replayed_at IS NULL") == ["a:1", "m1"]


def test_the_staging_tables_can_be_dropped_twice(warehouse):
    select(warehouse)
    for _ in range(2):
        warehouse.run(warehouse.sql("replay/drop_staging.sql"))
