"""What the deferrable sensors of the provider leave open."""

from __future__ import annotations

from typing import Any

from airflow.providers.google.cloud.sensors.gcs import GCSObjectExistenceSensor
from airflow.sdk import BaseSensorOperator, Context


class LooksForItself(BaseSensorOperator):
    """Let a trigger only wake a deferrable sensor, which then looks for itself.

    In a night of looks now and then one fails. With the provider's sensors each costs one of the task's retries, even
    hours apart; here only a look of the task's own does, and what it finds decides whether to wait on.
    """

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Look again."""
        if event["status"] == "error":
            self.log.warning("The trigger could not look: %s", event["message"])
        return self.execute(context)


class SourceObjectsSensor(LooksForItself, GCSObjectExistenceSensor):
    """Wait for objects in a bucket without holding a worker slot."""
