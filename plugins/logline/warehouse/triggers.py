"""Wait for the end of several jobs of BigQuery."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from airflow.providers.google.cloud.hooks.bigquery import BigQueryAsyncHook
from airflow.triggers.base import BaseTrigger, TriggerEvent
from google.api_core.exceptions import GoogleAPIError
from google.auth.exceptions import GoogleAuthError

from logline.deferral import FIRST_LOOK_SECONDS, trigger_event


class LoadJobsTrigger(BaseTrigger):
    """Fire when jobs have ended, however they have.

    Args:
        job_ids: the jobs.
        project_id: Google Cloud project.
        location: of the jobs.
        poll_interval: seconds between two looks.
    """

    def __init__(self, job_ids: Sequence[str], project_id: str, location: str, poll_interval: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.job_ids = list(job_ids)
        self.project_id = project_id
        self.location = location
        self.poll_interval = poll_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Serialize class arguments and classpath."""
        names = ("job_ids", "project_id", "location", "poll_interval")
        return f"{type(self).__module__}.{type(self).__qualname__}", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look at the first job that has not ended, every `poll_interval` seconds."""
        hook = BigQueryAsyncHook()
        waiting = list(self.job_ids)
        await asyncio.sleep(FIRST_LOOK_SECONDS)
        try:
            while waiting:
                status = await hook.get_job_status(waiting[0], project_id=self.project_id, location=self.location)
                if status["status"] in ("success", "error"):
                    del waiting[0]
                else:
                    self.log.info("BigQuery works on %d of %d load jobs", len(waiting), len(self.job_ids))
                    await asyncio.sleep(self.poll_interval)
        except (GoogleAPIError, GoogleAuthError, OSError) as error:
            yield trigger_event("error", str(error))
            return
        yield trigger_event("success", f"{len(self.job_ids)} jobs have ended")
