"""Loading the files a manifest names, and checking tables before and after they change."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from airflow.providers.google.cloud.hooks.bigquery import BigQueryHook
from airflow.providers.google.cloud.operators.bigquery import BigQueryInsertJobOperator
from airflow.providers.google.cloud.operators.cloud_base import GoogleCloudBaseOperator
from airflow.providers.google.cloud.transfers.gcs_to_bigquery import GCSToBigQueryOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from logline.manifest import read_manifest, split_uri
from logline.settings import Settings
from logline.tables import text_table

if TYPE_CHECKING:
    from airflow.sdk import Context
    from google.cloud.bigquery import QueryJob

log = logging.getLogger(__name__)

# https://cloud.google.com/bigquery/quotas#load_jobs: source URIs in one load job configuration.
MAX_FILES = 10_000


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
        "queryParameters": [
            {"name": name, "parameterType": {"type": kind}, "parameterValue": {"value": value}}
            for name, kind, value in parameters
        ],
    }
    if settings.max_bytes_billed is not None:
        query["maximumBytesBilled"] = str(settings.max_bytes_billed)
    return {"query": query, "labels": {"logline-day": day}}


def fetch_rows(hook: BigQueryHook, configuration: dict[str, Any], project_id: str) -> list[dict[str, Any]]:
    """Run a query job to its end and return its rows."""
    job = cast("QueryJob", hook.insert_job(configuration=configuration, project_id=project_id))
    return [dict(row.items()) for row in job.result()]


class LoadManifestFilesOperator(GCSToBigQueryOperator):
    """Load the Parquet files a manifest names, and no others, into a staging table.

    The staging table gets the columns of the table its rows are meant for, all of them nullable: what may not be NULL
    is checked after the load, where the message can say more.

    Args:
        manifest: `gs://` URI of the manifest (templated).
        files: the entry of the manifest's `files` to load.
        columns_of: `dataset.table` the rows are meant for.
        kwargs: the arguments of `GCSToBigQueryOperator` except its sources, format and schema.
    """

    template_fields: Sequence[str] = ("manifest", *GCSToBigQueryOperator.template_fields)

    def __init__(self, *, manifest: str, files: str, columns_of: str, **kwargs: Any) -> None:
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


class RunChecksOperator(GoogleCloudBaseOperator):
    """Run a query of checks, log its result as a table, and fail when a check of level `fail` did not pass.

    The query returns one row for each check: `check_name`, `level` (`fail` or `warn`), `passed`, `expected`, `actual`
    and `message`.

    Args:
        configuration: the BigQuery job (templated), see `query_job`.
        manifest: `gs://` URI (templated) of a manifest to hand to the query as parameter `@manifest`, its JSON.
        gcp_conn_id: the Airflow connection.
        project_id: project of the job.
        location: location of the job.
        kwargs: the arguments of `BaseOperator`.
    """

    template_fields: Sequence[str] = ("configuration", "manifest")
    template_fields_renderers: ClassVar[dict[str, str]] = {"configuration": "json", "configuration.query.query": "sql"}

    def __init__(
        self,
        *,
        configuration: dict[str, Any],
        project_id: str,
        location: str,
        manifest: str | None = None,
        gcp_conn_id: str = "google_cloud_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.configuration = configuration
        self.manifest = manifest
        self.gcp_conn_id = gcp_conn_id
        self.project_id = project_id
        self.location = location

    def execute(self, context: Context) -> None:
        """Run the checks.

        Raises:
            AirflowFailException: one line with every failed check and its figures.
        """
        if self.manifest is not None:
            self.configuration["query"]["queryParameters"].append(
                {
                    "name": "manifest",
                    "parameterType": {"type": "STRING"},
                    "parameterValue": {"value": json.dumps(read_manifest(self.manifest, self.gcp_conn_id))},
                }
            )
        hook = BigQueryHook(gcp_conn_id=self.gcp_conn_id, location=self.location)
        fault = failed_checks(fetch_rows(hook, self.configuration, self.project_id))
        if fault:
            raise AirflowFailException(fault)


class RebuildAndCheckOperator(BigQueryInsertJobOperator):
    """Run a script that rebuilds tables, then a query of checks over what it rebuilt.

    Both are one task, because what a table is rebuilt from may change between the two: then the checks fail, and the
    retry rebuilds and checks again. What is really wrong still fails when the retries are used up.

    Args:
        checks: the BigQuery job of the checks (templated); its rows are those of `RunChecksOperator`.
        kwargs: the arguments of `BigQueryInsertJobOperator` except `durable`.
    """

    template_fields: Sequence[str] = ("checks", *BigQueryInsertJobOperator.template_fields)

    def __init__(self, *, checks: dict[str, Any], **kwargs: Any) -> None:
        # A retried or cleared task must run the script again, not look at the job of the first time.
        super().__init__(durable=False, deferrable=False, **kwargs)
        self.checks = checks

    def execute(self, context: Context) -> str | None:
        """Rebuild and check; return the id of the rebuilding job.

        Raises:
            AirflowException: one line with every failed check and its figures.
        """
        job_id: str | None = super().execute(context)
        hook = BigQueryHook(gcp_conn_id=self.gcp_conn_id, location=self.location, use_legacy_sql=False)
        fault = failed_checks(fetch_rows(hook, self.checks, self.project_id))
        if fault:
            raise AirflowException(fault)
        return job_id


def failed_checks(checks: Sequence[dict[str, Any]]) -> str | None:
    """Log checks as a table, and return one line about those of level `fail` that did not pass."""
    header = ("", "check", "expected", "actual", "")
    names = ("check_name", "expected", "actual", "message")
    log.info(
        "Checks\n%s", text_table(header, [(_verdict(check), *(check[name] for name in names)) for check in checks])
    )
    failed = [check for check in checks if _verdict(check) == "FAIL"]
    if not failed:
        return None
    faults = "; ".join(
        f"{check['check_name']}: expected {check['expected']:,}, found {check['actual']:,} {check['message']}"
        for check in failed
    )
    return f"{len(failed)} of {len(checks)} checks failed: {faults}"


def _verdict(check: dict[str, Any]) -> str:
    if check["passed"]:
        return "ok"
    return "warn" if check["level"] == "warn" else "FAIL"
