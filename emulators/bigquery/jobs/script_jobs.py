"""The jobs of a script's statements, for the BigQuery emulator; bqemulator 1.4.0 has none.

On the service each statement of a script is a job of its own, beside those expressions of it that read a table; the
script's numbers are the sums of theirs.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Annotated, Any, cast
from uuid import uuid4

import pyarrow as pa
from bqemulator.api.dependencies import AppContext, get_context
from bqemulator.api.routes import jobs
from bqemulator.catalog.models import JobMeta
from bqemulator.jobs import executor
from bqemulator.row_access.identity import CallerIdentity
from bqemulator.scripting import interpreter
from bqemulator.scripting.interpreter import ScriptResult
from fastapi import Depends

from emulators.bigquery.billing.estimates import Estimate
from emulators.bigquery.jobs.accounts import (
    ACCOUNT,
    Account,
    Statement,
    billable_bytes,
    estimate,
    fields_of,
    with_statistics,
)
from emulators.bigquery.jobs.kept_jobs import MOST_JOBS, Catalog
from emulators.bigquery.routes import replace_route
from emulators.bigquery.sql.transactions import TransactionalScripts

_execute_query_job = executor.execute_query_job


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
        if account := ACCOUNT.get():
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
        account = ACCOUNT.get()
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
    account = Account(billable_bytes())
    ACCOUNT.set(account)
    try:
        job = await _execute_query_job(project_id, job_id, bq_sql, query_params, ctx, caller=caller)
    finally:
        cast(Catalog, ctx.catalog).enter_jobs(
            [_job_of(statement, number, project_id, job_id, ctx) for number, statement in enumerate(account.statements)]
        )
    return with_statistics(job, account)


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


def patch() -> None:
    """Put these in the place of bqemulator's."""
    vars(executor)["ScriptInterpreter"] = AccountedScripts
    vars(jobs)["execute_query_job"] = execute_query_job
    replace_route(jobs.router, jobs.list_jobs, list_jobs, "GET")
