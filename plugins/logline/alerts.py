"""Who is told when a task fails: Airflow's notifiers, chosen by one setting.

`LOGLINE_NOTIFIERS` is a JSON list. Each entry names the class of a notifier, of any provider, and its arguments:

    [{"notifier": "airflow.providers.smtp.notifications.smtp.SmtpNotifier", "to": "ops@example.com",
      "subject": "logline: {{ ti.task_id }}", "html_content": "{{ exception }}"}]

The line a task failed with is `{{ exception }}`. Without the setting it is in the task's log only.
"""

from __future__ import annotations

import json
import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseNotifier

from logline.settings import Settings, SettingsError

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)


class LogNotifier(BaseNotifier):
    """Writes the alert to the task's log."""

    def notify(self, context: Context) -> None:
        """Log one line."""
        ti = context["ti"]
        log.error("ALERT %s.%s of %s: %s", ti.dag_id, ti.task_id, ti.run_id, context.get("exception"))


def notifiers(settings: Settings) -> list[BaseNotifier]:
    """The notifiers of the setting `LOGLINE_NOTIFIERS`, and the log.

    Raises:
        SettingsError: one line that says what is wrong with the setting.
    """
    try:
        entries = json.loads(settings.notifiers)
    except ValueError as error:
        raise SettingsError(f"LOGLINE_NOTIFIERS must be a JSON list: {error}") from None
    if not isinstance(entries, list):
        raise SettingsError(f"LOGLINE_NOTIFIERS must be a JSON list, it is {settings.notifiers!r}")
    return [LogNotifier(), *(_notifier(entry) for entry in entries)]


def _notifier(entry: Any) -> BaseNotifier:
    if not isinstance(entry, dict) or not isinstance(entry.get("notifier"), str):
        raise SettingsError(f'LOGLINE_NOTIFIERS must hold objects with "notifier", a dotted class name: {entry!r}')
    path = entry["notifier"]
    module, _, name = path.rpartition(".")
    try:
        notifier = getattr(import_module(module), name)(**{key: entry[key] for key in entry if key != "notifier"})
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise SettingsError(f"LOGLINE_NOTIFIERS: {path} cannot be made: {error}") from None
    if not isinstance(notifier, BaseNotifier):
        raise SettingsError(f"LOGLINE_NOTIFIERS: {path} is no notifier of Airflow")
    return notifier
