from types import SimpleNamespace
from unittest.mock import patch

import pytest

from logline.warehouse import checks
from logline.warehouse.checks import Gate, days_at_fault, failed_checks


def check(name, expected, actual, message, *, level="fail"):
    counts = {"expected": expected, "actual": actual, "passed": expected == actual}
    return {"check_name": name, "level": level, "message": message, **counts}


def test_failed_checks_are_one_line_that_reads_the_same_for_one_and_for_many():
    checks = [
        check("rows staged", 1200, 1, "rows in staging against the manifest"),
        check("complete rows", 0, 3000, "rows without log_date or timestamp"),
        check("a day with requests", 1, 0, "requests", level="warn"),
        check("day of the line", 0, 0, "rows whose log_date is not the day of their timestamp"),
    ]
    assert failed_checks(checks) == (
        "2 of 4 checks failed: rows staged: expected 1,200, found 1 (rows in staging against the manifest); "
        "complete rows: expected 0, found 3,000 (rows without log_date or timestamp)"
    )
    assert failed_checks(checks[2:]) is None


def test_faults_of_days_are_told_apart():
    def check(day, *, passed, level="fail"):
        return {
            "day": day,
            "check_name": "c",
            "level": level,
            "passed": passed,
            "expected": 1,
            "actual": 2,
            "message": "m",
        }

    checks = [
        check("2015-05-17", passed=True),
        check("2015-05-18", passed=False),
        check("2015-05-18", passed=True),
        check("2015-05-19", passed=False, level="warn"),
    ]
    assert days_at_fault(checks) == {"2015-05-18": "2015-05-18: 1 of 2 checks failed: c: expected 1, found 2 (m)"}


@pytest.mark.parametrize(("passed", "fault"), [(True, None), (False, "2015-05-17: 1 of 1 check failed: c: ")])
def test_a_gate_says_nothing_where_all_has_passed(passed, fault):
    result = {"check_name": "c", "level": "fail", "passed": passed, "expected": 1, "actual": 2, "message": "m"}
    task = dict.fromkeys(("dag_id", "task_id", "run_id", "map_index", "try_number"), 1)
    with patch.object(checks, "fetch_rows", lambda *_: [result]):
        said = Gate.of("landing", day="2015-05-17").fault(None, {"ti": SimpleNamespace(**task)})
    assert said is None if fault is None else said.startswith(fault)
