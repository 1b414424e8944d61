import asyncio
import json
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest
from airflow.sdk import BaseNotifier

from logline.alerts import (
    FAILED_BACKFILL,
    IMBALANCE,
    LATE_BACKFILL,
    SERVER_ERRORS,
    SILENT_HOST,
    SLOW_ANSWERS,
    STREAM,
    UNREAD_OBJECTS,
    UNUSUAL_REQUESTS,
    AlertNotifier,
    LogNotifier,
    missed_deadline,
    notifiers,
)
from logline.settings import Settings, SettingsError

ENVIRONMENT = {"GOOGLE_CLOUD_PROJECT": "logline-local", "LOGLINE_BUCKET": "logline-local"}
SMTP = "airflow.providers.smtp.notifications.smtp.SmtpNotifier"


def chosen(text):
    return notifiers(Settings.from_environment(ENVIRONMENT | {"LOGLINE_NOTIFIERS": text}))


def test_without_the_setting_the_log_is_told():
    (only,) = notifiers(Settings.from_environment(ENVIRONMENT))
    assert isinstance(only, LogNotifier)


def test_any_notifier_of_a_provider_with_its_arguments():
    _, smtp = chosen(json.dumps([{"notifier": SMTP, "to": "ops@example.com", "html_content": "{{ exception }}"}]))
    assert type(smtp).__name__ == "SmtpNotifier"
    assert (smtp.to, smtp.html_content) == ("ops@example.com", "{{ exception }}")


@pytest.mark.parametrize(
    "text",
    [
        "ops@example.com",
        '{"notifier": "x.Y"}',
        '["x.Y"]',
        '[{"to": "ops@example.com"}]',
        '[{"notifier": "no_such_module.Notifier"}]',
        '[{"notifier": "Notifier"}]',
        '[{"notifier": "json.JSONDecoder"}]',
        f'[{{"notifier": "{SMTP}"}}]',
        f'[{{"notifier": "{SMTP}s", "to": "ops@example.com"}}]',
    ],
)
def test_a_wrong_setting_is_refused_in_one_line(text):
    with pytest.raises(SettingsError) as error:
        chosen(text)
    assert str(error.value).startswith("LOGLINE_NOTIFIERS")
    assert len(str(error.value).splitlines()) == 1


class Heard(BaseNotifier):
    """Keeps what it is told."""

    template_fields = ("text",)
    lines: ClassVar[list[str]] = []

    def __init__(self, text, fails=False):
        super().__init__()
        self.text = text
        self.fails = fails

    def notify(self, context):
        if self.fails:
            raise OSError("nobody listens")
        self.lines.append(self.text)


@pytest.fixture
def heard(monkeypatch):
    entries = [
        {"notifier": f"{__name__}.Heard", "text": "lost", "fails": True},
        {"notifier": f"{__name__}.Heard", "text": "{{ alert }}"},
    ]
    for name, value in (ENVIRONMENT | {"LOGLINE_NOTIFIERS": json.dumps(entries)}).items():
        monkeypatch.setenv(name, value)
    Heard.lines.clear()
    return Heard.lines


def test_an_alert_is_one_line_with_its_runbook_for_everybody(heard, caplog):
    ti = SimpleNamespace(
        dag_id="log_backfill", task_id="unit.land", run_id="r1", rendered_map_index="2015-05-17", log_url="http://l"
    )
    with caplog.at_level(logging.ERROR, logger="logline.alerts"):
        alert = AlertNotifier(Settings.from_environment(), FAILED_BACKFILL)
        alert({"ti": ti, "exception": ValueError("BigQuery refused\nlong story")})
    line = (
        "log_backfill.unit.land [2015-05-17] of r1: BigQuery refused: see docs/operations.md#failed-backfill, "
        "log: http://l"
    )
    assert heard == [line]
    assert f"ALERT {line}" in caplog.messages


def test_the_line_in_the_log_is_in_no_group_that_the_ui_folds(heard, caplog):
    ti = SimpleNamespace(dag_id="log_backfill", task_id="plan", run_id="r1", log_url="http://l")
    with caplog.at_level(logging.INFO, logger="logline.alerts"):
        AlertNotifier(Settings.from_environment(), FAILED_BACKFILL)({"ti": ti, "exception": ValueError("it is gone")})
    (alert,) = [number for number, line in enumerate(caplog.messages) if line.startswith("ALERT")]
    assert caplog.messages[alert - 1] == "::endgroup::"


def test_an_alert_that_names_its_runbook_gets_no_second_one(heard):
    ti = SimpleNamespace(dag_id="stream_supervisor", task_id="check", run_id="r1", log_url="http://l")
    AlertNotifier(Settings.from_environment(), STREAM)(
        {"ti": ti, "exception": ValueError("it is 400 s behind: see docs/operations.md#lag")}
    )
    assert heard == ["stream_supervisor.check of r1: it is 400 s behind: see docs/operations.md#lag, log: http://l"]


@pytest.mark.parametrize(("run_type", "told"), [("scheduled", 1), ("manual", 0), ("backfill", 0)])
def test_a_missed_deadline_is_told_of_runs_that_nobody_started(heard, run_type, told):
    run = {"dag_id": "log_backfill", "dag_run_id": "r1", "run_type": run_type, "state": "running"}
    context = {"dag_run": run, "deadline": {"id": "1", "deadline_time": "2026-11-22T06:15:00+00:00"}}
    asyncio.run(missed_deadline(context))
    line = "log_backfill of r1 has not ended by 2026-11-22 06:15 UTC, it is running"
    assert heard == [f"{line}: see docs/operations.md#late-backfill"] * told


def test_every_alert_has_its_runbook():
    text = (Path(__file__).parents[3] / "docs/operations.md").read_text(encoding="utf-8")
    headings = {line.removeprefix("## ").lower().replace(" ", "-") for line in text.splitlines() if line[:3] == "## "}
    assert headings >= {FAILED_BACKFILL, LATE_BACKFILL, IMBALANCE, UNREAD_OBJECTS, STREAM}
    assert headings >= {SERVER_ERRORS, SILENT_HOST, SLOW_ANSWERS, UNUSUAL_REQUESTS}
