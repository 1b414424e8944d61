"""The bytes that jobs process, and the limit of those that are billed, for the BigQuery emulator.

bqemulator 1.4.0 says 0 bytes of every job, knows no `maximumBytesBilled`, and no job of a script's statements. On the
service each statement of a script is a job of its own, beside those expressions of it that read a table; the script's
numbers are the sums of theirs.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import uuid4

import pyarrow as pa
from bqemulator.api.dependencies import AppContext, get_context
from bqemulator.api.routes import jobs
from bqemulator.catalog.models import JobMeta, TableMeta
from bqemulator.domain.errors import InvalidQueryError
from bqemulator.jobs import executor
from bqemulator.row_access.identity import CallerIdentity
from bqemulator.scripting import interpreter
from bqemulator.scripting.interpreter import ScriptResult
from bqemulator.sql import parameters
from fastapi import Depends

from emulators.bigquery.billing.column_sizes import KEPT, ColumnSizes, TableColumns
from emulators.bigquery.billing.estimates import Estimate, Warehouse
from emulators.bigquery.jobs.kept_jobs import MOST_JOBS
from emulators.bigquery.routes import replace_route
from emulators.bigquery.sql.transactions import ScriptTransaction, TransactionalScripts

plan = executor._run_single_sql
_execute_query_job = executor.execute_query_job
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
_ACCOUNT: ContextVar[Account | None] = ContextVar("account", default=None)


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
    account = _ACCOUNT.get()
    if account is None:
        return await plan(project_id, bq_sql, query_params, ctx, caller=caller)
    with account.charged(estimate(bq_sql, project_id, values_of(query_params), ctx)):
        return await plan(project_id, bq_sql, query_params, ctx, caller=caller)


class AccountedScripts(TransactionalScripts):
    """Runs a script whose statements are jobs; replaces bqemulator's own interpreter."""

    _statement: Statement | None = None
    _source = ""
    _read = 0

    async def run(self, source: str) -> ScriptResult:
        """Run the script."""
        self._source = source
        return await super().run(source)

    async def _exec_sql(self, sql: str) -> None:
        self._statement = self._begin(sql)
        try:
            await super()._exec_sql(sql)
        except jobs._SQL_EXECUTION_DOMAIN_ERRORS as error:
            self._statement.error = jobs._domain_error_to_error_result(error)
            raise
        finally:
            self._statement.ended = self._ctx.clock.now()
            self._statement = None

    async def _run_query(self, bq_sql: str) -> pa.Table:
        with self._charged(bq_sql) as charged:
            statement = self._statement
            if statement is None and charged.bytes_of:
                statement = self._begin(bq_sql, is_expression=True)
            result = await super()._run_query(bq_sql)
        if statement:
            statement.estimate, statement.result, statement.ended = charged, result, self._ctx.clock.now()
        return result

    async def _run_statement_with_params(self, bq_sql: str, using_values: list[Any]) -> None:
        with self._charged(bq_sql) as charged:
            statement = self._begin(bq_sql)
            await super()._run_statement_with_params(bq_sql, using_values)
        statement.estimate, statement.result = charged, self._final_table

    async def _run_query_with_params(self, bq_sql: str, using_values: list[Any]) -> pa.Table:
        with self._charged(bq_sql) as charged:
            statement = self._begin(bq_sql)
            statement.result = await super()._run_query_with_params(bq_sql, using_values)
        statement.estimate = charged
        return statement.result

    def _begin(self, sql: str, *, is_expression: bool = False) -> Statement:
        transaction = interpreter._classify_txn_statement(sql)
        kind = f"{transaction}_TRANSACTION" if transaction else executor.classify_statement_type(sql)
        text = sql.strip()
        frame = self._frame(text.removeprefix("SELECT ") if is_expression else text)
        statement = Statement(text, kind, self._ctx.clock.now(), frame, is_expression)
        if account := _ACCOUNT.get():
            account.begin(statement)
        return statement

    def _frame(self, text: str) -> dict[str, Any]:
        """Return where the script has a text: the next place of it, the first one in a loop."""
        start = self._source.find(text, self._read)
        self._read = start = max(0, start if start >= 0 else self._source.find(text))
        frame: dict[str, Any] = {"text": text}
        for name, position in (("start", start), ("end", start + len(text))):
            before = self._source[:position]
            frame[f"{name}Line"] = before.count("\n") + 1
            frame[f"{name}Column"] = position - before.rfind("\n")
        return frame

    @contextmanager
    def _charged(self, sql: str) -> Iterator[Estimate]:
        """Charge the job for a statement that is run meanwhile, and give its estimate."""
        values = {name.lower(): variable.value for name, variable in self._frames.all_visible().items()}
        charged = estimate(sql, self._project_id, values, self._ctx)
        account = _ACCOUNT.get()
        with account.charged(charged) if account else nullcontext():
            yield charged


