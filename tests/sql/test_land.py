"""A backfill replaces what its own source objects landed: once, twice, at once, never by older content."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from google.api_core.exceptions import GoogleAPICallError
from google.cloud.bigquery import ScalarQueryParameter

from tests.sql.warehouse import STAGED, SUFFIX

pytestmark = pytest.mark.integration

LAND = "backfilled_requests/land.sql"
LANDED = ("backfilled_requests", "rejected_backfilled", "ledger", "ledger_days")


def stage(warehouse, *, run_id="run-1", uri="gs://logs/a.log", generation=1, rows=(), rejected=(), **ledger):
    """Stage one source object: rows and rejected lines as (event_id, day), and what else its ledger says."""
    counts = {"lines": len(rows) + len(rejected), "rows": len(rows), "rejected": len(rejected), **ledger}
    days = sorted({day for _, day in rows})
    warehouse.stage(
        {
            "rows": [
                {"event_id": event_id, "log_date": day, "timestamp": f"{day} 10:00:00+00", "source_uri": uri}
                for event_id, day in rows
            ],
            "rejected": [{"event_id": event_id, "source_uri": uri} for event_id, _ in rejected],
            "ledger": [{"run_id": run_id, "source_uri": uri, "generation": generation, **counts}],
            "ledger_days": [
                {"run_id": run_id, "source_uri": uri, "generation": generation, "log_date": day}
                | {"rows": sum(of == day for _, of in rows)}
                for day in days
            ],
        }
    )


def landed(warehouse, table="backfilled_requests"):
    return sorted(row["event_id"] for row in warehouse.rows(table))


def test_landing_again_gives_the_same_tables(warehouse):
    stage(warehouse, rows=[("f:1", "2015-05-17"), ("f:2", "2015-05-18")], rejected=[("f:3", "2015-05-17")])
    land = warehouse.sql(LAND)
    warehouse.run(land)
    once = {table: warehouse.rows(table) for table in LANDED}
    assert [len(rows) for rows in once.values()] == [2, 1, 1, 2]
    warehouse.run(land)
    assert {table: warehouse.rows(table) for table in LANDED} == once


def test_the_next_generation_replaces_the_one_before(warehouse):
    stage(warehouse, rows=[("g1:1", "2015-05-17"), ("g1:2", "2015-05-16")], rejected=[("g1:3", "2015-05-17")])
    warehouse.run(warehouse.sql(LAND))
    stage(warehouse, run_id="run-2", generation=2, rows=[("g2:1", "2015-05-17")])
    warehouse.run(warehouse.sql(LAND))
    assert landed(warehouse) == ["g2:1"], "the row of a day the object no longer has is gone too"
    assert landed(warehouse, "rejected_lines") == []
    assert sorted(row["run_id"] for row in warehouse.rows("ledger")) == ["run-1", "run-2"], "the ledger remembers"


def test_other_source_objects_and_the_stream_stay(warehouse):
    warehouse.insert("backfilled_requests", [{"event_id": "b:1", "source_uri": "gs://logs/b.log"}])
    warehouse.insert("streamed_requests", [{"event_id": "m1"}])
    warehouse.insert("rejected_lines", [{"event_id": "m2", "source": "stream"}, {"event_id": "b:2", "source_uri": "b"}])
    stage(warehouse, rows=[("a:1", "2015-05-17")])
    warehouse.run(warehouse.sql(LAND))
    assert landed(warehouse) == ["a:1", "b:1"]
    assert landed(warehouse, "streamed_requests") == ["m1"]
    assert landed(warehouse, "rejected_lines") == ["b:2", "m2"]


def test_an_emptied_object_takes_its_rows_along(warehouse):
    stage(warehouse, rows=[("a:1", "2015-05-17")])
    warehouse.run(warehouse.sql(LAND))
    stage(warehouse, run_id="run-2", generation=2)
    warehouse.run(warehouse.sql(LAND))
    assert landed(warehouse) == []


def test_no_source_object_at_all_changes_nothing(warehouse):
    warehouse.insert("backfilled_requests", [{"event_id": "b:1"}])
    warehouse.stage({name: [] for name in STAGED})
    warehouse.run(warehouse.sql(LAND))
    assert landed(warehouse) == ["b:1"]


def test_a_landing_that_fails_half_way_changes_nothing(warehouse):
    warehouse.insert("backfilled_requests", [{"event_id": "a:0"}])
    warehouse.insert("ledger_days", [{"run_id": "run-0", "rows": 1}])
    stage(warehouse, rows=[("a:1", "2015-05-17")])
    warehouse.run(f"DROP TABLE {warehouse.staging}.rejected_{SUFFIX}")
    with pytest.raises(GoogleAPICallError, match="rejected_"):
        warehouse.run(warehouse.sql(LAND))
    assert landed(warehouse) == ["a:0"]


def test_landings_at_once_give_the_same_tables(warehouse):
    """Real BigQuery cancels one of two; each retries, as its task would."""
    stage(warehouse, rows=[(f"f:{number}", "2015-05-17") for number in range(5)])
    land = warehouse.sql(LAND)

    def until_done(_):
        for _ in range(100):
            try:
                return warehouse.run(land)
            except GoogleAPICallError as error:
                refused = error
        raise refused

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(until_done, range(8)))
    assert landed(warehouse) == [f"f:{number}" for number in range(5)]
    assert [len(warehouse.rows(table)) for table in ("ledger", "ledger_days")] == [1, 1]


def test_an_older_generation_lands_nothing(warehouse):
    """The check before refuses it; this is for a transaction that another one has overtaken."""
    stage(warehouse, run_id="run-2", generation=2, rows=[("g2:1", "2015-05-17")], rejected=[("g2:2", "2015-05-17")])
    warehouse.run(warehouse.sql(LAND))
    stage(
        warehouse, rows=[("g1:1", "2015-05-16")], rejected=[("g1:2", "2015-05-16")], finished="2015-05-19 00:00:00+00"
    )
    warehouse.run(warehouse.sql(LAND))
    assert (landed(warehouse), landed(warehouse, "rejected_lines")) == (["g2:1"], ["g2:2"])


def test_what_a_later_job_has_read_of_the_same_content_stays(warehouse):
    """The task of an older run is cleared: its job has read the same object, by an older parser."""
    stage(warehouse, run_id="run-2", rows=[("g1:1", "2015-05-17")], finished="2015-05-20 00:00:00+00")
    warehouse.run(warehouse.sql(LAND))
    stage(warehouse, rejected=[("g1:1", "2015-05-17")])
    warehouse.run(warehouse.sql(LAND))
    assert (landed(warehouse), landed(warehouse, "rejected_lines")) == (["g1:1"], [])
    assert sorted(row["run_id"] for row in warehouse.rows("ledger")) == ["run-1", "run-2"], "the ledger has both"


@pytest.mark.parametrize("run_id", ["run-1", "run-2"], ids=["the same run", "another run"])
def test_of_an_unreadable_object_the_rows_of_before_stay(warehouse, run_id):
    stage(warehouse, rows=[("g1:1", "2015-05-17")], rejected=[("g1:2", "2015-05-17")])
    warehouse.run(warehouse.sql(LAND))
    before = {table: warehouse.rows(table) for table in LANDED if table != "ledger"}
    for _ in range(2):
        stage(warehouse, run_id=run_id, generation=2, error_type="truncated_gzip", error_message="ends too early")
        warehouse.run(warehouse.sql(LAND))
        assert {table: warehouse.rows(table) for table in before} == before
        entries = [(row["generation"], row["error_type"]) for row in warehouse.rows("ledger", order="generation")]
        assert entries == [(1, None), (2, "truncated_gzip")]
        (day,) = warehouse.run(f"SELECT rows_difference, rejected_difference FROM {warehouse.dataset}.reconciliation")
        assert set(day.values()) == {0}
    (row,) = warehouse.run(warehouse.sql("ledger/unreadable.sql"))
    assert (row["source_uri"], row["error_message"]) == ("gs://logs/a.log", "ends too early")
    assert warehouse.run(warehouse.sql("ledger/report.sql")) == []
    assert known(warehouse) == {"gs://logs/a.log": (2, 1)}
    stage(warehouse, run_id=run_id, generation=2, rows=[("g2:1", "2015-05-18")])
    warehouse.run(warehouse.sql(LAND))
    assert landed(warehouse) == ["g2:1"]
    assert [row["error_type"] for row in warehouse.rows("ledger", order="generation")][-1] is None


def test_an_object_that_is_gone_takes_its_rows_along(warehouse):
    for number in (1, 2):
        stage(warehouse, uri=f"gs://logs/{number}.log", rows=[(f"{number}:1", "2015-05-17")])
        warehouse.run(warehouse.sql(LAND))
    parameters = {"run_id": "run-2", "objects": json.dumps([{"uri": "gs://logs/1.log", "generation": 1}])}
    bound = [ScalarQueryParameter(name, "STRING", value) for name, value in parameters.items()]
    warehouse.run(warehouse.sql("backfilled_requests/stage_nothing.sql"))
    warehouse.run(warehouse.sql("backfilled_requests/stage_removed.sql"), bound)
    warehouse.run(warehouse.sql(LAND))
    assert landed(warehouse) == ["2:1"]
    assert known(warehouse) == {"gs://logs/1.log": (1, None), "gs://logs/2.log": (1, 1)}
    (row,) = warehouse.run(warehouse.sql("ledger/report.sql"))
    assert (row["source_uri"], row["days"]) == ("gs://logs/1.log", ["2015-05-17"])
    stage(warehouse, uri="gs://logs/1.log", rows=[("1:1", "2015-05-17")])
    warehouse.run(warehouse.sql(LAND))
    assert landed(warehouse) == ["2:1"], "a cleared task of the run before does not bring them back"


def test_what_cloud_storage_did_not_give_is_not_known(warehouse):
    stage(warehouse, rows=[("g1:1", "2015-05-17")])
    warehouse.run(warehouse.sql(LAND))
    for generation, error_type in ((2, "truncated_gzip"), (3, "unreadable")):
        of_run = {"run_id": f"run-{generation}", "generation": generation, "error_type": error_type}
        stage(warehouse, **of_run, error_message="why")
        warehouse.run(warehouse.sql(LAND))
    stage(warehouse, uri="gs://logs/b.log", error_type="missing_bucket", error_message="why")
    warehouse.run(warehouse.sql(LAND))
    assert known(warehouse) == {"gs://logs/a.log": (2, 1), "gs://logs/b.log": (None, None)}


def known(warehouse):
    """What a plan would know: by object, the newest generation that was tried, and the landed one."""
    bound = [ScalarQueryParameter("prefix", "STRING", "gs://logs/")]
    rows = warehouse.run(warehouse.sql("ledger/objects.sql"), bound)
    return {row["source_uri"]: (row["known"], row["landed"]) for row in rows}


def test_the_report_names_every_day_the_object_ever_had(warehouse):
    stage(warehouse, rows=[("g1:1", "2015-05-16"), ("g1:2", "2015-05-17")])
    warehouse.run(warehouse.sql(LAND))
    stage(warehouse, run_id="run-2", generation=2, rows=[("g2:1", "2015-05-17")])
    warehouse.run(warehouse.sql(LAND))
    (row,) = warehouse.run(warehouse.sql("ledger/report.sql"))
    assert (row["source_uri"], row["lines"], row["rows"], row["rejected"]) == ("gs://logs/a.log", 1, 1, 0)
    assert sorted(row["days"]) == ["2015-05-16", "2015-05-17"]


def test_the_staging_tables_can_be_dropped_twice(warehouse):
    stage(warehouse, rows=[("a:1", "2015-05-17")])
    for _ in range(2):
        warehouse.run(warehouse.sql("backfilled_requests/drop_staging.sql"))
    with pytest.raises(GoogleAPICallError, match="rows_"):
        warehouse.run(f"SELECT * FROM {warehouse.staging}.rows_{SUFFIX}")
