"""What queries cost: every query job of a task leaves its counts in the log and a row in `query_costs`."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import Context, get_current_context
from google.api_core.exceptions import GoogleAPIError
from google.cloud.bigquery import Client, QueryJob

from logline.labels import DAY_LABEL
from logline.service_errors import NEVER, TIMEOUT_SECONDS
from logline.settings import Settings

TABLE = "query_costs"
log = logging.getLogger(__name__)


def record_cost(client: Client, job: QueryJob, settings: Settings) -> None:
    """Log what an ended query job cost and append it to `query_costs`; a failed append is only a warning."""
    try:
        context = get_current_context()
    except RuntimeError:  # no task, so no run it could be recorded for
        return
    row = cost_row(job, context)
    took = (job.ended - job.created).total_seconds() if job.ended and job.created else 0.0
    processed, billed = ((row[name] or 0) / 1e6 for name in ("bytes_processed", "bytes_billed"))
    log.info("BigQuery job %s: %.1f s, %.1f MB processed, %.1f MB billed", job.job_id, took, processed, billed)
    table = f"{settings.project}.{settings.dataset}.{TABLE}"
    try:
        faults = client.insert_rows_json(table, [row], row_ids=[job.job_id], retry=NEVER, timeout=TIMEOUT_SECONDS)
        fault = str(faults[0]) if faults else None
    except (GoogleAPIError, OSError) as error:
        fault = str(error)
    if fault:
        log.warning("%s has no row of BigQuery job %s: %s", table, job.job_id, fault)


def cost_row(job: QueryJob, context: Context) -> dict[str, Any]:
    """Make the row of a job in `query_costs`."""
    ti = context["ti"]
    return {
        "finished_at": (job.ended or datetime.now(UTC)).isoformat(),
        "dag_id": ti.dag_id,
        "task_id": ti.task_id,
        "run_id": ti.run_id,
        "day": job.labels.get(DAY_LABEL),
        "job_id": job.job_id,
        "bytes_processed": job.total_bytes_processed,
        "bytes_billed": job.total_bytes_billed,
        "slot_milliseconds": job.slot_millis,
    }
