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


@pytest.mark.parametrize("passed", [True, False])
def test_a_unit_lands_when_every_check_has_passed_and_only_then(monkeypatch, passed):
    asked = []

    def fetch_rows(_, query):
        asked.append(query.sql)
        return [CHECK | {"passed": passed}] if query.sql.endswith("{% include 'sql/g/checks.sql' %}") else []

    for module in (tasks, checks, ledger):
        monkeypatch.setattr(module, "fetch_rows", fetch_rows)
    asset = Asset("logline://landed")
    with DAG("d", schedule=None):
        land = LandUnitOperator(
            task_id="land",
            settings=SETTINGS,
            gate=Gate.of("g", day="2015-05-17"),
            landing=Query("land", day="all"),
            query=Query("report", day="all"),
            asset=asset,
        )
    ti = SimpleNamespace(dag_id="d", task_id="land", run_id="r", map_index=0, try_number=1, xcom_push=lambda **_: None)
    context = {"ti": ti, "outlet_events": {asset: SimpleNamespace(extra={}, add_partitions=lambda _: None)}}
    if passed:
        land.execute(context)
        assert asked[-2:] == ["land", "report"]
    else:
        with pytest.raises(AirflowFailException, match=r"^2015-05-17: 1 of 1 check failed: rows staged: expected 2"):
            land.execute(context)
        assert "land" not in asked
