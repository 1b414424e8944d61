import json
import logging
from types import SimpleNamespace

import pytest

from logline.alerts import LogNotifier, notifiers
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


def test_the_log_gets_the_line_a_task_failed_with(caplog):
    ti = SimpleNamespace(dag_id="stream_supervisor", task_id="check", run_id="r1")
    with caplog.at_level(logging.ERROR, logger="logline.alerts"):
        LogNotifier()({"ti": ti, "exception": ValueError("it is 400 s behind")})
    assert caplog.messages == ["ALERT stream_supervisor.check of r1: it is 400 s behind"]
