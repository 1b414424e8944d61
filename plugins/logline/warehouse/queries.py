"""Query jobs of BigQuery: what to run, the operator that runs it, and its rows."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, cast

from airflow.providers.google.cloud.hooks.bigquery import BigQueryHook
from airflow.providers.google.cloud.operators.bigquery import BigQueryInsertJobOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException
from google.api_core.exceptions import NotFound
from google.api_core.retry import Retry
from google.cloud.bigquery import QueryJob

from logline.labels import DAY_LABEL, TASK_LABELS
from logline.settings import Settings
from logline.warehouse.costs import record_cost

log = logging.getLogger(__name__)

_COMMENT = re.compile(r"\s*((?:--[^\n]*\n)+)")

# What BigQuery says where it has cancelled a statement because another one was changing the same table.
_CANCELLED_FOR_ANOTHER = ("aborted due to concurrent update", "Could not serialize access to table")


class Query(NamedTuple):
    """A query job, as a value that Airflow renders: it takes named tuples apart and makes them again.

    Attributes:
        sql: the query, usually one Jinja include.
        day: the day it works on, as a label for the bill.
        parameters: name, type and value of each query parameter.
        labels: its other labels.
    """

    sql: str
    day: str
    parameters: Sequence[tuple[str, str, str]] = ()
    labels: dict[str, str] = TASK_LABELS

    @property
    def about(self) -> str | None:
        """The first sentence of the comment that the SQL begins with; None without one."""
        comment = _COMMENT.match(self.sql)
        if comment is None:
            return None
        text = " ".join(line.removeprefix("--").strip() for line in comment[1].splitlines())
        return re.split(r"[.:;](?:\s|$)", text, maxsplit=1)[0]

    def with_strings(self, **values: str) -> Query:
        """Return the query with parameters of type STRING, more of them or in the place of those of the name."""
        others = [parameter for parameter in self.parameters if parameter[0] not in values]
        return self._replace(parameters=[*others, *((name, "STRING", values[name]) for name in values)])

    def job(self, settings: Settings) -> dict[str, Any]:
        """Return the configuration of the job, as `BigQueryInsertJobOperator` and the API take it."""
        query = {
            "query": self.sql,
            "useLegacySql": False,
            "maximumBytesBilled": str(settings.max_bytes_billed),
            "queryParameters": [
                {"name": name, "parameterType": {"type": kind}, "parameterValue": {"value": value}}
                for name, kind, value in self.parameters
            ],
        }
        return {"query": query, "labels": {**self.labels, DAY_LABEL: self.day}}


class QueryOperator(BigQueryInsertJobOperator):
    """Run a query and record what it cost; a task that is retried or cleared runs it again."""

    def __init__(self, *, settings: Settings, query: Query, **kwargs: Any) -> None:
        super().__init__(
            configuration=query.job(settings),
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

        def run() -> str | None:
            self.job_id = None  # of the cancelled one
            job_id: str | None = super(QueryOperator, self).execute(context)
            return job_id

        with _staging_tables_expected(self.settings):
            job_id = UNTIL_NOT_CANCELLED(run)()
        if job_id is not None:
            client = bigquery_hook(self.settings).get_client(project_id=self.project_id)
            job = cast(QueryJob, client.get_job(job_id, location=self.location))
            record_cost(client, job, self.settings)
        return job_id


def bigquery_hook(settings: Settings) -> BigQueryHook:
    """Return a hook for the datasets of an installation."""
    return BigQueryHook(location=settings.location, use_legacy_sql=False)


def fetch_rows(settings: Settings, query: Query) -> list[dict[str, Any]]:
    """Run the query of a task to its end, record what it cost, and return its rows."""
    hook = bigquery_hook(settings)
    if query.about:
        log.info("%s", query.about)

    def run() -> tuple[QueryJob, list[dict[str, Any]]]:
        job = cast(QueryJob, hook.insert_job(configuration=query.job(settings), project_id=settings.project))
        return job, [dict(row.items()) for row in job.result()]

    with _staging_tables_expected(settings):
        job, rows = UNTIL_NOT_CANCELLED(run)()
    record_cost(hook.get_client(project_id=settings.project), job, settings)
    return rows


def was_cancelled_for_another(error: BaseException) -> bool:
    """Return whether BigQuery has cancelled a statement because another one was changing the same table.

    Nothing of it, or of its transaction, has been done then: see docs/decisions/0162.
    """
    return any(words in str(error) for words in _CANCELLED_FOR_ANOTHER)


def _say_so(error: Exception) -> None:
    log.info("Another job is changing the same table, trying again: %s", str(error).splitlines()[0])


UNTIL_NOT_CANCELLED = Retry(predicate=was_cancelled_for_another, initial=1, maximum=30, timeout=900, on_error=_say_so)
"""Runs a query job again, after a pause of chance, as long as other jobs get in its way; after that the task fails."""


@contextmanager
def _staging_tables_expected(settings: Settings) -> Iterator[None]:
    """Say what to do about a missing staging table, which no retry brings back.

    The end of a run drops them. Airflow clears the tasks that load them together with a task that needs them, except
    where one unit's instance of a mapped task is cleared alone.
    """
    try:
        yield
    except NotFound as error:
        if f"{settings.staging_dataset}." not in error.message:
            raise
        line = error.message.splitlines()[0]
        raise AirflowFailException(
            f"{line}: staging tables are dropped when a run ends, clear the task that loads them, "
            "with all that follows it"
        ) from error
