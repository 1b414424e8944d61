"""What queries cost: every query job of a task leaves its figures in the log and a row in `query_costs`."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from airflow.providers.google.cloud.hooks.bigquery import BigQueryHook
from airflow.providers.google.cloud.operators.bigquery import BigQueryInsertJobOperator
from airflow.sdk import get_current_context
from google.api_core.exceptions import GoogleAPIError

from logline.preflight import NEVER, TIMEOUT_SECONDS
from logline.settings import Settings
from logline.warehouse.staging import staging_tables_expected

if TYPE_CHECKING:
    from airflow.sdk import Context
    from google.cloud.bigquery import Client, QueryJob

TABLE = "query_costs"
DAY_LABEL = "logline-day"
log = logging.getLogger(__name__)


class QueryOperator(BigQueryInsertJobOperator):
    """Run a query job, anew whenever the task runs, and record what it cost.

    Args:
        kwargs: the arguments of `BigQueryInsertJobOperator` except `durable` and `deferrable`.
    """

    def __init__(self, **kwargs: Any) -> None:
        # A retried or cleared task must run its query again, not look at the job of the first time.
        super().__init__(durable=False, deferrable=False, **kwargs)

    def execute(self, context: Context) -> str | None:
        """Run the job and return its id."""
        with staging_tables_expected():
            job_id: str | None = super().execute(context)
        if job_id is not None:
            client = BigQueryHook(gcp_conn_id=self.gcp_conn_id, location=self.location).get_client(
                project_id=self.project_id
            )
            record_cost(client, cast("QueryJob", client.get_job(job_id, location=self.location)))
        return job_id


def record_cost(client: Client, job: QueryJob) -> None:
    """Log what an ended query job cost, and append it to `query_costs`; a row that cannot be written fails nothing."""
    try:
        context = get_current_context()
    except RuntimeError:  # no task, so no run it could be recorded for
        return
    row = cost_row(job, context)
    log.info("BigQuery job %s: %s bytes processed, %s billed", job.job_id, row["bytes_processed"], row["bytes_billed"])
    settings = Settings.from_environment()
    table = f"{settings.project}.{settings.dataset}.{TABLE}"
    try:
        faults = client.insert_rows_json(table, [row], row_ids=[job.job_id], retry=NEVER, timeout=TIMEOUT_SECONDS)
        fault = str(faults[0]) if faults else None
    except (GoogleAPIError, OSError) as error:
        fault = str(error)
    if fault:
        log.warning("%s has no row of BigQuery job %s: %s", table, job.job_id, fault)


def cost_row(job: QueryJob, context: Context) -> dict[str, Any]:
    """The row of a job in `query_costs`."""
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
