"""What the last task of a run complains about."""

from types import SimpleNamespace

import pytest
from airflow.sdk.exceptions import AirflowFailException

from logline.settings import Settings
from logline.stream.tasks import CheckStreamOperator
from logline.warehouse.checks import Gate, RunChecksOperator

SETTINGS = Settings.from_environment({"GOOGLE_CLOUD_PROJECT": "logline-local", "LOGLINE_BUCKET": "logline-local"})
BEHIND = "2026-11-22: 1 of 3 checks failed: behind"


@pytest.mark.parametrize(
    ("decision", "checks", "line"),
    [
        ({"runbook": None}, None, None),
        ({"runbook": "two-jobs", "reason": "2 jobs"}, None, "2 jobs: see docs/operations.md#two-jobs"),
        ({"runbook": None, "heartbeat_fault": "no topic"}, None, "no topic: see docs/operations.md#stale-rows"),
        ({"runbook": None, "heartbeat_fault": "no topic"}, BEHIND, BEHIND),
    ],
)
def test_one_line_says_what_is_wrong(decision, checks, line, monkeypatch: pytest.MonkeyPatch) -> None:
    def run_checks(self, context):
        if checks:
            raise AirflowFailException(checks)

    monkeypatch.setattr(RunChecksOperator, "execute", run_checks)
    task = CheckStreamOperator(task_id="check", settings=SETTINGS, gate=Gate.of("stream_supervision", day="2026-11-22"))
    context = {"ti": SimpleNamespace(xcom_pull=lambda task_ids, key: decision)}
    if line is None:
        task.execute(context)
    else:
        with pytest.raises(AirflowFailException) as failed:
            task.execute(context)
        assert str(failed.value) == line
