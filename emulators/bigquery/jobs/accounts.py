"""The bytes that jobs process, and the limit of those that are billed, for the BigQuery emulator.

bqemulator 1.4.0 says 0 bytes of every job, and knows no `maximumBytesBilled`.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
from bqemulator.api.dependencies import AppContext
from bqemulator.api.routes import jobs
from bqemulator.catalog.models import JobMeta, TableMeta
from bqemulator.domain.errors import InvalidQueryError
from bqemulator.jobs import executor
from bqemulator.row_access.identity import CallerIdentity
from bqemulator.sql import parameters

from emulators.bigquery.billing.column_sizes import KEPT, ColumnSizes, TableColumns
from emulators.bigquery.billing.estimates import Estimate, Warehouse
from emulators.bigquery.sql.transactions import ScriptTransaction

plan = executor._run_single_sql
_failed_job_meta = jobs._failed_job_meta


class BytesBilledLimitError(InvalidQueryError):
    """A statement would bill more bytes than its job may."""

    bq_reason = "bytesBilledLimitExceeded"


@dataclasses.dataclass
class Statement:
    """A statement or an expression of a script, which is a job of its own."""

    sql: str
    kind: str
    begun: datetime
    frame: Mapping[str, Any]
    is_expression: bool = False
    estimate: Estimate = dataclasses.field(default_factory=Estimate)
    result: pa.Table | None = None
    error: dict[str, Any] | None = None
    ended: datetime | None = None


class Account:
    """What the statements of one job process.

    Args:
        limit: The bytes that it may bill; None for any number.
    """

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._estimates: list[Estimate] = []
        self.statements: list[Statement] = []

    @contextmanager
    def charged(self, estimate: Estimate) -> Iterator[None]:
        """Add what a statement processes that is run meanwhile; one that fails costs nothing.

        Raises:
            BytesBilledLimitError: The job may not bill that many bytes.
        """
        required = estimate.billed + sum(one.billed for one in self._estimates)
        if self._limit is not None and required > self._limit:
            raise BytesBilledLimitError(
                f"Query exceeded limit for bytes billed: {self._limit}. {required} or higher required."
            )
        self._estimates.append(estimate)
        try:
            yield
        except BaseException:
            self._estimates.remove(estimate)
            raise

    def begin(self, statement: Statement) -> None:
        """Add a statement of a script: later than those before, for clients sort them by milliseconds."""
        if self.statements:
            statement.begun = max(statement.begun, self.statements[-1].begun + timedelta(milliseconds=1))
        self.statements.append(statement)

    def statistics(self) -> dict[str, Any]:
        """Return the fields of `statistics.query`."""
        return fields_of(*self._estimates)


def fields_of(*estimates: Estimate) -> dict[str, Any]:
    """Return the fields of `statistics.query` that say what statements process."""
    processed = str(sum(one.processed for one in estimates))
    referenced = dict.fromkeys(path for one in estimates for path in one.bytes_of)
    return {
        "totalBytesProcessed": processed,
        "estimatedBytesProcessed": processed,
        "totalBytesBilled": str(sum(one.billed for one in estimates)),
        "referencedTables": [
            {"projectId": project, "datasetId": dataset, "tableId": table} for project, dataset, table in referenced
        ],
    }


_LIMIT: ContextVar[int | None] = ContextVar("limit", default=None)
#: Of the job that is being run.
ACCOUNT: ContextVar[Account | None] = ContextVar("account", default=None)


def billable_bytes() -> int | None:
    """Return the bytes that the job being run may bill; None for any number."""
    return _LIMIT.get()


def limit_bytes_billed(query: Mapping[str, Any]) -> None:
    """Keep `maximumBytesBilled` of a request for the job that it makes."""
    _LIMIT.set(int(query.get("maximumBytesBilled") or 0) or None)


def estimate(sql: str, project_id: str, values: Mapping[str, Any], ctx: AppContext) -> Estimate:
    """Return what a statement will process; within a script's transaction, by what the script has changed.

    Args:
        sql: The statement.
        project_id: The project of tables that name none.
        values: Those of parameters and variables, by their names in lower case.
        ctx: The emulator.
    """
    engine = ctx.engine
    cursor = engine.connection.cursor()  # requests in threads use none at the same time

    def columns(table: TableMeta) -> TableColumns:
        if isinstance(engine, ScriptTransaction) and engine.has_changed(table):
            return ColumnSizes().of(table, engine.connection)
        return KEPT.of(table, cursor)

    try:
        return Warehouse(ctx.catalog, columns).estimate(sql, project_id, values)
    finally:
        cursor.close()


def values_of(query_parameters: list[dict[str, Any]] | None) -> dict[str, Any]:
    """Return the values of a request's named parameters."""
    return {one["name"].lower(): parameters._extract_value(one) for one in query_parameters or () if one.get("name")}


async def run_single_sql(
    project_id: str,
    bq_sql: str,
    query_params: list[dict[str, Any]] | None,
    ctx: AppContext,
    *,
    caller: CallerIdentity,
) -> pa.Table:
    """Run a statement that stands alone, unless it is too expensive."""
    account = ACCOUNT.get()
    if account is None:
        return await plan(project_id, bq_sql, query_params, ctx, caller=caller)
    with account.charged(estimate(bq_sql, project_id, values_of(query_params), ctx)):
        return await plan(project_id, bq_sql, query_params, ctx, caller=caller)


def with_statistics(job: JobMeta, account: Account) -> JobMeta:
    """Return a job that says what its statements have processed."""
    fields = account.statistics()
    statistics = {
        **job.statistics,
        "totalBytesProcessed": fields["totalBytesProcessed"],
        "query": {**job.statistics["query"], **fields},
    }
    if account.statements:
        statistics["numChildJobs"] = str(len(account.statements))
    return job.model_copy(update={"statistics": statistics})


def bytes_of_job(project_id: str, job_id: str | None, ctx: AppContext) -> dict[str, Any]:
    """Return the fields of an answer with a job's rows that say what the job has processed; none of an unknown job."""
    job = ctx.catalog.get_job(project_id, job_id) if job_id else None
    query = job.statistics.get("query", {}) if job else {}
    return {name: query[name] for name in ("totalBytesProcessed", "totalBytesBilled") if name in query}


def failed_job_meta(
    project_id: str, job_id: str, job_type: Any, config: dict[str, Any], error_result: dict[str, Any], now: datetime
) -> JobMeta:
    """Return the record of a job that has failed; of a script, with what the statements before have processed."""
    job = _failed_job_meta(project_id, job_id, job_type, config, error_result, now)
    account = ACCOUNT.get()
    return with_statistics(job, account) if account and job_type == "QUERY" else job


def patch() -> None:
    """Put these in the place of bqemulator's."""
    vars(executor)["_run_single_sql"] = run_single_sql
    vars(jobs)["_failed_job_meta"] = failed_job_meta
