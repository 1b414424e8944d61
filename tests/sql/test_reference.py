"""Google's reference implementation of GoogleSQL computes what the local BigQuery does, statement by statement.

The tests that are imported are those of other modules, run here with a warehouse that compares.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from google.cloud.bigquery import ScalarQueryParameter

from beam_jobs.generate_logs import command as generate_logs
from local_stack.running import RunningStack
from logline.erasure.plan import Subjects
from tests.sql import test_erasure, test_land, test_replay, test_stream_supervision
from tests.sql.conftest import EVALUATED
from tests.sql.days import backfilled, build, changed_days, rebuild
from tests.sql.reference.comparison import differences
from tests.sql.reference.evaluator import Database
from tests.sql.reference.warehouse import DifferentResultError, Evaluated, ReferenceWarehouse
from tests.sql.test_anomalies import test_each_is_told_once, test_what_is_unusual_is_found_and_nothing_else  # noqa: F401
from tests.sql.test_changed_days import (  # noqa: F401
    test_lines_that_come_too_late_are_noted_down_once_and_left,
    test_the_batches_of_the_stream_become_ledger_rows_by_job_and_hour,
    today,
)
from tests.sql.test_checks import ALL as CHECKS
from tests.sql.test_checks import CHECKED, run_checks, test_what_a_gate_found_is_kept  # noqa: F401
from tests.sql.test_detections import test_bigquery_finds_the_examples, test_thresholds  # noqa: F401
from tests.sql.test_erasure import (  # noqa: F401
    test_a_user_is_found_by_name_and_those_forwarded_by_address,
)
from tests.sql.test_land import (  # noqa: F401
    land,
    test_an_object_that_is_gone_takes_its_rows_along,
    test_the_report_names_every_day_the_object_ever_had,
)
from tests.sql.test_objectives import test_a_day_by_host, test_what_is_left_of_the_budget  # noqa: F401
from tests.sql.test_replay import (  # noqa: F401
    test_a_message_that_was_delivered_again_is_landed_once,
    test_the_ledger_has_an_entry_that_balances_and_the_days_of_the_rows,
    test_which_lines_are_selected_and_how_they_are_read,
)
from tests.sql.test_stream_supervision import test_a_decision_is_recorded_once  # noqa: F401
from tests.sql.warehouse import DAILY_TABLES, DAY, FINDINGS, Warehouse, cases, portion_of

pytestmark = pytest.mark.integration

run = Warehouse.run
SUMMARIES = (*DAILY_TABLES, *FINDINGS, "hourly_sequences")


@pytest.fixture(scope="module")
def evaluated() -> Evaluated:
    return EVALUATED


@pytest.fixture(scope="module")
def comparing(emulators: RunningStack, evaluated: Evaluated) -> Iterator[ReferenceWarehouse]:
    client = emulators.bigquery()
    yield ReferenceWarehouse(client, evaluated)
    client.close()


@pytest.fixture
def warehouse(comparing: ReferenceWarehouse) -> Iterator[ReferenceWarehouse]:
    yield comparing
    comparing.clear()


def given(*names: str, of: tuple[str, ...] = ()) -> dict[str, list[dict[str, Any]]]:
    """Return what all cases of these files have given, as one: the more rows meet, the better."""
    together: dict[str, list[dict[str, Any]]] = {}
    for name in names:
        for case in cases(name):
            for table, rows in case["given"].items():
                if not of or table in of:
                    together.setdefault(table, []).extend(rows)
    return together


def test_summaries_of_all_cases_at_once(warehouse: ReferenceWarehouse) -> None:
    warehouse.load(given("daily_tables", "findings", "hourly_sequences"), {})
    build(warehouse, portion_of(DAY, unknown=["2015-05-16", "2015-05-18"]), *SUMMARIES)
    warehouse.compare_views()


def test_requests_of_all_cases_at_once(warehouse: ReferenceWarehouse) -> None:
    warehouse.load(given("requests"), {})
    rebuild(warehouse, DAY, "requests")
    changed_days(warehouse)
    build(warehouse, portion_of(DAY, built_at="2015-05-18 00:00:00+00"), "requests")
    for template in ("landing/streamed_days", "hourly_sequences/numbered_days", "request_builds/summarised"):
        warehouse.run(warehouse.sql(f"{template}.sql"))
    warehouse.run(warehouse.sql("request_builds/neighbours.sql"))
    warehouse.compare_views()


def test_the_health_of_a_stream(warehouse: ReferenceWarehouse) -> None:
    for minutes in (60, 30, 1):
        decided, heartbeat = test_stream_supervision.beat(minutes, seconds=5)
        warehouse.insert("stream_heartbeats", [heartbeat])
        test_stream_supervision.record(warehouse, decided)
    assert test_stream_supervision.checks(warehouse, decided, 30)


def test_what_is_asked_of_little(warehouse: ReferenceWarehouse) -> None:
    """Statements that no other test here runs."""
    warehouse.insert("rejected_lines", [test_replay.waiting("a:1"), test_replay.waiting("m1", source="stream")])
    warehouse.insert("ledger", [{"reading": 7}, {"source_uri": "gs://logs/b.log", "error_type": "unreadable"}])
    warehouse.insert("unread_objects", [{"object": "gs://logs/c.log"}])
    test_land.stage(warehouse, rows=[("f:1", DAY)], reading=7)
    warehouse.run(warehouse.sql("copied_readings/begin.sql"))
    warehouse.run(warehouse.sql("copied_readings/give_up.sql"))
    warehouse.run(warehouse.sql("replay/candidates.sql"), test_replay.parameters())
    warehouse.run(warehouse.sql("replay/drop_staging.sql"))
    for template in ("unread_objects/seen", "ledger/objects", "ledger/unreadable", "erasures/erased"):
        bound = {"prefix": "gs://logs/", "run_id": "run-1"}
        parameters = [ScalarQueryParameter(name, "STRING", value) for name, value in bound.items()]
        warehouse.run(warehouse.sql(f"{template}.sql"), parameters)
    warehouse.run(warehouse.sql("backfilled_requests/drop_staging.sql"))


def test_an_erasure(warehouse: ReferenceWarehouse) -> None:
    test_erasure.load(warehouse, [test_erasure.PERSON, test_erasure.OTHER, test_erasure.LONGER])
    subjects = Subjects((test_erasure.PERSON,), ())
    test_erasure.erase(warehouse, subjects)
    for name in ("checks", "report"):
        assert test_erasure.ask(warehouse, name, subjects)
    test_erasure.dropped(warehouse)


def test_a_day_without_a_request(warehouse: ReferenceWarehouse) -> None:
    build(warehouse, portion_of(DAY), "requests", *SUMMARIES)
    warehouse.compare_views()


@pytest.mark.parametrize("table", CHECKED)
def test_checks(table: str, warehouse: ReferenceWarehouse) -> None:
    for case in [case for case in CHECKS if case["table"] == table][: 1 if table == "daily_summary" else 3]:
        assert run_checks(case, warehouse)
        warehouse.clear()


def test_a_generated_site(warehouse: ReferenceWarehouse, tmp_path: Path) -> None:
    """Hosts, durations, visits and crawlers of a day, and what a build of the next one changes in it."""
    options = ["--site", "--days=2", "--lines_per_day=150", "--format=nginx_amplify", "--bad_share=0.02"]
    assert generate_logs.main(["--start_date=2026-11-03", f"--output={tmp_path}/logs", *options]) == 0
    log = tmp_path / "access.log"
    log.write_bytes(b"".join(path.read_bytes() for path in sorted(tmp_path.glob("logs/2*/*"))))
    assert len(backfilled(log, tmp_path / "out", warehouse)) == 2
    warehouse.compare_views()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 AS a, 'x' AS b, 0.1 + 0.2 AS c",
        "SELECT * FROM UNNEST([1, 2]) AS a, UNNEST(['x']) AS b, UNNEST([2.5]) AS c",
    ],
)
def test_equal_rows_do_not_differ(sql: str) -> None:
    table = Database({}).query(sql)
    assert differences(table.names, table.rows, list(reversed(table.rows))) == []


def test_each_difference_is_said() -> None:
    rows = [(1, "x", 0.3), (1, "x", 0.3)]
    assert differences("abc", rows, [(1, "x", 0.3), (1, "x", 0.1 + 0.2)]) == []
    assert differences("abc", rows, rows[:1]) == [
        "2 rows by the reference, 1 by the local BigQuery",
        "missing: {'a': 1, 'b': 'x', 'c': 0.3}",
    ]
    for other in ((1, "y", 0.3), (1, "x", 0.300001), (1.0, "x", 0.3), (1, None, 0.3)):
        (said,) = differences("abc", rows[:1], [other])
        assert said.count(" by the reference, ") == 1


def test_a_statement_that_says_something_else_is_found(warehouse: ReferenceWarehouse) -> None:
    """The local BigQuery is given another statement than the reference."""
    warehouse.insert("requests", [{"event_id": "1"}, {"event_id": "2", "status": 404}])
    warehouse.run(warehouse.sql("daily/request_groups.sql"))
    spoilt = ("kind = 4", "kind = 4 AND status < 400")
    with (
        patch.object(Warehouse, "run", lambda self, sql, parameters=(): run(self, sql.replace(*spoilt), parameters)),
        pytest.raises(DifferentResultError) as raised,
    ):
        warehouse.run(warehouse.sql("daily/rebuild.sql", daily_tables=["daily_statuses"]))
    assert str(raised.value).splitlines()[:2] == [
        "daily/rebuild.sql: the reference computes something else",
        "daily_statuses: 2 rows by the reference, 1 by the local BigQuery",
    ]


def is_evaluated_elsewhere(file: str) -> bool:
    """Return whether a template makes no rows, or is of the migration that test_move_rejected_lines.py runs."""
    makes_no_rows = (
        r".*/(?:schema|column_definitions)\.sql|dags/sql/(?:create|drop)_\w+\.sql|dags/sql/daily/of_visits\.sql"
    )
    return bool(re.fullmatch(makes_no_rows, file)) or "/table_of_0_1_0/" in file


def test_every_template_of_dags_sql_is_evaluated(evaluated: Evaluated, request: pytest.FixtureRequest) -> None:
    """Every file takes part in a statement that was evaluated, and none was refused; the numbers may only grow."""
    selected = {item.function.__name__ for item in request.session.items if item.module is request.module}
    if {
        name for name, value in vars(request.module).items() if name.startswith("test_") and callable(value)
    } - selected:
        pytest.skip("some tests of this module were not run")
    assert evaluated.refused == {}
    assert [file for file in sorted(evaluated.other_files()) if not is_evaluated_elsewhere(file)] == []
    assert evaluated.types == set()
    assert len(evaluated.statements) >= 147
