"""Loading the Parquet files that a manifest names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.providers.google.cloud.hooks.bigquery import BigQueryHook
from airflow.providers.google.cloud.transfers.gcs_to_bigquery import GCSToBigQueryOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException

from logline.dataflow.manifest import read_manifest
from logline.labels import job_labels
from logline.settings import Settings
from logline.uris import split_uri
from logline.warehouse.queries import bigquery_hook

# https://cloud.google.com/bigquery/quotas#load_jobs: source URIs in one load job configuration.
MAX_FILES = 10_000


class LoadManifestFilesOperator(GCSToBigQueryOperator):
    """Load the Parquet files a manifest names, and no others, into a staging table.

    The staging table gets the columns of the table its rows are meant for, all of them nullable: what may not be NULL
    is checked after the load, where the message can say more.

    Args:
        manifest: `gs://` URI of the manifest (templated).
        files: the entry of the manifest's `files` to load.
        columns_of: table the rows are meant for.
        into: table of the staging dataset (templated).
        day: the day the job works on, as a label (templated).
    """

    template_fields: Sequence[str] = ("manifest", "job_labels", *GCSToBigQueryOperator.template_fields)

    def __init__(
        self, *, settings: Settings, manifest: str, files: str, columns_of: str, into: str, day: str, **kwargs: Any
    ) -> None:
        super().__init__(
            bucket="",
            source_objects=[],
            destination_project_dataset_table=f"{settings.staging_dataset}.{into}",
            source_format="PARQUET",
            autodetect=None,
            create_disposition="CREATE_IF_NEEDED",
            write_disposition="WRITE_TRUNCATE",
            project_id=settings.project,
            location=settings.location,
            deferrable=False,
            **kwargs,
        )
        self.settings = settings
        self.manifest = manifest
        self.files = files
        self.columns_of = f"{settings.dataset}.{columns_of}"
        # The argument `labels` of the provider's operator is the table's.
        self.job_labels = job_labels(day)

    def execute(self, context: Context) -> None:
        """Load the files.

        Raises:
            AirflowFailException: more files than one load job takes.
        """
        locations = [split_uri(uri) for uri in read_manifest(self.manifest).files[self.files]]
        if len(locations) > MAX_FILES:
            raise AirflowFailException(
                f"{self.manifest} names {len(locations):,} files of {self.files}, BigQuery loads at most "
                f"{MAX_FILES:,}: read fewer objects per day or concatenate the small ones"
            )
        self.bucket = locations[0][0]
        self.source_objects = [name for _, name in locations]
        client = bigquery_hook(self.settings).get_client()
        self.schema_fields = [
            {"name": field.name, "type": field.field_type, "mode": "NULLABLE"}
            for field in client.get_table(self.columns_of).schema
        ]
        super().execute(context)

    def _submit_job(self, hook: BigQueryHook, job_id: str) -> Any:
        self.configuration["labels"] = self.job_labels
        return super()._submit_job(hook, job_id)
