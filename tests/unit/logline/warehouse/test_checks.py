from logline.warehouse.checks import days_at_fault, failed_checks


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
