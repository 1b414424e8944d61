"""Wait for the end of a Dataflow job, and say in the task's log how it goes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.providers.google.cloud.triggers.dataflow import DataflowJobStatusTrigger
from airflow.providers.google.common.hooks.base_google import PROVIDE_PROJECT_ID
from airflow.triggers.base import TriggerEvent
from google.api_core.exceptions import GoogleAPIError
from google.auth.exceptions import GoogleAuthError

METRICS_NAMESPACE = "logline"
# A line when the state changes, and after so long without one; the pause doubles up to the longest.
FIRST_PAUSE, LONGEST_PAUSE = 15.0, 300.0


class DataflowJobEndTrigger(DataflowJobStatusTrigger):
    """Fire when a job is in one of the expected states; until then log its state and its counters.

    The provider's trigger logs "Sleeping for 1 seconds." at each look, and nothing else.
    """

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Serialize class arguments and classpath."""
        _, arguments = super().serialize()
        return f"{type(self).__module__}.{type(self).__qualname__}", arguments

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look at the job every `poll_sleep` seconds."""
        begun = said_at = time.monotonic()
        said, pause = "", FIRST_PAUSE
        try:
            while True:
                status = await self.async_hook.get_job_status(
                    job_id=self.job_id, project_id=self.project_id or PROVIDE_PROJECT_ID, location=self.location
                )
                if status.name in self.expected_statuses:
                    yield _event("success", f"{self.job_id} is {status.name}")
                    return
                now = time.monotonic()
                if status.name != said or now - said_at >= pause:
                    pause = FIRST_PAUSE if status.name != said else min(2 * pause, LONGEST_PAUSE)
                    said, said_at = status.name, now
                    self.log.info(
                        "Dataflow job %s after %.0f s: %s%s", self.job_id, now - begun, said, await self._counted()
                    )
                await asyncio.sleep(self.poll_sleep)
        except (GoogleAPIError, GoogleAuthError, OSError) as error:
            yield _event("error", str(error))

    async def _counted(self) -> str:
        """Return what the job has counted so far; nothing where that is not known."""
        try:
            metrics = await self.async_hook.get_job_metrics(
                job_id=self.job_id, project_id=self.project_id, location=self.location
            )
        except GoogleAPIError:
            return ""
        counts: dict[str, int] = {}
        for metric in metrics.metrics:
            name = metric.name
            # Each value comes twice; the tentative one includes work that may be done again.
            if name.context.get("namespace") == METRICS_NAMESPACE and "tentative" not in name.context:
                scalar: Any = metric.scalar  # annotated as a Value, which proto-plus turns into a number
                counts[name.name] = counts.get(name.name, 0) + int(scalar or 0)
        return "".join(f", {name} {count:,}" for name, count in counts.items())


def _event(status: str, message: str) -> TriggerEvent:
    return TriggerEvent({"status": status, "message": message})  # type: ignore[no-untyped-call]
