"""Copying a staging table into the table that it is meant for: free of charge, all rows at once, and once only."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from google.api_core.exceptions import Conflict, GoogleAPICallError

from logline.settings import Settings
from logline.warehouse.queries import bigquery_hook

log = logging.getLogger(__name__)


def copy_once(settings: Settings, staged: str, into: str, *, rows: int, labels: Mapping[str, str]) -> bool:
    """Append the rows of a staging table to a table, and return whether that is done.

    The id of the job is made of the manifest that the staging table was loaded from, and of the moment at which the
    table was made. So whoever tries again, even from a staging table that was loaded anew, finds the job of the first
    time: no rows are there twice. A job that has failed has copied nothing, and no other one is tried.

    Args:
        settings: those of the installation.
        staged: name of the staging table; its description is the digest of the manifest.
        into: name of the table, partitioned and clustered in the same way.
        rows: how many there must be: what another run was loading meanwhile is not what was checked.
        labels: those of the job.

    Raises:
        GoogleAPICallError: BigQuery did not answer, or took no job.
    """
    hook = bigquery_hook(settings)
    client = hook.get_client(project_id=settings.project)
    source = client.get_table(f"{settings.project}.{settings.staging_dataset}.{staged}")
    target = client.get_table(f"{settings.project}.{settings.dataset}.{into}")
    copy = {
        "sourceTables": [source.reference.to_api_repr()],
        "destinationTable": target.reference.to_api_repr(),
        "createDisposition": "CREATE_NEVER",
        "writeDisposition": "WRITE_APPEND",
    }
    job_id = f"logline_copy_{into}_{target.created:%Y%m%dT%H%M%S%f}_{source.description}"
    try:
        job: Any = hook.insert_job(
            configuration={"copy": copy, "labels": dict(labels)},
            project_id=settings.project,
            job_id=job_id,
            nowait=True,
        )
    except Conflict:
        job = client.get_job(job_id, location=settings.location)
    try:
        job.result()
    except GoogleAPICallError as error:
        if job.error_result is None:
            raise
        log.warning("BigQuery has copied nothing by job %s, the rows are inserted: %s", job_id, error.message)
        return False
    copied = int(job._properties["statistics"].get("copy", {}).get("copiedRows", -1))
    if copied != rows:
        log.warning("BigQuery job %s has copied %d rows of %d, the rows are inserted", job_id, copied, rows)
    return copied == rows
