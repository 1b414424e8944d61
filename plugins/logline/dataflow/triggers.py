"""Wait for the end of a Dataflow job, and say in the task's log how it goes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from airflow.providers.google.cloud.triggers.dataflow import DataflowJobStatusTrigger
from airflow.providers.google.common.hooks.base_google import PROVIDE_PROJECT_ID
from airflow.triggers.base import TriggerEvent
from google.api_core.exceptions import GoogleAPIError
from google.auth.exceptions import GoogleAuthError

from logline.deferral import FIRST_LOOK_SECONDS, trigger_event
from logline.text_table import duration

METRICS_NAMESPACE = "logline"
# A line when the state changes, and after so long without one.
PAUSE_SECONDS = 20.0
_SHOWN = ("blocks", "lines", "rejected")


@dataclass(frozen=True)
class Progress:
    """What a job has counted, and after how many seconds."""

    seconds: float
    counts: Mapping[str, int]

    def text(self, earlier: Progress | None, total_bytes: int | None) -> str:
        """Return the counts, and with the ones before them rate, share and time left; each as far as it is known."""
        parts = [f"{name} {count:,}" for name, count in sorted(self.counts.items()) if name in _SHOWN]
        if rate := self._rate("lines", earlier):
            parts.append(f"{rate:,.0f} lines/s")
        if total_bytes and "bytes" in self.counts:
            share = min(1.0, self.counts["bytes"] / total_bytes)
            parts.append(f"{share:.0%} of {total_bytes / 1e6:,.1f} MB")
            if (rate := self._rate("bytes", earlier)) and share < 1:
                parts.append(f"{duration((total_bytes - self.counts['bytes']) / rate)} left")
        return ", ".join(parts)

    def _rate(self, name: str, earlier: Progress | None) -> float:
        if earlier is None or name not in earlier.counts or self.seconds <= earlier.seconds:
            return 0.0
        return (self.counts.get(name, 0) - earlier.counts[name]) / (self.seconds - earlier.seconds)


class DataflowJobEndTrigger(DataflowJobStatusTrigger):
    """Fire when a job is in one of the expected states; until then log its state, and how far it is.

    The provider's trigger logs "Sleeping for 1 seconds." at each look, and nothing else.

    Args:
        total_bytes: how many bytes the job counts until it is done; None where that is not known.
        arguments: of the provider's trigger.
    """

    def __init__(self, *arguments: Any, total_bytes: int | None = None, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.total_bytes = total_bytes

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Serialize class arguments and classpath."""
        _, arguments = super().serialize()
        return f"{type(self).__module__}.{type(self).__qualname__}", {**arguments, "total_bytes": self.total_bytes}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look at the job every `poll_sleep` seconds."""
        begun = said_at = time.monotonic()
        said, earlier = "", None
        await asyncio.sleep(FIRST_LOOK_SECONDS)
        try:
            while True:
                status = await self.async_hook.get_job_status(
                    job_id=self.job_id, project_id=self.project_id or PROVIDE_PROJECT_ID, location=self.location
                )
                if status.name in self.expected_statuses:
                    yield trigger_event("success", f"{self.job_id} is {status.name}")
                    return
                now = time.monotonic()
                if status.name != said or now - said_at >= PAUSE_SECONDS:
                    progress = Progress(now - begun, await self._counts())
                    figures = progress.text(earlier, self.total_bytes)
                    self.log.info(
                        "Dataflow job %s after %.0f s: %s%s",
                        *(self.job_id, progress.seconds, status.name, figures and f", {figures}"),
                    )
                    said, said_at, earlier = status.name, now, progress
                await asyncio.sleep(self.poll_sleep)
        except (GoogleAPIError, GoogleAuthError, OSError) as error:
            yield trigger_event("error", str(error))

    async def _counts(self) -> dict[str, int]:
        """Return what the job has counted so far; nothing where that may not be known."""
        try:
            metrics = await self.async_hook.get_job_metrics(
                job_id=self.job_id, project_id=self.project_id, location=self.location
            )
        except GoogleAPIError:
            return {}
        counts: dict[str, int] = {}
        for metric in metrics.metrics:
            name = metric.name
            # Each value comes twice; the tentative one includes work that may be done again.
            if name.context.get("namespace") == METRICS_NAMESPACE and "tentative" not in name.context:
                scalar: Any = metric.scalar  # annotated as a Value, which proto-plus turns into a number
                counts[name.name] = counts.get(name.name, 0) + int(scalar or 0)
        return counts
