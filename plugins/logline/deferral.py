"""Waiting in the triggerer: what the provider's deferrable operators leave open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.triggers.base import TriggerEvent

# Jobs of a few lines end within these seconds on the local stack; to defer and come back would take as long again.
WORKER_SECONDS = 15.0
# Before a trigger's first look. A task that is resumed before its executor has noticed the end of its first process is
# taken for one that was killed ("finished with state success, but ... is running"), and tried again.
FIRST_LOOK_SECONDS = 2.0


class LooksForItself(BaseOperator):
    """Let a trigger only wake a deferrable operator, which then looks for itself.

    In a night of looks now and then one fails. With the provider's operators each costs one of the task's retries, even
    hours apart; here only a look of the task's own does, and what it finds decides whether to wait on.
    """

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> Any:
        """Look again."""
        if event["status"] == "error":
            self.log.warning("The trigger could not look: %s", event["message"])
        return self.execute(context)


def trigger_event(status: str, message: str) -> TriggerEvent:
    """Return what a trigger wakes its task with: `status` is `success`, or `error` where it could not look."""
    return TriggerEvent({"status": status, "message": message})  # type: ignore[no-untyped-call]
