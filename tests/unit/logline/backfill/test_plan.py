from logline.backfill.plan import KnownObject, deleted_objects, distinct, objects_table
from logline.backfill.sources import DaySource
from logline.backfill.tasks import unreadable_line
from logline.backfill.units import SourceObject, plan_units

SOURCES = [DaySource(f"2015-05-{day}", f"gs://logs/2015-05-{day}/*") for day in (17, 18)]
A = SourceObject("2015-05-17", "gs://logs/2015-05-17/a", 1, 10)


def test_an_object_that_two_days_match_is_read_once():
    again = SourceObject("2015-05-18", A.uri, A.generation, A.size)
    assert distinct([[A], [again]]) == [A]


def test_the_table_has_what_is_read_of_each_day_and_by_which_units():
    b = SourceObject("2015-05-17", "gs://logs/2015-05-17/b", 1, 1_000)
    gone = SourceObject("2015-05-18", "gs://logs/2015-05-18/c", 1, 0)
    plans = plan_units([A, b], [gone], unit_bytes=100, bucket="lake", run_id="r")
    assert objects_table(SOURCES, plans).splitlines()[2:] == [
        "2015-05-17  gs://logs/2015-05-17/*        2  1,010  1-2",
        "2015-05-18  gs://logs/2015-05-18/*        0      0  -",
        "total                                     2  1,010  2 units",
    ]


def test_deleted_are_landed_objects_of_the_source_that_are_not_in_the_bucket():
    known = {
        A.uri: KnownObject(1, 1),
        "gs://logs/2015-05-18/gone": KnownObject(5, 4),
        "gs://logs/2015-05-18/never-landed": KnownObject(5, None),
        "gs://logs/2015-05-19/another-day": KnownObject(5, 5),
    }
    found = {"2015-05-17": [A], "2015-05-18": []}
    assert deleted_objects(SOURCES, found, known) == [SourceObject("2015-05-18", "gs://logs/2015-05-18/gone", 4, 0)]


def test_unreadable_objects_are_named_in_one_line():
    rows = [{"source_uri": f"gs://b/{number}", "error_message": "ends too early"} for number in range(5)]
    assert unreadable_line(rows[:1], 1) == "1 of 1 object could not be read: gs://b/0: ends too early"
    assert unreadable_line(rows, 7) == (
        "5 of 7 objects could not be read; the others have landed: gs://b/0: ends too early; gs://b/1: ends too early; "
        "gs://b/2: ends too early; and 2 more objects, see the ledger"
    )
