from datetime import date

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logline.summaries.portions import (
    MOST_DAYS,
    MOST_ROWS,
    NO_DAY,
    ChangedDay,
    Portion,
    around,
    condition,
    portions,
    weekdays_before,
)


def changed(
    day: str, rows: int = 1, *, built_at: str | None = None, since: str = "2015-05-16 00:00:00+00"
) -> ChangedDay:
    return ChangedDay(day, "files were read", rows, is_replayed=False, since=since, built_at=built_at)


def test_days_are_put_together_up_to_what_a_statement_takes():
    days = [changed(day) for day in around(["2015-05-17"], MOST_DAYS)]
    assert [len(portion.days) for portion in portions(days)] == [MOST_DAYS, MOST_DAYS, 1]
    assert [name for portion in portions(days) for name in portion.names] == around(["2015-05-17"], MOST_DAYS)
    large = [
        changed("2015-05-17", MOST_ROWS + 1),
        changed("2015-05-18", MOST_ROWS // 2),
        changed("2015-05-19", MOST_ROWS // 2),
    ]
    assert [portion.names for portion in portions(large)] == [["2015-05-17"], ["2015-05-18", "2015-05-19"]]
    assert list(portions([])) == []


def test_days_that_are_only_added_to_are_apart():
    added = "2015-05-18 01:00:00+00"
    days = [changed("2015-05-17"), changed("2015-05-18", built_at=added), changed("2015-05-19")]
    rebuilt, late = portions(days)
    assert (rebuilt.names, late.names) == (["2015-05-17", "2015-05-19"], ["2015-05-18"])
    assert rebuilt.values()["added_since"] is None
    assert late.values()["added_since"] == added


def test_what_the_templates_get():
    portion = Portion(
        (changed("2015-05-31"), changed("2015-06-01", since="2015-05-10 00:00:00+00")), streamed=("2015-06-01",)
    )
    values = portion.values()
    assert values["days"] == "log_date IN (DATE '2015-05-31', DATE '2015-06-01')"
    assert values["streamed_days"] == "log_date IN (DATE '2015-06-01')"
    assert values["replayed_days"] == NO_DAY
    assert values["around_days"] == "log_date IN (DATE '2015-05-30', DATE '2015-06-02')"
    assert values["affected_days"] == [
        f"DATE '{day}'" for day in ("2015-05-30", "2015-05-31", "2015-06-01", "2015-06-02")
    ]
    assert values["since"] == "TIMESTAMP '2015-05-10 00:00:00+00'"
    assert values["unknown_days"] is None
    assert portion.label == "2015-05-31_2015-06-01"
    left = portion.without({"2015-06-01"})
    assert (left.names, left.label) == (["2015-05-31"], "2015-05-31")
    assert left.values()["streamed_days"] == NO_DAY, "a day that was left out is not looked at"


def test_of_unknown_days_only_those_beside_are_made_anew():
    values = Portion((changed("2015-05-31"),), unknown=("2015-05-29", "2015-05-30")).values()
    assert values["counted_days"] == "log_date BETWEEN DATE '2015-05-29' AND DATE '2015-05-31'"
    assert values["unknown_days"] == "log_date IN (DATE '2015-05-30')"


def test_days_that_follow_one_another_are_bounds_and_others_a_list():
    of_a_week = around(["2015-05-17"], 3)
    assert condition(of_a_week) == "log_date BETWEEN DATE '2015-05-14' AND DATE '2015-05-20'"
    assert condition([*of_a_week, "2016-02-29", "2015-06-01"]) == (
        "(log_date IN (DATE '2015-06-01', DATE '2016-02-29') OR "
        "log_date BETWEEN DATE '2015-05-14' AND DATE '2015-05-20')"
    )
    assert condition([]) == NO_DAY


@given(st.sets(st.dates(date(2023, 12, 1), date(2024, 3, 31))))
def test_a_condition_holds_for_its_days_alone(chosen):
    days = "SELECT CAST(unnest(range(DATE '2023-11-25', DATE '2024-04-05', INTERVAL 1 DAY)) AS DATE) AS log_date"
    wanted = condition([day.isoformat() for day in chosen])
    found = duckdb.sql(f"SELECT log_date FROM ({days}) WHERE {wanted}").fetchall()
    assert {day for (day,) in found} == chosen


def test_days_are_compared_with_the_weekdays_before_them():
    assert weekdays_before(["2015-05-17"])[:2] == ["2015-03-22", "2015-03-29"]
    assert len(weekdays_before(around(["2015-05-17"], 3))) == 7 * 9


@pytest.mark.parametrize("reach", [1, 2])
def test_days_around_others_are_there_once(reach):
    found = around(["2015-05-17", "2015-05-18"], reach)
    assert len(found) == len(set(found)) == 2 + 2 * reach
    assert found == sorted(found)
