"""Alerts to people: Airflow's notifiers, chosen by one setting.

`LOGLINE_NOTIFIERS` is a JSON list. Each entry names the class of a notifier, of any provider, and its arguments:

    [{"notifier": "airflow.providers.smtp.notifications.smtp.SmtpNotifier", "to": "ops@example.com",
      "subject": "logline", "html_content": "{{ alert }}"}]

`{{ alert }}` is one line: what failed and why, where its runbook and its log are. Without the setting the line is in
the task's log only.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseNotifier

from logline.failures import reason_of, task_label
from logline.settings import Settings, SettingsError

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)

# Headings of docs/operations.md; those of the stream are in `logline.stream.decide`.
FAILED_BACKFILL = "failed-backfill"
LATE_BACKFILL = "late-backfill"
IMBALANCE = "imbalance"
UNREAD_OBJECTS = "unread-objects"
UNUSUAL_REQUESTS = "unusual-requests"
SERVER_ERRORS = "server-errors"
SLOW_ANSWERS = "slow-answers"
SILENT_HOST = "silent-host"
STREAM = "lines-without-a-heading"


class LogNotifier(BaseNotifier):
    """Write the alert to the log."""

    def notify(self, context: Context) -> None:
        """Log one line."""
        # The UI folds the group that Airflow opens before it calls back.
        log.info("::endgroup::")
        log.error("ALERT %s", context.get("alert"))


class AlertNotifier(BaseNotifier):
    """Tell the log, and every notifier of `LOGLINE_NOTIFIERS`, that a task has failed.

    Args:
        runbook: heading of the runbook, for a failure that does not name one itself.

    Raises:
        SettingsError: one line that says what is wrong with the setting.
    """

    def __init__(self, settings: Settings, runbook: str) -> None:
        super().__init__()
        self.settings = settings
        self.runbook = runbook
        self.told = notifiers(settings)

    def notify(self, context: Context) -> None:
        """Tell every notifier, even when one of them fails."""
        ti = context["ti"]
        task = task_label(f"{ti.dag_id}.{ti.task_id}", getattr(ti, "rendered_map_index", None))
        line = f"{task} of {ti.run_id}: {reason_of(context.get('exception'))}"
        line = f"{with_runbook(line, self.settings, self.runbook)}, log: {ti.log_url}"
        tell(self.told, line, dict(context))


def with_runbook(line: str, settings: Settings, runbook: str) -> str:
    """Return the line with the address of its runbook, unless it names one already."""
    return line if f"{settings.runbooks}#" in line else f"{line}: see {settings.runbook_url(runbook)}"


def tell(told: Sequence[BaseNotifier], line: str, context: dict[str, Any]) -> None:
    """Hand an alert to notifiers; one that fails does not keep it from the next."""
    for notifier in told:
        try:
            notifier({**context, "alert": line})
        except Exception:
            log.exception("%s could not be told: %s", type(notifier).__name__, line)


async def missed_deadline(context: dict[str, Any]) -> None:
    """Say that a nightly run has not ended in time; Airflow's triggerer calls it.

    Runs by hand, and Airflow's own backfills of days long ago, may take as long as they need.
    """
    run = context["dag_run"]
    if run["run_type"] != "scheduled":
        log.info("%s of %s was not scheduled: nobody is told", run["dag_run_id"], run["dag_id"])
        return
    settings = Settings.from_environment()
    due = datetime.fromisoformat(str(context["deadline"]["deadline_time"]))
    line = f"{run['dag_id']} of {run['dag_run_id']} has not ended by {due:%Y-%m-%d %H:%M} UTC, it is {run['state']}"
    line = with_runbook(line, settings, LATE_BACKFILL)
    # Most providers' notifiers wait for the network.
    await asyncio.to_thread(tell, notifiers(settings), line, dict(context))


def notifiers(settings: Settings) -> list[BaseNotifier]:
    """Make the notifiers of the setting `LOGLINE_NOTIFIERS`, and the log.

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
        raise SettingsError(f"LOGLINE_NOTIFIERS: {path} is not a notifier of Airflow")
    return notifier
