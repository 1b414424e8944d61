"""What a run of daily_summary asks BigQuery for: days that do not pass a gate are left out, all others are done."""

import re
from dataclasses import asdict
from datetime import UTC, datetime
from types import SimpleNamespace
from unittest.mock import patch

import duckdb
import pytest

DAYS = ("2015-05-17", "2015-05-18", "2015-05-19")
# Of what each transaction replaces days, by a table that stands in it.
REPLACED = {"daily_paths": "daily", "hourly_sequences": "sequences", "daily_errors": "findings"}
CONDITION = r"(log_date (?:IN \([^)]*\)|BETWEEN DATE '[-0-9]+' AND DATE '[-0-9]+'))"
GATES = {"something to rebuild from": "landing", "one line for each message": "requests", "bytes in ": "daily_summary"}


class BigQuery:
    """Answers the queries of a run, and keeps what they were about."""

    def __init__(self, changed, failing):
        self.changed = changed
        # By gate, the days that do not pass it.
        self.failing = failing
        self.asked = []

    def __call__(self, settings, query):
        # What is not rendered would be a fault of the operator.
        assert not re.search(r"\{[{%#]", query.sql)
        gate = next((name for words, name in GATES.items() if words in query.sql), None)
        if "AS is_half_done" in query.sql:
            return [asdict(day) for day in self.changed]
        if gate is None:
            if "BEGIN TRANSACTION" in query.sql:
                days = days_changed(query.sql)
                step = next((step for table, step in REPLACED.items() if f".{table}" in query.sql), "requests")
                self.asked.append((step, days))
            elif "'summarised'" in query.sql and query.sql.lstrip().startswith("--") and "INSERT" in query.sql:
                self.asked.append(("summarised", listed(query.sql)))
            return []
        self.asked.append((gate, listed(query.sql)))
        return [
            {"day": day, "check_name": "c", "level": "fail", "passed": day not in self.failing.get(gate, ())}
            | {"expected": 1, "actual": 2, "message": "m"}
            for day in listed(query.sql)
        ]


def days_changed(sql):
    return days_of(re.search(rf"DELETE FROM \S+ WHERE {CONDITION}", sql)[1])


def listed(sql):
    """The days that a statement is about, not those beside them."""
    if found := re.search(r"UNNEST\(\[([^]]*)\]\)", sql):
        return days_of(f"log_date IN ({found[1]})")
    return days_of(re.search(rf"WHERE {CONDITION}", sql)[1])


def days_of(condition):
    """Those of DAYS that meet a condition."""
    days = f"SELECT CAST(unnest({list(DAYS)}) AS DATE) AS log_date"
    found = duckdb.sql(f"SELECT log_date FROM ({days}) WHERE {condition} ORDER BY log_date").fetchall()
    return [str(day) for (day,) in found]


@pytest.fixture
def run(dags):
    """Runs the task with the days that were chosen, those that still are, and the days that fail a gate."""
    from airflow.sdk.exceptions import AirflowException

    from logline.summaries.portions import ChangedDay

    task = dags["daily_summary"].get_task("build_days")

    def build(chosen=DAYS, left=DAYS, failing=None, try_number=1):
        days = [ChangedDay(day, "files were read", 1, False, f"{day} 00:00:00+00", None) for day in DAYS]
        names = ("dag_id", "task_id", "run_id", "map_index")
        ti = SimpleNamespace(**dict.fromkeys(names, "x"), try_number=try_number, xcom_pull=None)
        ti.xcom_pull = lambda task_ids: [asdict(day) for day in days if day.day in chosen]
        context = {
            "ti": ti,
            "dag": task.dag,
            "task": task,
            "dag_run": SimpleNamespace(
                start_date=datetime(2015, 5, 20, tzinfo=UTC), run_after=datetime(2015, 5, 20, tzinfo=UTC)
            ),
            "params": {},
            "run_id": "run",
        }
        bigquery = BigQuery([day for day in days if day.day in left], failing or {})
        modules = ("build_days", "choose_days")
        patches = [patch(f"logline.summaries.{name}.fetch_rows", bigquery) for name in modules]
        with patches[0], patches[1], patch("logline.warehouse.checks.fetch_rows", bigquery):
            try:
                task.execute(context)
                return bigquery.asked, None
            except AirflowException as error:
                return bigquery.asked, str(error)

    return build


def test_all_days_are_built_by_the_same_statements(run):
    asked, fault = run()
    days = list(DAYS)
    steps = ("landing", "requests", "requests", "daily", "sequences", "findings", "daily_summary", "summarised")
    assert (asked, fault) == ([(step, days) for step in steps], None)


@pytest.mark.parametrize(
    ("gate", "built", "summarised"), [("landing", 2, 2), ("requests", 3, 2), ("daily_summary", 3, 2)]
)
def test_a_day_that_does_not_pass_holds_up_no_other(run, gate, built, summarised):
    asked, fault = run(failing={gate: ["2015-05-18"]})
    assert fault == "2015-05-18: 1 of 1 check failed: c: expected 1, found 2 (m)"
    requests = next(days for step, days in asked if step == "requests")
    assert len(requests) == built
    assert dict(asked)["summarised"] == ["2015-05-17", "2015-05-19"]


def test_where_no_day_passes_nothing_is_replaced(run):
    asked, fault = run(failing={"landing": DAYS})
    assert [step for step, _ in asked] == ["landing"]
    assert fault.count("; 2015") == 2


def test_a_retry_builds_what_is_left(run):
    asked, fault = run(chosen=DAYS[:2], left=DAYS[1:], try_number=2)
    assert fault is None
    assert {tuple(days) for _, days in asked} == {("2015-05-18",)}, "neither what is done nor what nobody chose"


def test_the_log_says_how_many_days_are_left_and_for_how_long(run, monkeypatch):
    from logline.summaries import build_days, portions

    said = []
    log = SimpleNamespace(info=lambda text, *values: said.append(text % values))
    monkeypatch.setattr(build_days.BuildDaysOperator, "log", log)
    monkeypatch.setattr(build_days, "portions", lambda days: [portions.Portion(days=(day,)) for day in days])
    run()
    assert [re.sub(r"\d+ s", "N s", line) for line in said if " after " in line] == [
        "1 of 3 days after N s, about N s left",
        "2 of 3 days after N s, about N s left",
    ]
