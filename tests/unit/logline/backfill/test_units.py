import json
import re
from dataclasses import asdict
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from logline.backfill.units import MAX_OBJECTS, MAX_REMOVED, SourceObject, plan_units, unit_of
from logline.warehouse.load import MAX_FILES

DAYS = [f"{date(2015, 1, 1) + timedelta(days=number)}" for number in range(366)]


def objects(count, *, size=1000, label="2015-05-17"):
    return [SourceObject(label, f"gs://logs/{label}/{number}.gz", 7, size) for number in range(count)]


def planned(read, removed=(), *, unit_bytes=10**12, run_id="manual__1"):
    return plan_units(read, removed, unit_bytes=unit_bytes, bucket="lake", run_id=run_id)


def test_a_year_of_small_files_is_one_unit():
    (plan,) = planned([one for day in DAYS for one in objects(20, label=day)])
    assert (plan.unit.label, plan.unit.objects, plan.unit.size) == ("2015-01-01-to-2016-01-01", 7320, 7_320_000)
    assert len(json.dumps(asdict(plan.unit))) < 500, "an XCom holds no list"


def test_units_hold_so_many_objects_and_bytes_in_the_order_of_the_days():
    plans = planned(objects(2 * MAX_OBJECTS + 1))
    assert [plan.unit.objects for plan in plans] == [MAX_OBJECTS, MAX_OBJECTS, 1]
    assert [plan.unit.label for plan in plans] == [f"2015-05-17-{number}-of-3" for number in (1, 2, 3)]
    plans = planned(objects(4, size=40) + objects(1, size=1000, label="2015-05-18"), unit_bytes=100)
    assert [plan.unit.size for plan in plans] == [80, 80, 1000], "a larger object is a unit by itself"
    assert [one.uri for plan in plans for one in plan.objects] == [
        *(f"gs://logs/2015-05-17/{number}.gz" for number in range(4)),
        "gs://logs/2015-05-18/0.gz",
    ]


def test_a_unit_has_no_more_objects_than_a_load_job_has_files():
    assert MAX_OBJECTS <= MAX_FILES


def test_objects_that_are_gone_are_units_of_their_own():
    plans = planned(objects(1), objects(MAX_REMOVED + 1, label="2015-05-18"))
    assert [(plan.unit.removes, plan.unit.objects) for plan in plans] == [(False, 1), (True, MAX_REMOVED), (True, 1)]
    assert planned([]) == []


def test_a_list_names_each_object_with_its_content():
    (plan,) = planned([SourceObject("all", 'gs://logs/an "odd" näme.gz', 12, 5)])
    assert [json.loads(line) for line in plan.text().splitlines()] == [
        {"uri": 'gs://logs/an "odd" näme.gz', "generation": 12, "size": 5}
    ]
    assert unit_of(json.loads(json.dumps([asdict(plan.unit)])), 0) == plan.unit
    assert plan.unit.list_uri == f"{plan.unit.output}/objects.jsonl"


def test_the_name_of_a_job_of_many_units_is_not_too_long():
    read = [one for label in DAYS for one in objects(3, label=label)]
    assert max(len(plan.unit.job_name) for plan in planned(read, unit_bytes=1)) <= 63


@given(st.text(max_size=250), st.dates(min_value=date(1000, 1, 1)), st.sampled_from([1, 2, 30]))
def test_names_are_valid_and_belong_to_one_run_and_one_list(run_id, day, units):
    read = [one for label in (f"{day}", "9999-12-31") for one in objects(units, label=label)]
    plan = planned(read, unit_bytes=1, run_id=run_id)[-1]
    assert plan == planned(read, unit_bytes=1, run_id=run_id)[-1]
    replaced = [*read[:-1], SourceObject(read[-1].label, read[-1].uri, 8, read[-1].size)]
    for other in (
        planned(read, unit_bytes=1, run_id=run_id + "x")[-1],
        planned(replaced, unit_bytes=1, run_id=run_id)[-1],
    ):
        assert {plan.unit.output, plan.unit.job_name, plan.unit.suffix}.isdisjoint(
            {other.unit.output, other.unit.job_name, other.unit.suffix}
        )
    # https://cloud.google.com/dataflow/docs/guides/setting-pipeline-options: the form of a job name.
    assert re.fullmatch(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", plan.unit.job_name)
    assert re.fullmatch(r"[a-zA-Z0-9_]+", plan.unit.suffix)
    assert re.fullmatch(r"[a-z0-9_-]{1,63}", plan.unit.label), "a label of a job"
    assert not re.search(r"[=*?\[\]\s]", plan.unit.output)
