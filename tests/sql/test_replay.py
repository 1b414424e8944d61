"""Rejected lines become rows exactly once: twice, after a new backfill, beside redeliveries, and in part."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from google.api_core.exceptions import BadRequest
from google.cloud.bigquery import ScalarQueryParameter

from tests.appends import append
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
    warehouse.run(f"DELETE FROM {warehouse.dataset}.rejected_backfilled WHERE event_id = 'a:1'")
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


def test_what_was_streamed_just_now_is_replayed_too(emulators, own_warehouse):
    """A transaction may not change rows that were streamed within the hour, and this one only adds some."""
    now = datetime.now(UTC)
    for table in ("rejected_streamed", "streamed_requests"):
        schema = own_warehouse.client.get_table(f"{own_warehouse.dataset}.{table}").schema
        append(emulators, f"{own_warehouse.dataset}.{table}", streamed(schema, "m1", now))
    own_warehouse.insert("rejected_lines", [waiting("a:1", ingested_at=str(now))])
    for run_id in ("replay-1", "replay-2"):
        parsed(own_warehouse, select(own_warehouse, run_id=run_id), day=str(now.date()))
        land(own_warehouse)
        assert ids(own_warehouse, "streamed_requests") == ["m1"], "landed before"
        assert ids(own_warehouse, "backfilled_requests") == ["a:1"]
        assert ids(own_warehouse, "rejected_lines", "replayed_at IS NULL") == []


def streamed(schema, event_id, now):
    """A row or a rejected line as the stream appends it."""
    values = {
        "log_date": now.date(),
        **dict.fromkeys(("timestamp", "ingested_at"), now),
        "raw_line": event_id.encode(),
        "raw_line_hash": event_id.encode().ljust(16, b"."),
        "event_id": event_id,
        "error_type": "format",
        "source": "stream",
        "source_uri": "s",
    }
    kinds = {"BYTES": pa.binary(), "DATE": pa.date32(), "TIMESTAMP": pa.timestamp("us", "UTC"), "INTEGER": pa.int64()}
    kinds |= {"BOOLEAN": pa.bool_(), "FLOAT": pa.float64()}
    columns = {
        field.name: pa.array([values.get(field.name)], kinds.get(field.field_type, pa.string())) for field in schema
    }
    return pa.record_batch(columns)


def test_the_marks_of_an_object_go_with_its_lines(warehouse):
    warehouse.insert("rejected_lines", [waiting("a:1"), waiting("m1", source="stream")])
    replay(warehouse)
    other = waiting("b:1", source_uri="gs://logs/b.log", replayed_at=f"{DAY} 12:00:00+00")
    warehouse.insert("rejected_lines", [other])
    # The object is read again by a parser that still rejects the line.
    warehouse.stage(
        {
            "rows": [],
            "rejected": [waiting("a:1")],
            "ledger": [{"run_id": "run-2", "lines": 1, "rejected": 1}],
            "ledger_days": [],
        }
    )
    warehouse.run(warehouse.sql("backfilled_requests/land.sql"))
    assert ids(warehouse, "rejected_lines", "replayed_at IS NULL") == ["a:1"]
    assert ids(warehouse, "replayed_lines") == ["b:1", "m1"]
    assert ids(warehouse, "backfilled_requests") == []
    replay(warehouse, run_id="replay-2")
    assert ids(warehouse, "backfilled_requests") == ["a:1"]


def test_one_of_two_replays_at_once_is_aborted(warehouse, emulators):
    """Neither lands a line twice: the other one is run again, as its task would be."""
    warehouse.insert("rejected_lines", [waiting(f"a:{n}") for n in range(9)])
    parsed(warehouse, select(warehouse))
    sql = warehouse.sql("replay/land.sql", job_id="job-7")
    refused = []

    def until_done(_):
        with emulators.bigquery() as client:
            while True:
                try:
                    client.query(sql, job_retry=None).result(job_retry=None)
                except BadRequest as error:
                    refused.append(error.message)
                else:
                    return

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(until_done, range(8)))
    assert all("Transaction is aborted due to concurrent update" in message for message in refused)
    assert ids(warehouse, "backfilled_requests") == [f"a:{n}" for n in range(9)]
    assert len(ids(warehouse, "replayed_lines")) == 9


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
    warehouse.run(
        f"UPDATE {warehouse.dataset}.rejected_backfilled SET raw_line = {of_a_mebibyte} WHERE event_id = 'a:4'"
    )
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
