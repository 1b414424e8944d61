"""What each query.sql selects, case by case, run as the DAGs run it: into its table, twice."""

import pytest
from google.api_core.exceptions import NotFound

from tests.sql.days import build
from tests.sql.warehouse import DAY, cases, plain, portion_of

pytestmark = pytest.mark.integration

ALL = [{"table": "requests", **case} for case in cases("requests")]
ALL += cases("daily_tables") + cases("findings")


@pytest.mark.parametrize("case", ALL, ids=lambda case: f"{case['table']}: {case['reason']}")
def test_the_day_is_rebuilt_as_expected(case, warehouse):
    table = case["table"]
    warehouse.load(case["given"], {})
    for _ in range(2):
        # Of the days beside it nothing has been built.
        sessions = ["daily_sessions"] if table in ("daily_channels", "daily_pages") else []
        build(warehouse, portion_of(DAY, unknown=["2015-05-16", "2015-05-18"]), *sessions, table)
        found = [{name: plain(value) for name, value in row.items()} for row in warehouse.rows(table)]
        # The day alone: a table under test may itself be among the given ones.
        found = [row for row in found if row["log_date"] == "2015-05-17"]
        expected = [{name: value for name, value in row.items() if name != "why"} for row in case["expect"]]
        columns = expected[0].keys() if expected else ["log_date"]
        picked = [{name: row[name] for name in columns} for row in found]
        assert sorted(picked, key=str) == sorted(expected, key=str)


def test_a_rebuild_leaves_other_days_alone(warehouse):
    warehouse.insert("daily_statuses", [{"log_date": "2015-05-16", "status": 200, "requests": 7, "bytes": 70}])
    warehouse.insert("daily_statuses", [{"log_date": "2015-05-17", "status": 200, "requests": 9, "bytes": 90}])
    build(warehouse, portion_of(DAY), "daily_statuses")
    assert [(plain(row["log_date"]), row["requests"]) for row in warehouse.rows("daily_statuses")] == [
        ("2015-05-16", 7)
    ]


def test_all_tables_are_rebuilt_or_none(own_warehouse):
    own_warehouse.insert("requests", [{"event_id": "1"}])
    own_warehouse.run(f"DROP TABLE {own_warehouse.dataset}.hourly_traffic")
    with pytest.raises(NotFound, match="hourly_traffic"):
        build(own_warehouse, portion_of(DAY), "daily_statuses", "hourly_traffic")
    assert own_warehouse.rows("daily_statuses") == []
