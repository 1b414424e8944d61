"""A backfill replaces what its own source objects landed: once, twice, at once, never by older content."""

import itertools
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from google.api_core.exceptions import GoogleAPICallError
from google.cloud.bigquery import ScalarQueryParameter

from tests.partitions import every_row
from tests.sql.warehouse import STAGED, SUFFIX

pytestmark = pytest.mark.integration

LAND = "backfilled_requests/land.sql"
LANDED = ("backfilled_requests", "rejected_backfilled", "ledger", "ledger_days")


READINGS = itertools.count(1)


@pytest.fixture(params=["copied", "inserted"])
def land(request, warehouse):
    """Lands what is staged: after a copy, as a rule, or without one, as where the copy has failed."""

    def land(*, copy=None):
        if request.param == "copied" if copy is None else copy:
            begin_copy(warehouse)
        warehouse.run(warehouse.sql(LAND))

    return land


def begin_copy(warehouse):
    """Do what `land` does before its transaction; the copy job is an INSERT here."""
    ((to_copy,),) = (row.values() for row in warehouse.run(warehouse.sql("copied_readings/to_copy.sql")))
    if not to_copy:
        return
    begun = {row["reading"] for row in warehouse.rows("copied_readings")}
    warehouse.run(warehouse.sql("copied_readings/begin.sql"))
    staged = warehouse.run(f"SELECT DISTINCT reading FROM {warehouse.staging}.rows_{SUFFIX}")
    if begun.isdisjoint(row["reading"] for row in staged):  # else the job of the first time is found
        warehouse.run(
            f"INSERT INTO {warehouse.dataset}.backfilled_requests SELECT * FROM {warehouse.staging}.rows_{SUFFIX}"
        )


