from types import SimpleNamespace

import pytest
from airflow.sdk import BaseNotifier

from logline import anomalies
from logline.anomalies import MOST_ALERTS, RUNBOOKS, TellAnomaliesOperator, alert_lines
from logline.settings import Settings
from logline.warehouse.queries import Query

SETTINGS = Settings.from_environment({"GOOGLE_CLOUD_PROJECT": "logline-local", "LOGLINE_BUCKET": "logline-local"})
ROW = {"day": "2026-10-30", "host": "a.example", "measure": "silence", "sentence": "host a.example had no request"}


@pytest.fixture
def asked(monkeypatch):
    """What BigQuery was asked, and what it answers to the first query."""
    found = SimpleNamespace(queries=[], rows=[])

    def fetch_rows(settings, query):
        found.queries.append(query)
        return found.rows if len(found.queries) == 1 else []

    monkeypatch.setattr(anomalies, "fetch_rows", fetch_rows)
    return found


def tell(monkeypatch, told):
    class Told(BaseNotifier):
        def notify(self, context):
            told.append(context["alert"])

    monkeypatch.setattr(anomalies, "notifiers", lambda settings: [Told()])
    untold, noted = (Query(name, "2026-10-31") for name in ("untold", "told"))
    return TellAnomaliesOperator(task_id="tell", settings=SETTINGS, untold=untold, told=noted).execute({})


def test_each_is_told_with_its_runbook_and_noted_down(monkeypatch, asked):
    asked.rows, told = [ROW], []
    assert tell(monkeypatch, told) == 1
    assert told == ["2026-10-30: host a.example had no request: see docs/operations.md#silent-host"]
    assert asked.queries[1].parameters == [
        ("told", "STRING", '[{"day": "2026-10-30", "host": "a.example", "measure": "silence", '
        '"sentence": "host a.example had no request"}]'),
    ]  # fmt: skip


def test_nothing_is_told_and_nothing_noted_down(monkeypatch, asked):
    told = []
    assert tell(monkeypatch, told) == 0
    assert (told, len(asked.queries)) == ([], 1)


def test_where_everything_is_unusual_few_lines_are_told():
    lines = alert_lines([ROW] * (MOST_ALERTS + 7), SETTINGS)
    assert len(lines) == MOST_ALERTS + 1
    assert lines[-1].startswith("7 more alerts of hosts and measures: the table anomalies has them: see ")


@pytest.mark.parametrize("measure", RUNBOOKS)
def test_every_measure_has_a_runbook(measure):
    (line,) = alert_lines([ROW | {"measure": measure}], SETTINGS)
    assert f"#{RUNBOOKS[measure]}" in line
