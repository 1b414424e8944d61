"""Every check passes on good data and fails on data made bad for it."""

import json

import pytest
from google.cloud.bigquery import ScalarQueryParameter
from jinja2 import UndefinedError

from tests.partitions import every_row
from tests.sql.days import build
from tests.sql.warehouse import DAGS, DAILY_TABLES, DAY, FINDINGS, Warehouse, cases, portion_of, render

pytestmark = pytest.mark.integration

# What an erasure has to prove is a matter of persons: test_erasure.py.
CHECKED = sorted({path.parent.name for path in DAGS.glob("sql/*/checks.sql")} - {"erasures"})
ALL = [{"table": table, **case} for table in CHECKED for case in cases(f"checks_{table}")]
DAILY_CASES = [case for case in ALL if case["table"] == "daily_summary"]
ALL += [
    DAILY_CASES[0] | {"reason": f"{table} is empty", "given": {**DAILY_CASES[0]["given"], table: []}, "fails": fails}
    for table in DAILY_TABLES
    if not any(name.endswith(f" in {table}") for case in DAILY_CASES for name in case["fails"])
    for fails in [[f"requests in {table}", f"bytes in {table}"]]
]


def run_checks(case, warehouse: Warehouse):
    parameters = {"max_rejected_percent": 10.0, "allow_empty": False} | case.get("parameters", {})
    for table in case.get("made_by_hand", []):
        # A copy has no column that must not be NULL.
        path = f"{warehouse.dataset}.{table}"
        warehouse.run(f"CREATE OR REPLACE TABLE {path} AS SELECT * FROM {path} WHERE {every_row(table)}")
    given = case.get("given", {})
    warehouse.load(given, case.get("staged", {}))
    if case["table"] == "daily_summary":
        build(warehouse, portion_of(DAY), *(table for table in (*DAILY_TABLES, *FINDINGS) if table not in given))
    if case["table"] == "requests":
        # What a build has noted down of the rows that are there.
        warehouse.run(warehouse.sql("requests/record_build.sql"))
    bound = []
    if case["table"] == "replay":
        bound = [ScalarQueryParameter("manifest", "STRING", json.dumps(case["manifest"]))]
    elif case["table"] == "backfilled_requests":
        bound = [
            ScalarQueryParameter("objects", "INT64", case["planned"]),
            ScalarQueryParameter("max_rejected_percent", "FLOAT64", parameters["max_rejected_percent"]),
            ScalarQueryParameter("allow_empty", "BOOL", parameters["allow_empty"]),
        ]
    results = warehouse.run(warehouse.sql(f"{case['table']}/checks.sql"), bound)
    for table in case.get("made_by_hand", []):
        warehouse.run(f"DROP TABLE {warehouse.dataset}.{table}; {warehouse.sql(f'{table}/schema.sql')}")
    return results


@pytest.mark.parametrize("case", ALL, ids=lambda case: f"{case['table']}: {case['reason']}")
def test_exactly_these_checks_fail(case, warehouse):
    checks = run_checks(case, warehouse)
    assert checks
    assert {check["level"] for check in checks} <= {"fail", "warn"}
    assert all(None not in check.values() for check in checks)
    not_passed = {level: [] for level in ("fail", "warn")}
    for check in checks:
        if not check["passed"]:
            not_passed[check["level"]].append(check["check_name"])
    assert sorted(not_passed["fail"]) == sorted(case["fails"])
    assert sorted(not_passed["warn"]) == sorted(case.get("warns", []))


@pytest.mark.parametrize("table", CHECKED)
def test_every_check_is_proven_to_fail(table, warehouse):
    good = next(case for case in ALL if case["table"] == table)
    names = {check["check_name"] for check in run_checks(good, warehouse)}
    proven = {name for case in ALL if case["table"] == table for name in case["fails"] + case.get("warns", [])}
    assert names == proven


def test_what_a_gate_found_is_kept(warehouse):
    task = {"dag_id": "d", "task_id": "t", "run_id": "r", "map_index": -1, "try_number": 2}
    results = run_checks({"table": "requests", "given": {}}, warehouse)
    values = {"task": json.dumps(task), "results": json.dumps(results), "gate": "requests", "day": "2015-05-17"}
    record = warehouse.sql("quality_checks/record.sql")
    warehouse.run(record, [ScalarQueryParameter(name, "STRING", value) for name, value in values.items()])
    # Of a gate whose checks name no day.
    named = [{name: value for name, value in result.items() if name != "day"} for result in results]
    values |= {"day": "all", "results": json.dumps(named)}
    warehouse.run(record, [ScalarQueryParameter(name, "STRING", value) for name, value in values.items()])
    kept = warehouse.rows("quality_checks", order="checked_at, check_name")
    assert [row["check_name"] for row in kept] == 2 * sorted(result["check_name"] for result in results)
    assert {name: {row[name] for row in kept} for name in task} == {name: {value} for name, value in task.items()}
    assert {str(row["log_date"]) for row in kept} == {"2015-05-17", "None"}
    for result in results:
        (row, _) = [row for row in kept if row["check_name"] == result["check_name"]]
        names = ("level", "passed", "expected", "actual", "message")
        assert [row[name] for name in names] == [result[name] for name in names]


def test_no_comment_holds_a_parameter():
    """Bqemulator 1.4.0 counts an @name in a comment as a parameter of the query."""
    for path in DAGS.rglob("*.sql"):
        comments = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip().startswith("--")]
        assert not [line for line in comments if "@" in line], path


def test_a_template_without_its_values_is_an_error():
    with pytest.raises(UndefinedError):
        render("daily/daily_paths/query.sql")
