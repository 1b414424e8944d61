import json
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest
from airflow.sdk import DAG, Param
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from logline.backfill import plan as planning
from logline.backfill.plan import KnownObject, PlanBackfillOperator, deleted_objects, distinct, objects_table
from logline.backfill.sources import DaySource
from logline.backfill.tasks import unreadable_line
from logline.backfill.units import SourceObject, plan_units
from logline.params import ParamError
from logline.settings import Settings
from logline.warehouse.queries import Query

SETTINGS = Settings.from_environment({"GOOGLE_CLOUD_PROJECT": "logline-local", "LOGLINE_BUCKET": "logs"})

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


DEFAULTS = {
    "start_date": "2024-01-01",
    "end_date": "2024-01-02",
    "source": "gs://logs/{date}/*",
    "log_format": "auto",
    "dry_run": False,
    "wait_for_files": False,
    "new_only": False,
    "remove_deleted": False,
}


class Runs:
    """Runs of the DAG by their logical dates, and their states."""

    def __init__(self, states):
        self.states = dict(states)

    def count(self, dag_id, logical_dates, states):
        assert len(logical_dates) * 45 < 4096, "an address has no room for so many"
        return sum(self.states.get(at) in states for at in logical_dates)


class Bucket:
    """What a plan finds and leaves: objects by day, ledger entries, the lists of its units."""

    def __init__(self):
        self.days = {}
        self.known = []
        self.lists = {}
        self.remarks = []

    def put(self, day, *names, generation=1):
        self.days.setdefault(day, []).extend(
            SourceObject(day, f"gs://logs/{day}/{name}", generation, 10) for name in names
        )

    def plan(self, *, run_type="manual", started=timedelta(), resumed=None, logical_date=None, runs=(), **params):
        with DAG("d", schedule=None, params={name: Param(value) for name, value in DEFAULTS.items()}):
            task = PlanBackfillOperator(task_id="plan", settings=SETTINGS, ledger=Query("", day="all"))
        now = datetime.now(UTC)
        run = SimpleNamespace(
            conf=params,
            run_type=run_type,
            logical_date=logical_date,
            run_after=now,
            start_date=now - started,
            run_id="r",
        )
        ti = SimpleNamespace(xcom_push=lambda key, value: self.remarks.append(value), get_dr_count=Runs(runs).count)
        context = {"params": DEFAULTS | params, "dag_run": run, "dag": task.dag, "run_id": "r", "ti": ti}
        return task.resume_execution(*resumed, context) if resumed else task.execute(context)


@pytest.fixture
def bucket(monkeypatch):
    made = Bucket()
    monkeypatch.setattr(planning, "check_services", lambda *_: None)
    monkeypatch.setattr(
        planning, "list_sources", lambda sources: {one.label: made.days.get(one.label, []) for one in sources}
    )
    monkeypatch.setattr(planning, "fetch_rows", lambda *_: made.known)
    monkeypatch.setattr(planning, "write_list", lambda plan: made.lists.update({plan.unit.list_uri: plan.text()}))
    return made


def test_a_year_of_files_is_planned_as_one_unit(bucket):
    days = [f"{date(2024, 1, 1) + timedelta(days=number)}" for number in range(366)]
    for day in days:
        bucket.put(day, *(f"{number}.gz" for number in range(20)))
    (unit,) = bucket.plan(end_date="2024-12-31")
    assert unit["objects"] == 7320
    assert len(json.dumps(unit)) < 500
    (text,) = bucket.lists.values()
    assert len(text.splitlines()) == 7320


def test_a_run_by_hand_does_not_wait_for_a_day_without_files(bucket):
    bucket.put("2024-01-01", "a")
    with pytest.raises(ParamError, match=r"no object matches gs://logs/2024-01-02/\* \(none for 1 of 2 days\)"):
        bucket.plan()
    assert bucket.lists == {}


@pytest.mark.parametrize("asked", [{"run_type": "scheduled"}, {"wait_for_files": True}])
def test_a_run_that_waits_frees_its_worker_until_the_first_missing_day_has_a_file(bucket, asked):
    bucket.put("2024-01-01", "a")
    with pytest.raises(TaskDeferred) as deferred:
        bucket.plan(started=timedelta(hours=1), **asked)
    assert deferred.value.trigger.object_name == "2024-01-02/*"
    assert timedelta(hours=16.9) < deferred.value.timeout < timedelta(hours=17.1)
    bucket.put("2024-01-02", "b")
    (unit,) = bucket.plan(resumed=("execute_complete", {"event": {"status": "error", "message": "m"}}), **asked)
    assert (unit["label"], unit["objects"]) == ("2024-01-01-to-2024-01-02", 2)


def test_a_run_that_waited_in_vain_says_for_which_day(bucket):
    bucket.put("2024-01-02", "b")
    with pytest.raises(AirflowFailException) as error:
        bucket.plan(
            run_type="scheduled", started=timedelta(hours=18), resumed=("__fail__", {"error": "Trigger timeout"})
        )
    assert str(error.value) == (
        "no object matches gs://logs/2024-01-01/* after 18 h (none for 1 of 2 days): upload it, then clear this task"
    )


