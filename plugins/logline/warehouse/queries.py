"""BigQuery jobs, and loading the files a manifest names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from airflow.providers.google.cloud.hooks.bigquery import BigQueryHook
from airflow.providers.google.cloud.transfers.gcs_to_bigquery import GCSToBigQueryOperator
from airflow.sdk.exceptions import AirflowFailException

from logline.dataflow.manifest import read_manifest, split_uri
from logline.settings import Settings
from logline.warehouse.costs import DAY_LABEL, record_cost
from logline.warehouse.staging import staging_tables_expected

if TYPE_CHECKING:
    from airflow.sdk import Context
    from google.cloud.bigquery import QueryJob

# https://cloud.google.com/bigquery/quotas#load_jobs: source URIs in one load job configuration.
MAX_FILES = 10_000
# The day of a job that works on no day in particular.
NO_DAY = "all"


def query_job(
    sql: str, settings: Settings, *, day: str, parameters: Sequence[tuple[str, str, str]] = ()
) -> dict[str, Any]:
    """The configuration of a BigQuery query job, as `BigQueryInsertJobOperator` takes it.

    Args:
        sql: the query, usually one Jinja include.
        settings: where and at what price to run it.
        day: the day the job works on, as a label for the bill (templated).
        parameters: name, type and value (templated) of each query parameter.
    """
    query: dict[str, Any] = {
        "query": sql,
        "useLegacySql": False,
        "maximumBytesBilled": str(settings.max_bytes_billed),
        "queryParameters": [
            {"name": name, "parameterType": {"type": kind}, "parameterValue": {"value": value}}
            for name, kind, value in parameters
        ],
    }
    return {"query": query, "labels": job_labels(day)}


def job_labels(day: str) -> dict[str, str]:
    """The labels (templated) of a job of BigQuery or Dataflow: whose it is, for the bill.

    The first two have the names and values that the provider's own operators give to BigQuery jobs.

    Args:
        day: the day the job works on (templated), or `NO_DAY`.
    """
    return {
        "airflow-dag": "{{ dag.dag_id | lower }}",
        "airflow-task": "{{ task.task_id | lower | replace('.', '-') }}",
        DAY_LABEL: day,
    }


def fetch_rows(hook: BigQueryHook, configuration: dict[str, Any], project_id: str) -> list[dict[str, Any]]:
    """Run a query job of a task to its end, record what it cost, and return its rows."""
    with staging_tables_expected():
        job = cast("QueryJob", hook.insert_job(configuration=configuration, project_id=project_id))
        rows = [dict(row.items()) for row in job.result()]
    record_cost(hook.get_client(project_id=project_id), job)
    return rows


class LoadManifestFilesOperator(GCSToBigQueryOperator):
    """Load the Parquet files a manifest names, and no others, into a staging table.

    The staging table gets the columns of the table its rows are meant for, all of them nullable: what may not be NULL
    is checked after the load, where the message can say more.

    Args:
        manifest: `gs://` URI of the manifest (templated).
        files: the entry of the manifest's `files` to load.
        columns_of: `dataset.table` the rows are meant for.
        day: the day the job works on, as a label (templated).
        kwargs: the arguments of `GCSToBigQueryOperator` except its sources, format and schema.
    """

    template_fields: Sequence[str] = ("manifest", "job_labels", *GCSToBigQueryOperator.template_fields)

    def __init__(self, *, manifest: str, files: str, columns_of: str, day: str, **kwargs: Any) -> None:
        super().__init__(
            bucket="",
            source_objects=[],
            source_format="PARQUET",
            autodetect=None,
            create_disposition="CREATE_IF_NEEDED",
            write_disposition="WRITE_TRUNCATE",
            deferrable=False,
            **kwargs,
        )
        self.manifest = manifest
        self.files = files
        self.columns_of = columns_of
        # The argument `labels` of the provider's operator is the table's.
        self.job_labels = job_labels(day)

    def execute(self, context: Context) -> None:
        """Load the files.

        Raises:
            AirflowFailException: more files than one load job takes.
        """
        locations = [split_uri(uri) for uri in read_manifest(self.manifest, self.gcp_conn_id)["files"][self.files]]
        if len(locations) > MAX_FILES:
            raise AirflowFailException(
                f"{self.manifest} names {len(locations):,} files of {self.files}, BigQuery loads at most "
                f"{MAX_FILES:,}: read fewer objects per day or concatenate the small ones"
            )
        self.bucket = locations[0][0]
        self.source_objects = [name for _, name in locations]
        client = BigQueryHook(gcp_conn_id=self.gcp_conn_id, location=self.location).get_client()
        self.schema_fields = [
            {"name": field.name, "type": field.field_type, "mode": "NULLABLE"}
            for field in client.get_table(self.columns_of).schema
        ]
        super().execute(context)

    def _submit_job(self, hook: BigQueryHook, job_id: str) -> Any:
        self.configuration["labels"] = self.job_labels
        return super()._submit_job(hook, job_id)