async def execute_query_job(
    project_id: str,
    job_id: str,
    bq_sql: str,
    query_params: list[dict[str, Any]] | None,
    ctx: AppContext,
    *,
    caller: CallerIdentity | None = None,
) -> JobMeta:
    """Run a query job that says how many bytes it has processed; so do the jobs of a script's statements."""
    account = Account(_LIMIT.get())
    _ACCOUNT.set(account)
    try:
        job = await _execute_query_job(project_id, job_id, bq_sql, query_params, ctx, caller=caller)
    finally:
        for number, statement in enumerate(account.statements):
            ctx.catalog.upsert_job(_job_of(statement, number, project_id, job_id, ctx))
    return _with_statistics(job, account)


def _with_statistics(job: JobMeta, account: Account) -> JobMeta:
    fields = account.statistics()
    statistics = {
        **job.statistics,
        "totalBytesProcessed": fields["totalBytesProcessed"],
        "query": {**job.statistics["query"], **fields},
    }
    if account.statements:
        statistics["numChildJobs"] = str(len(account.statements))
    return job.model_copy(update={"statistics": statistics})


def _job_of(statement: Statement, number: int, project_id: str, parent_id: str, ctx: AppContext) -> JobMeta:
    job_id = f"script_job_{uuid4().hex}_{number}"
    query: dict[str, Any] = {"statementType": statement.kind, "cacheHit": False, **fields_of(statement.estimate)}
    if statement.result is not None:
        rows, affected, _ = executor._finalize_statement_result(
            statement.result, statement.kind, bq_sql=statement.sql, project_id=project_id, ctx=ctx
        )
        query["totalRows"] = str(rows.num_rows)
        if affected is not None:
            query["numDmlAffectedRows"] = str(affected)
        if rows.num_columns:
            executor.JOB_RESULTS[job_id] = rows
            executor.JOB_SCHEMAS[job_id] = executor.build_response_schema(rows.schema)
    return JobMeta(
        project_id=project_id,
        job_id=job_id,
        job_type="QUERY",
        state="DONE",
        configuration={"jobType": "QUERY", "query": {"query": statement.sql}},
        statistics={
            "parentJobId": parent_id,
            "scriptStatistics": {
                "evaluationKind": "EXPRESSION" if statement.is_expression else "STATEMENT",
                "stackFrames": [statement.frame],
            },
            "totalBytesProcessed": query["totalBytesProcessed"],
            "query": query,
        },
        error_result=statement.error,
        creation_time=statement.begun,
        start_time=statement.begun,
        end_time=statement.ended or ctx.clock.now(),
        etag=job_id,
    )


def bytes_of_job(project_id: str, job_id: str | None, ctx: AppContext) -> dict[str, Any]:
    """Return the fields of an answer with a job's rows that say what the job has processed; none of an unknown job."""
    job = ctx.catalog.get_job(project_id, job_id) if job_id else None
    query = job.statistics.get("query", {}) if job else {}
    return {name: query[name] for name in ("totalBytesProcessed", "totalBytesBilled") if name in query}


def is_of_a_script(project_id: str, job_id: str, ctx: AppContext) -> bool:
    """Tell whether a job is that of a script's statement."""
    job = ctx.catalog.get_job(project_id, job_id)
    return job is not None and "parentJobId" in job.statistics


def list_jobs(
    project_id: str,
    ctx: Annotated[AppContext, Depends(get_context)],
    maxResults: int = 100,  # noqa: N803 - a name of the API
    stateFilter: str | None = None,  # noqa: N803 - a name of the API
    parentJobId: str | None = None,  # noqa: N803 - a name of the API
) -> dict[str, Any]:
    """Answer `jobs.list`: those of a script's statements, or all others; the newest first."""
    found = [
        job
        for job in ctx.catalog.list_jobs(
            project_id, state_filter=stateFilter and stateFilter.upper(), max_results=MOST_JOBS
        )
        if job.statistics.get("parentJobId") == parentJobId
    ][:maxResults]
    items = [jobs._build_job_response(project_id, job.job_id, job, job.configuration) for job in found]
    return {"kind": "bigquery#jobList", "jobs": items, "totalItems": len(items)}


def failed_job_meta(
    project_id: str, job_id: str, job_type: Any, config: dict[str, Any], error_result: dict[str, Any], now: datetime
) -> JobMeta:
    """Return the record of a job that has failed; of a script, with what the statements before have processed."""
    job = _failed_job_meta(project_id, job_id, job_type, config, error_result, now)
    account = _ACCOUNT.get()
    return _with_statistics(job, account) if account and job_type == "QUERY" else job


def patch() -> None:
    """Put these in the place of bqemulator's."""
    vars(executor)["_run_single_sql"] = run_single_sql
    vars(executor)["ScriptInterpreter"] = AccountedScripts
    vars(jobs).update(execute_query_job=execute_query_job, _failed_job_meta=failed_job_meta)
    replace_route(jobs.router, jobs.list_jobs, list_jobs, "GET")