@pytest.mark.parametrize("asked", [{"new_only": True}, {"run_type": "scheduled"}, {"run_type": "backfill"}])
def test_only_files_that_no_run_has_read_with_their_content_are_new(bucket, asked):
    bucket.put("2024-01-01", "read", "unreadable", "never")
    bucket.put("2024-01-02", "replaced", generation=5)
    bucket.known = [
        {"source_uri": "gs://logs/2024-01-01/read", "known": 1, "landed": 1},
        {"source_uri": "gs://logs/2024-01-01/unreadable", "known": 1, "landed": None},
        {"source_uri": "gs://logs/2024-01-02/replaced", "known": 4, "landed": 4},
    ]
    bucket.plan(**asked)
    (text,) = bucket.lists.values()
    assert [json.loads(line)["uri"] for line in text.splitlines()] == [
        "gs://logs/2024-01-01/never",
        "gs://logs/2024-01-02/replaced",
    ]
    bucket.days = {day: objects[:2] for day, objects in bucket.days.items() if day == "2024-01-01"}
    assert bucket.plan(**asked, end_date="2024-01-01") == []


def backfill_of(bucket, first, states, **params):
    """The plan of the run of Airflow's own backfill that runs at 00:15 of a day; the others are in these states."""
    runs = {datetime(2024, 1, 2, 0, 15, tzinfo=UTC) + timedelta(days=day): state for day, state in states.items()}
    at = datetime(2024, 1, 2, 0, 15, tzinfo=UTC) + timedelta(days=first)
    asked = {"run_type": "backfill", "logical_date": at, "start_date": None, "end_date": None}
    return bucket.plan(**asked | params, runs=runs | {at: "running"})


def test_the_first_run_of_a_backfill_reads_the_days_of_the_others(bucket):
    year = range(366)
    for day in year:
        bucket.put(f"{date(2024, 1, 1) + timedelta(days=day)}", "a")
    states = {day: "running" if day < 10 else "queued" for day in year}
    (unit,) = backfill_of(bucket, 0, states)
    assert (unit["label"], unit["objects"]) == ("2024-01-01-to-2024-12-31", 366)
    assert bucket.remarks == ["Reads 366 files of 366 days, 365 of them for other runs of this backfill."]
    with pytest.raises(TaskDeferred) as deferred:
        backfill_of(bucket, 1, states)
    assert deferred.value.trigger.logical_date == "2024-01-02T00:15:00+00:00"
    with pytest.raises(TaskDeferred) as deferred:
        backfill_of(bucket, 9, states | {0: "failed", 1: "queued"})
    assert deferred.value.trigger.logical_date == "2024-01-04T00:15:00+00:00"


def test_the_others_find_their_files_read(bucket):
    bucket.put("2024-01-02", "a")
    bucket.known = [{"source_uri": "gs://logs/2024-01-02/a", "known": 1, "landed": 1}]
    assert backfill_of(bucket, 1, {0: "running"}) == [], "whatever another run does"
    assert bucket.remarks == ["Every file had been read before."]


def test_only_days_without_a_gap_are_read_together_whichever_run_starts_first(bucket):
    for day in range(1, 8):
        bucket.put(f"2024-01-0{day}", "a")
    # The last day first, as with --run-backwards; the run of the second day has ended, the last one is of another week.
    (unit,) = backfill_of(bucket, 5, {0: "queued", 1: "success", 2: "queued", 3: "queued", 4: "queued"})
    assert (unit["label"], unit["objects"]) == ("2024-01-03-to-2024-01-06", 4)


def test_a_day_of_a_backfill_without_files_holds_up_no_other(bucket):
    bucket.put("2024-01-02", "a")
    with pytest.raises(ParamError, match=r"no object matches gs://logs/2024-01-01/\*"):
        backfill_of(bucket, 0, {1: "running"})
    (unit,) = backfill_of(bucket, 1, {0: "failed", 2: "queued"})
    assert unit["objects"] == 1


@pytest.mark.parametrize("own", [{"start_date": "2024-01-01"}, {"source": "gs://logs/**"}, {"wait_for_files": True}])
def test_a_backfill_that_says_itself_what_to_read_reads_that(bucket, own):
    bucket.put("2024-01-01", "a")
    bucket.put("2024-01-02", "a")
    bucket.put("all", "a")
    (unit,) = backfill_of(bucket, 0, {1: "queued"}, **own)
    assert unit["objects"] == 1


def test_a_day_whose_files_have_all_been_deleted_is_not_missing(bucket):
    bucket.put("2024-01-01", "a")
    bucket.known = [{"source_uri": "gs://logs/2024-01-02/b", "known": 7, "landed": 7}]
    read, removed = bucket.plan(remove_deleted=True)
    assert (read["removes"], removed["removes"]) == (False, True)
    assert json.loads(list(bucket.lists.values())[1]) == {"uri": "gs://logs/2024-01-02/b", "generation": 7, "size": 0}
    assert bucket.plan(remove_deleted=True, dry_run=True) == []
