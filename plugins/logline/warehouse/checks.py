"""Quality gates: checks of tables before and after they change, their results kept in `quality_checks`."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.google.cloud.hooks.bigquery import BigQueryHook
from airflow.providers.google.cloud.operators.cloud_base import GoogleCloudBaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from logline.dataflow.manifest import read_manifest
from logline.settings import Settings
from logline.text_table import text_table
from logline.warehouse.costs import QueryOperator
from logline.warehouse.queries import fetch_rows, query_job

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)


def record_job(settings: Settings, *, gate: str, day: str) -> dict[str, Any]:
    """The configuration of the job that keeps the results of a gate in `quality_checks`.

    Args:
        settings: where and at what price to run it.
        gate: what the results are filed under, the folder of the checks.
        day: the day that is checked (templated); what is no day is kept as none.
    """
    sql = "{% include 'sql/quality_checks/record.sql' %}"
    return query_job(sql, settings, day=day, parameters=[("gate", "STRING", gate), ("day", "STRING", day)])


class RunChecksOperator(GoogleCloudBaseOperator):
    """Run a query of checks, log its result as a table, and fail when a check of level `fail` did not pass.

    The query returns one row for each check: `check_name`, `level` (`fail` or `warn`), `passed`, `expected`, `actual`
    and `message`.

    Args:
        configuration: the BigQuery job (templated), see `query_job`.
        record: the job (templated) that keeps the results, see `record_job`.
        manifest: `gs://` URI (templated) of a manifest to hand to the query as parameter `@manifest`, its JSON.
        gcp_conn_id: the Airflow connection.
        project_id: project of the job.
        location: location of the job.
        kwargs: the arguments of `BaseOperator`.
    """

    template_fields: Sequence[str] = ("configuration", "record", "manifest")
    template_fields_renderers: ClassVar[dict[str, str]] = {"configuration": "json", "configuration.query.query": "sql"}

    def __init__(
        self,
        *,
        configuration: dict[str, Any],
        record: dict[str, Any],
        project_id: str,
        location: str,
        manifest: str | None = None,
        gcp_conn_id: str = "google_cloud_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.configuration = configuration
        self.record = record
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
        fault = run_gate(hook, self.configuration, self.record, self.project_id, context)
        if fault:
            raise AirflowFailException(fault)


class RebuildAndCheckOperator(QueryOperator):
    """Check what tables are rebuilt from, run the script that rebuilds them, then check what it made.

    All is one task, because what a table is rebuilt from may change meanwhile: then the checks fail, and the retry
    rebuilds and checks again. What is really wrong still fails when the retries are used up.

    Args:
        before: gates (templated) to pass before anything is rebuilt; each the job of the checks, whose rows are those
            of `RunChecksOperator`, and the job that keeps their results, see `record_job`.
        after: the same after the rebuild.
        kwargs: the arguments of `QueryOperator`.
    """

    template_fields: Sequence[str] = ("before", "after", *QueryOperator.template_fields)

    def __init__(
        self,
        *,
        after: Sequence[tuple[dict[str, Any], dict[str, Any]]],
        before: Sequence[tuple[dict[str, Any], dict[str, Any]]] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.before = before
        self.after = after

    def execute(self, context: Context) -> str | None:
        """Check, rebuild and check; return the id of the rebuilding job.

        Raises:
            AirflowException: one line with every failed check and its figures.
        """
        self._pass_gates(self.before, context)
        job_id: str | None = super().execute(context)
        self._pass_gates(self.after, context)
        return job_id

    def _pass_gates(self, gates: Sequence[tuple[dict[str, Any], dict[str, Any]]], context: Context) -> None:
        hook = BigQueryHook(gcp_conn_id=self.gcp_conn_id, location=self.location, use_legacy_sql=False)
        for checks, record in gates:
            fault = run_gate(hook, checks, record, self.project_id, context)
            if fault:
                raise AirflowException(fault)


def run_gate(
    hook: BigQueryHook,
    checks: dict[str, Any],
    record: dict[str, Any],
    project_id: str,
    context: Context,
) -> str | None:
    """Run a query of checks, log its rows, keep them in `quality_checks`, and say what failed.

    Args:
        hook: of BigQuery.
        checks: the job of the checks.
        record: see `record_job`.
        project_id: project of the jobs.
        context: the task's.

    Returns:
        One line about the checks of level `fail` that did not pass, None where there are none.
    """
    results = fetch_rows(hook, checks, project_id)
    ti = context["ti"]
    task = {name: getattr(ti, name) for name in ("dag_id", "task_id", "run_id", "map_index", "try_number")}
    values = {"task": json.dumps(task), "results": json.dumps(results, default=float)}
    parameters = [
        {"name": name, "parameterType": {"type": "STRING"}, "parameterValue": {"value": value}}
        for name, value in values.items()
    ]
    kept = record["query"] | {"queryParameters": [*record["query"]["queryParameters"], *parameters]}
    fetch_rows(hook, record | {"query": kept}, project_id)
    day = next(one["parameterValue"]["value"] for one in kept["queryParameters"] if one["name"] == "day")
    fault = failed_checks(results)
    return fault and f"{day}: {fault}"


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