def stage(warehouse, *, run_id="run-1", uri="gs://logs/a.log", generation=1, rows=(), rejected=(), **ledger):
    """Stage one source object: rows and rejected lines as (event_id, day), and what else its ledger says."""
    reading = ledger.setdefault("reading", next(READINGS))
    counts = {"lines": len(rows) + len(rejected), "rows": len(rows), "rejected": len(rejected), **ledger}
    days = sorted({day for _, day in rows})
    warehouse.stage(
        {
            "rows": [
                {"event_id": event_id, "log_date": day, "timestamp": f"{day} 10:00:00+00", "source_uri": uri}
                | {"source": "backfill", "reading": reading}
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
    is_landed = warehouse.sql("backfilled_requests/is_landed.sql") if table == "backfilled_requests" else "TRUE"
    rows = f"{warehouse.dataset}.{table} WHERE {every_row(table)} AND {is_landed}"
    return sorted(row["event_id"] for row in warehouse.run(f"SELECT event_id FROM {rows}"))


def there(warehouse):
    """All rows, whether they have landed or not."""
    return sorted(row["event_id"] for row in warehouse.rows("backfilled_requests"))


def test_landing_again_gives_the_same_tables(warehouse, land):
    stage(warehouse, rows=[("f:1", "2015-05-17"), ("f:2", "2015-05-18")], rejected=[("f:3", "2015-05-17")])
    land()
    once = {table: warehouse.rows(table) for table in LANDED}
    assert [len(rows) for rows in once.values()] == [2, 1, 1, 2]
    land()
    assert {table: warehouse.rows(table) for table in LANDED} == once


def test_the_next_generation_replaces_the_one_before(warehouse, land):
    stage(warehouse, rows=[("g1:1", "2015-05-17"), ("g1:2", "2015-05-16")], rejected=[("g1:3", "2015-05-17")])
    land()
    stage(warehouse, run_id="run-2", generation=2, rows=[("g2:1", "2015-05-17")])
    land()
    assert landed(warehouse) == ["g2:1"], "the row of a day the object no longer has is gone too"
    assert landed(warehouse, "rejected_lines") == []
    assert sorted(row["run_id"] for row in warehouse.rows("ledger")) == ["run-1", "run-2"], "the ledger remembers"


def test_other_source_objects_and_the_stream_stay(warehouse, land):
    warehouse.insert("backfilled_requests", [{"event_id": "b:1", "source_uri": "gs://logs/b.log"}])
    warehouse.insert("streamed_requests", [{"event_id": "m1"}])
    warehouse.insert("rejected_lines", [{"event_id": "m2", "source": "stream"}, {"event_id": "b:2", "source_uri": "b"}])
    stage(warehouse, rows=[("a:1", "2015-05-17")])
    land()
    assert landed(warehouse) == ["a:1", "b:1"]
    assert landed(warehouse, "streamed_requests") == ["m1"]
    assert landed(warehouse, "rejected_lines") == ["b:2", "m2"]


def test_an_emptied_object_takes_its_rows_along(warehouse, land):
    stage(warehouse, rows=[("a:1", "2015-05-17")])
    land()
    stage(warehouse, run_id="run-2", generation=2)
    land()
    assert landed(warehouse) == []


def test_no_source_object_at_all_changes_nothing(warehouse, land):
    warehouse.insert("backfilled_requests", [{"event_id": "b:1"}])
    warehouse.stage({name: [] for name in STAGED})
    land()
    assert landed(warehouse) == ["b:1"]


def test_a_landing_that_fails_half_way_changes_nothing(warehouse, land):
    warehouse.insert("backfilled_requests", [{"event_id": "a:0"}])
    warehouse.insert("ledger_days", [{"run_id": "run-0", "rows": 1}])
    stage(warehouse, rows=[("a:1", "2015-05-17")])
    warehouse.run(f"DROP TABLE {warehouse.staging}.rejected_{SUFFIX}")
    with pytest.raises(GoogleAPICallError, match="rejected_"):
        land()
    assert landed(warehouse) == ["a:0"]


def test_landings_at_once_give_the_same_tables(warehouse):
    """Real BigQuery cancels one of two; each retries, as its task would."""
    stage(warehouse, rows=[(f"f:{number}", "2015-05-17") for number in range(5)])
    begin_copy(warehouse)
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


def test_an_older_generation_lands_nothing(warehouse, land):
    """The check before refuses it; this is for a transaction that another one has overtaken."""
    stage(warehouse, run_id="run-2", generation=2, rows=[("g2:1", "2015-05-17")], rejected=[("g2:2", "2015-05-17")])
    land()
    stage(
        warehouse, rows=[("g1:1", "2015-05-16")], rejected=[("g1:2", "2015-05-16")], finished="2015-05-19 00:00:00+00"
    )
    land()
    assert (landed(warehouse), landed(warehouse, "rejected_lines")) == (["g2:1"], ["g2:2"])


def test_what_a_later_job_has_read_of_the_same_content_stays(warehouse, land):
    """The task of an older run is cleared: its job has read the same object, by an older parser."""
    stage(warehouse, run_id="run-2", rows=[("g1:1", "2015-05-17")], finished="2015-05-20 00:00:00+00")
    land()
    stage(warehouse, rejected=[("g1:1", "2015-05-17")])
    land()
    assert (landed(warehouse), landed(warehouse, "rejected_lines")) == (["g1:1"], [])
    assert sorted(row["run_id"] for row in warehouse.rows("ledger")) == ["run-1", "run-2"], "the ledger has both"


@pytest.mark.parametrize("run_id", ["run-1", "run-2"], ids=["the same run", "another run"])
def test_of_an_unreadable_object_the_rows_of_before_stay(warehouse, land, run_id):
    stage(warehouse, rows=[("g1:1", "2015-05-17")], rejected=[("g1:2", "2015-05-17")])
    land()
    before = {table: warehouse.rows(table) for table in LANDED if table != "ledger"}
    for _ in range(2):
        stage(warehouse, run_id=run_id, generation=2, error_type="truncated_gzip", error_message="ends too early")
        land()
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
    land()
    assert landed(warehouse) == ["g2:1"]
    assert [row["error_type"] for row in warehouse.rows("ledger", order="generation")][-1] is None


def test_an_object_that_is_gone_takes_its_rows_along(warehouse, land):
    for number in (1, 2):
        stage(warehouse, uri=f"gs://logs/{number}.log", rows=[(f"{number}:1", "2015-05-17")])
        land()
    parameters = {"run_id": "run-2", "objects": json.dumps([{"uri": "gs://logs/1.log", "generation": 1}])}
    bound = [ScalarQueryParameter(name, "STRING", value) for name, value in parameters.items()]
    warehouse.run(warehouse.sql("backfilled_requests/stage_nothing.sql"))
    warehouse.run(warehouse.sql("backfilled_requests/stage_removed.sql"), bound)
    land()
    assert landed(warehouse) == ["2:1"]
    assert known(warehouse) == {"gs://logs/1.log": (1, None), "gs://logs/2.log": (1, 1)}
    (row,) = warehouse.run(warehouse.sql("ledger/report.sql"))
    assert (row["source_uri"], row["days"]) == ("gs://logs/1.log", ["2015-05-17"])
    stage(warehouse, uri="gs://logs/1.log", rows=[("1:1", "2015-05-17")])
    land()
    assert landed(warehouse) == ["2:1"], "a cleared task of the run before does not bring them back"


def test_what_cloud_storage_did_not_give_is_not_known(warehouse, land):
    stage(warehouse, rows=[("g1:1", "2015-05-17")])
    land()
    for generation, error_type in ((2, "truncated_gzip"), (3, "unreadable")):
        of_run = {"run_id": f"run-{generation}", "generation": generation, "error_type": error_type}
        stage(warehouse, **of_run, error_message="why")
        land()
    stage(warehouse, uri="gs://logs/b.log", error_type="missing_bucket", error_message="why")
    land()
    assert known(warehouse) == {"gs://logs/a.log": (2, 1), "gs://logs/b.log": (None, None)}


def known(warehouse):
    """What a plan would know: by object, the newest generation that was tried, and the landed one."""
    bound = [ScalarQueryParameter("prefix", "STRING", "gs://logs/")]
    rows = warehouse.run(warehouse.sql("ledger/objects.sql"), bound)
    return {row["source_uri"]: (row["known"], row["landed"]) for row in rows}


def test_the_report_names_every_day_the_object_ever_had(warehouse, land):
    stage(warehouse, rows=[("g1:1", "2015-05-16"), ("g1:2", "2015-05-17")])
    land()
    stage(warehouse, run_id="run-2", generation=2, rows=[("g2:1", "2015-05-17")])
    land()
    (row,) = warehouse.run(warehouse.sql("ledger/report.sql"))
    assert (row["source_uri"], row["lines"], row["rows"], row["rejected"]) == ("gs://logs/a.log", 1, 1, 0)
    assert sorted(row["days"]) == ["2015-05-16", "2015-05-17"]


def test_the_staging_tables_can_be_dropped_twice(warehouse):
    stage(warehouse, rows=[("a:1", "2015-05-17")])
    for _ in range(2):
        warehouse.run(warehouse.sql("backfilled_requests/drop_staging.sql"))
    with pytest.raises(GoogleAPICallError, match="rows_"):
        warehouse.run(f"SELECT * FROM {warehouse.staging}.rows_{SUFFIX}")


def test_copied_rows_count_when_they_land(warehouse):
    stage(warehouse, rows=[("f:1", "2015-05-17")])
    begin_copy(warehouse)
    assert (there(warehouse), landed(warehouse)) == (["f:1"], [])
    warehouse.run(f"UPDATE {warehouse.dataset}.backfilled_requests SET path = '/copied' WHERE {every_row('requests')}")
    warehouse.run(warehouse.sql(LAND))
    ((path,),) = ([row["path"]] for row in warehouse.rows("backfilled_requests"))
    assert (landed(warehouse), path) == (["f:1"], "/copied"), "the very rows of the copy"
    assert warehouse.rows("copied_readings") == []


def test_a_copy_that_never_lands_is_taken_out_by_a_later_landing(warehouse, land):
    stage(warehouse, run_id="run-0", rows=[("a1:1", "2015-05-17"), ("a1:2", "2015-05-18")])
    begin_copy(warehouse)
    stage(warehouse, uri="gs://logs/b.log", rows=[("b:1", "2015-05-17")])
    land()
    assert there(warehouse) == ["a1:1", "a1:2", "b:1"], "it may still land"
    warehouse.run(f"UPDATE {warehouse.dataset}.copied_readings SET copied_until = CURRENT_TIMESTAMP() WHERE TRUE")
    stage(warehouse, uri="gs://logs/c.log", rows=[("c:1", "2015-05-19")])
    land()
    assert there(warehouse) == ["b:1", "c:1"]
    assert {row["removed_at"] is None for row in warehouse.rows("copied_readings")} == {False}


def test_a_landing_whose_copy_was_taken_out_inserts_its_rows(warehouse):
    first = {"rows": [("a:1", "2015-05-17")], "reading": next(READINGS)}
    stage(warehouse, **first)
    begin_copy(warehouse)
    warehouse.run(f"UPDATE {warehouse.dataset}.copied_readings SET copied_until = CURRENT_TIMESTAMP() WHERE TRUE")
    stage(warehouse, uri="gs://logs/b.log", rows=[("b:1", "2015-05-17")])
    warehouse.run(warehouse.sql(LAND))
    assert there(warehouse) == ["b:1"]
    stage(warehouse, **first)
    begin_copy(warehouse)
    warehouse.run(warehouse.sql(LAND))
    assert (there(warehouse), landed(warehouse)) == (["a:1", "b:1"], ["a:1", "b:1"])


@pytest.mark.parametrize("change", ["nothing was copied", "a row was taken out", "its time is over"])
def test_a_landing_that_may_not_count_on_its_copy_inserts_its_rows(warehouse, change):
    stage(warehouse, rows=[("f:1", "2015-05-17"), ("f:2", "2015-05-18")])
    if change == "nothing was copied":
        warehouse.run(warehouse.sql("copied_readings/begin.sql"))
    else:
        begin_copy(warehouse)
    if change == "a row was taken out":
        warehouse.run(f"DELETE FROM {warehouse.dataset}.backfilled_requests WHERE log_date = '2015-05-17'")
    if change == "its time is over":
        warehouse.run(f"UPDATE {warehouse.dataset}.copied_readings SET copied_until = '2015-05-18' WHERE TRUE")
    else:
        warehouse.run(warehouse.sql("copied_readings/give_up.sql"))
    warehouse.run(warehouse.sql(LAND))
    assert there(warehouse) == landed(warehouse) == ["f:1", "f:2"]


def test_what_has_landed_is_not_copied_again(warehouse, land):
    """A task that was paused goes on after another try has landed the same readings."""
    stage(warehouse, rows=[("f:1", "2015-05-17")])
    land()
    (row,) = warehouse.run(warehouse.sql("copied_readings/to_copy.sql"))
    assert row["to_copy"] == 0
    warehouse.run(warehouse.sql("copied_readings/begin.sql"))
    assert warehouse.rows("copied_readings") == []
    warehouse.insert("copied_readings", [{"reading": warehouse.rows("backfilled_requests")[0]["reading"]}])
    warehouse.run(warehouse.sql(LAND))
    assert there(warehouse) == landed(warehouse) == ["f:1"], "even if it had been begun"


def test_copied_rows_of_an_object_that_a_newer_generation_has_overtaken_never_count(warehouse):
    old = {"rows": [("g1:1", "2015-05-16")], "reading": next(READINGS)}
    stage(warehouse, **old)
    begin_copy(warehouse)
    stage(warehouse, run_id="run-2", generation=2, rows=[("g2:1", "2015-05-17")])
    begin_copy(warehouse)
    warehouse.run(warehouse.sql(LAND))
    assert (there(warehouse), landed(warehouse)) == (["g1:1", "g2:1"], ["g2:1"])
    stage(warehouse, **old)
    warehouse.run(warehouse.sql(LAND))
    assert there(warehouse) == landed(warehouse) == ["g2:1"]
    entries = {row["generation"]: row["reading"] for row in warehouse.rows("ledger")}
    assert (entries[1], entries[2] is None) == (None, False), "the ledger has both, and one that counts"


def test_rows_of_an_object_that_is_landing_by_another_run_stay(warehouse):
    """An older reading of the same content lands between copy and transaction of the newer one."""
    new = {"run_id": "run-2", "rows": [("f:1", "2015-05-17")], "reading": next(READINGS)}
    new["finished"] = "2015-05-20 00:00:00+00"
    stage(warehouse, **new)
    begin_copy(warehouse)
    for _ in range(2):  # the second one replaces the rows of the first
        stage(warehouse, rows=[("f:1", "2015-05-17")])
        begin_copy(warehouse)
        warehouse.run(warehouse.sql(LAND))
        assert landed(warehouse) == ["f:1"]
    stage(warehouse, **new)
    warehouse.run(warehouse.sql(LAND))
    assert there(warehouse) == landed(warehouse) == ["f:1"]


def test_what_an_earlier_job_of_the_run_has_staged_hides_nothing(warehouse, land):
    stage(warehouse, rows=[("f:1", "2015-05-17")], finished="2015-05-20 00:00:00+00")
    land()
    stage(warehouse, rows=[("f:1", "2015-05-17"), ("f:2", "2015-05-17")])
    for _ in range(2):
        land()
        assert there(warehouse) == landed(warehouse) == ["f:1"]
        assert len(warehouse.rows("ledger")) == 2


def test_rows_of_before_there_were_readings_count_until_they_are_replaced(warehouse, land):
    warehouse.insert("backfilled_requests", [{"event_id": "g1:1"}])
    warehouse.insert("ledger", [{"run_id": "run-0", "lines": 1, "rows": 1}])
    warehouse.insert("ledger_days", [{"run_id": "run-0", "rows": 1}])
    assert landed(warehouse) == ["g1:1"]
    stage(warehouse, generation=2, rows=[("g2:1", "2015-05-17")])
    land()
    assert there(warehouse) == landed(warehouse) == ["g2:1"]
