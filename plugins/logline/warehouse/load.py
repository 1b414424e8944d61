"""Loading the Parquet files that a manifest names, and no others, into staging tables."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from airflow.providers.google.cloud.hooks.bigquery import BigQueryHook
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException
from google.api_core.exceptions import Conflict, NotFound
from google.cloud.bigquery import Client, LoadJob, SchemaField, Table, TimePartitioning

from logline.dataflow.manifest import Manifest, read_manifest
from logline.deferral import WORKER_SECONDS, LooksForItself
from logline.labels import job_labels
from logline.settings import Settings
from logline.text_table import counted
from logline.warehouse.queries import bigquery_hook
from logline.warehouse.triggers import LoadJobsTrigger

# https://cloud.google.com/bigquery/quotas#load_jobs: source URIs in one load job configuration.
MAX_FILES = 10_000


@dataclass(frozen=True)
class StagingTable:
    """Files of a manifest, and the staging table that takes them.

    Attributes:
        files: the entry of the manifest's `files`.
        into: begins the name of the staging table.
        columns_of: table the rows are meant for. The staging table gets its columns, all of them nullable: what may
            not be NULL is checked after the load, where the message can say more.
        is_copied: whether the rows are copied there, which wants the same partitions and clusters, and the same columns
            to be NOT NULL.
    """

    files: str
    into: str
    columns_of: str
    is_copied: bool = False


class LoadManifestFilesOperator(LooksForItself):
    """Load the files of a manifest into staging tables, all load jobs at once.

    Each job's id is made of the table's creation and the files it loads. So a task that is tried again, or resumed,
    finds its own jobs; after a new parse or once the tables have been dropped it makes others.

    Args:
        manifest: `gs://` URI of the manifest (templated).
        tables: what goes where.
        suffix: ends the names of the staging tables (templated).
        day: the day the jobs work on, as a label (templated).
    """

    template_fields: Sequence[str] = ("manifest", "suffix", "job_labels")

    def __init__(
        self, *, settings: Settings, manifest: str, tables: Sequence[StagingTable], suffix: str, day: str, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.settings = settings
        self.manifest = manifest
        self.tables = tables
        self.suffix = suffix
        self.job_labels = job_labels(day)

    def execute(self, context: Context) -> None:
        """Load the files: wait some seconds in the worker, then in the triggerer.

        Raises:
            AirflowException: a load failed; the next try loads its table anew.
        """
        manifest = read_manifest(self.manifest)
        hook = bigquery_hook(self.settings)
        client = hook.get_client(project_id=self.settings.project)
        jobs = [job for table in self.tables for job in self._submit(hook, client, table, manifest)]
        until = time.monotonic() + WORKER_SECONDS
        while waiting := [job for job in jobs if not self._is_done(client, job)]:
            if time.monotonic() >= until:
                self._defer(waiting)
            time.sleep(1)
        rows = sum(job.output_rows or 0 for job in jobs)
        self.log.info("Loaded %s by %s", counted(rows, "row"), counted(len(jobs), "job"))

    def _submit(self, hook: BigQueryHook, client: Client, table: StagingTable, manifest: Manifest) -> Iterator[LoadJob]:
        files = manifest.files[table.files]
        target = self._created(client, table, hashlib.sha256(manifest.text.encode()).hexdigest())
        for first in range(0, len(files), MAX_FILES):
            part = files[first : first + MAX_FILES]
            job_id = f"logline_{target.table_id}_{first // MAX_FILES}_{target.created:%Y%m%dT%H%M%S%f}"
            load = {
                "sourceUris": part,
                "sourceFormat": "PARQUET",
                "destinationTable": target.reference.to_api_repr(),
                "schema": {"fields": [field.to_api_repr() for field in target.schema]},
                "createDisposition": "CREATE_NEVER",
                "writeDisposition": "WRITE_APPEND",
            }
            configuration = {"load": load, "labels": self.job_labels}
            try:
                job: Any = hook.insert_job(
                    configuration=configuration, project_id=self.settings.project, job_id=job_id, nowait=True
                )
            except Conflict:
                job = client.get_job(job_id, location=self.settings.location)
            yield job

    def _created(self, client: Client, table: StagingTable, digest: str) -> Table:
        """Return the staging table for a manifest: the one that is there, or a new one."""
        name = f"{self.settings.project}.{self.settings.staging_dataset}.{table.into}_{self.suffix}"
        try:
            found = client.get_table(name)
            if found.description == digest:
                return found
            client.delete_table(name)
        except NotFound:
            pass
        target = client.get_table(f"{self.settings.project}.{self.settings.dataset}.{table.columns_of}")
        modes = {column.name: column.mode if table.is_copied else "NULLABLE" for column in target.schema}
        made = Table(name, [SchemaField(one.name, one.field_type, modes[one.name]) for one in target.schema])
        if table.is_copied:
            made.time_partitioning = TimePartitioning(
                target.time_partitioning.type_, field=target.time_partitioning.field
            )
            made.clustering_fields = target.clustering_fields
        made.description = digest
        return client.create_table(made)

    def _is_done(self, client: Client, job: LoadJob) -> bool:
        if job.state != "DONE":
            job.reload(client)
        if job.error_result is not None:
            # With it goes what other jobs have loaded into it, and the ids of all of them.
            client.delete_table(job.destination, not_found_ok=True)
            raise AirflowException(f"BigQuery job {job.job_id} failed: {job.error_result['message']}")
        return str(job.state) == "DONE"

    def _defer(self, waiting: Sequence[LoadJob]) -> NoReturn:
        self.defer(
            trigger=LoadJobsTrigger(
                job_ids=[job.job_id for job in waiting],
                project_id=self.settings.project,
                location=self.settings.location,
                poll_interval=self.settings.poll_seconds,
            ),
            method_name="execute_complete",
        )
