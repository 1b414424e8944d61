from types import SimpleNamespace

import pytest
from airflow.sdk import DAG, Asset
from airflow.sdk.exceptions import AirflowFailException

from logline.backfill import tasks
from logline.backfill.tasks import LandUnitOperator
from logline.settings import Settings
from logline.warehouse import checks, ledger
from logline.warehouse.checks import Gate
from logline.warehouse.queries import Query

SETTINGS = Settings.from_environment({"GOOGLE_CLOUD_PROJECT": "logline-local", "LOGLINE_BUCKET": "logs"})
CHECK = {"check_name": "rows staged", "level": "fail", "expected": 2, "actual": 1, "message": "rows"}


# What there is to copy, whether that succeeds, and what the task asks for between the gate and the report.
COPIES = {
    "copied": (2, True, ["to_copy", "begin_copy", "2 rows_x to t", "land"]),
    "not copied": (2, False, ["to_copy", "begin_copy", "2 rows_x to t", "give_up_copy", "land"]),
    "landed before": (0, True, ["to_copy", "land"]),
}


def answering(monkeypatch, *, passed=True, rows=2, is_copied=True):
    """Answer what a task asks for, and return it in its order."""
    asked = []

    def fetch_rows(_, query):
        asked.append(query.sql)
        if query.sql.endswith("{% include 'sql/g/checks.sql' %}"):
            return [CHECK | {"passed": passed}]
        return [{"to_copy": rows}] if query.sql == "to_copy" else []

    def copy_once(_, staged, into, *, rows, labels):
        asked.append(f"{rows} {staged} to {into}")
        return is_copied

    for module in (tasks, checks, ledger):
        monkeypatch.setattr(module, "fetch_rows", fetch_rows)
    monkeypatch.setattr(tasks, "copy_once", copy_once)
    return asked


def land():
    asset = Asset("logline://landed")
    queries = {name: Query(name, day="all") for name in ("to_copy", "begin_copy", "give_up_copy")}
    with DAG("d", schedule=None):
        task = LandUnitOperator(
            task_id="land",
            settings=SETTINGS,
            gate=Gate.of("g", day="2015-05-17"),
            **queries,
            landing=Query("land", day="all"),
            staged="rows_x",
            into="t",
            day="all",
            query=Query("report", day="all"),
            asset=asset,
        )
    ti = SimpleNamespace(dag_id="d", task_id="land", run_id="r", map_index=0, try_number=1, xcom_push=lambda **_: None)
    task.execute({"ti": ti, "outlet_events": {asset: SimpleNamespace(extra={}, add_partitions=lambda _: None)}})


@pytest.mark.parametrize(("rows", "is_copied", "expected"), COPIES.values(), ids=COPIES)
def test_rows_are_copied_before_they_land(monkeypatch, rows, is_copied, expected):
    asked = answering(monkeypatch, rows=rows, is_copied=is_copied)
    land()
    assert asked[asked.index("to_copy") :] == [*expected, "report"]


def test_a_unit_whose_check_fails_does_not_land(monkeypatch):
    asked = answering(monkeypatch, passed=False)
    with pytest.raises(AirflowFailException, match=r"^2015-05-17: 1 of 1 check failed: rows staged: expected 2"):
        land()
    assert not {"to_copy", "begin_copy", "land"} & set(asked)
