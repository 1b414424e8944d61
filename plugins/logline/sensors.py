"""What the deferrable sensors of the provider leave open."""

from __future__ import annotations

from typing import Any

from airflow.sdk import BaseSensorOperator, Context
from airflow.sdk.exceptions import AirflowSensorTimeout


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

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Go on after the trigger has fired.

        Raises:
            AirflowSensorTimeout: it has not in time; one line that says what was awaited.
        """
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except AirflowSensorTimeout:
            raise AirflowSensorTimeout(self.waited_in_vain()) from None

    def waited_in_vain(self) -> str:
        """Return what was awaited in vain, and what to do, as one line."""
        raise NotImplementedError
