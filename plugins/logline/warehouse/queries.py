"""Query jobs of BigQuery: what to run, the operator that runs it, and its rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from airflow.providers.google.cloud.hooks.bigquery import BigQueryHook
from airflow.providers.google.cloud.operators.bigquery import BigQueryInsertJobOperator

from logline.labels import DAY_LABEL, job_labels
from logline.settings import Settings
from logline.warehouse.costs import record_cost
from logline.warehouse.staging import staging_tables_expected

if TYPE_CHECKING:
    from airflow.sdk import Context
    from google.cloud.bigquery import QueryJob


class Parameter(NamedTuple):
    """A query parameter; the value is templated."""

    name: str
    type: str
    value: str


class Query(NamedTuple):
    """A query job, as a value that Airflow renders: it takes named tuples apart and makes them again.

    Attributes:
        sql: the query, usually one Jinja include.
        labels: see `job_labels`.
        max_bytes_billed: bytes it may bill before BigQuery refuses it.
        parameters: the query parameters.
    """

    sql: str
    labels: dict[str, str]
    max_bytes_billed: int
    parameters: tuple[Parameter, ...] = ()

    @classmethod
    def of(cls, settings: Settings, sql: str, *, day: str, parameters: Iterable[tuple[str, str, str]] = ()) -> Query:
        """Make a query of an installation.

        Args:
            settings: at what price to run it.
            sql: the query (templated).
            day: the day it works on, as a label for the bill (templated).
            parameters: name, type and value (templated) of each query parameter.
        """
        return cls(sql, job_labels(day), settings.max_bytes_billed, tuple(Parameter(*one) for one in parameters))

    @property
    def day(self) -> str:
        """Return the day it works on."""
        return self.labels[DAY_LABEL]

    def with_strings(self, **values: str) -> Query:
        """Return the query with more parameters of type STRING."""
        added = (Parameter(name, "STRING", value) for name, value in values.items())
        return self._replace(parameters=(*self.parameters, *added))

    def job(self) -> dict[str, Any]:
        """Return the configuration of the job, as `BigQueryInsertJobOperator` and the API take it."""
        query = {
            "query": self.sql,
            "useLegacySql": False,
            "maximumBytesBilled": str(self.max_bytes_billed),
            "queryParameters": [
                {"name": one.name, "parameterType": {"type": one.type}, "parameterValue": {"value": one.value}}
                for one in self.parameters
            ],
        }
        return {"query": query, "labels": self.labels}


class QueryOperator(BigQueryInsertJobOperator):
    """Run a query and record what it cost; a task that is retried or cleared runs it again.

    Args:
        settings: where to run it.
        query: the query (templated).
        kwargs: the arguments of `BaseOperator`.
    """

    def __init__(self, *, settings: Settings, query: Query, **kwargs: Any) -> None:
        super().__init__(
            configuration=query.job(),
            project_id=settings.project,
            location=settings.location,
            # A retried or cleared task must not look at the job of the first time.
            durable=False,
            deferrable=False,
            **kwargs,
        )
        self.settings = settings

    def execute(self, context: Context) -> str | None:
        """Run the job and return its id."""
        with staging_tables_expected(self.settings):
            job_id: str | None = super().execute(context)
        if job_id is not None:
            client = bigquery_hook(self.settings).get_client(project_id=self.project_id)
            job = cast("QueryJob", client.get_job(job_id, location=self.location))
            record_cost(client, job, self.settings)
        return job_id


def bigquery_hook(settings: Settings) -> BigQueryHook:
    """Return a hook for the datasets of an installation."""
    return BigQueryHook(location=settings.location, use_legacy_sql=False)


def fetch_rows(settings: Settings, query: Query) -> list[dict[str, Any]]:
    """Run the query of a task to its end, record what it cost, and return its rows."""
    hook = bigquery_hook(settings)
    with staging_tables_expected(settings):
        job = cast("QueryJob", hook.insert_job(configuration=query.job(), project_id=settings.project))
        rows = [dict(row.items()) for row in job.result()]
    record_cost(hook.get_client(project_id=settings.project), job, settings)
    return rows
