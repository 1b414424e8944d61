"""Dry runs that check a statement and say what it would process, without running it, for the BigQuery emulator.

bqemulator 1.4.0 runs a query, and a script with all that it changes, checks no other statement, and keeps a job.
"""

import dataclasses
from datetime import datetime
from typing import Any

from bqemulator.api.dependencies import AppContext
from bqemulator.api.routes import jobs
from bqemulator.catalog.models import JobMeta
from bqemulator.jobs import executor
from bqemulator.jobs.ddl_result import ddl_operation_for
from bqemulator.row_access.identity import CallerIdentity
from bqemulator.scripting.ast import SqlStmt

from emulators.bigquery.jobs import accounts
from emulators.bigquery.sql.planning import PlanningEngine

#: The statements that DuckDB plans as they are.
_PLANNED = ("INSERT", "UPDATE", "DELETE", "MERGE", "CREATE_TABLE", "CREATE_TABLE_AS_SELECT")


async def dry_run(
    *,
    project_id: str,
    job_id: str,
    bq_sql: str,
    query_params: list[dict[str, Any]] | None,
    ctx: AppContext,
    caller: CallerIdentity,
    wire_shape: str,
) -> dict[str, Any]:
    """Answer a dry run of `jobs.query`.

    Raises:
        DomainError: The statement would be refused.
    """
    statistics = await _statistics(project_id, bq_sql, query_params, ctx, caller)
    fields = statistics.pop("schema")
    reference = {"projectId": project_id} | ({"jobId": job_id, "location": "US"} if wire_shape == "insert" else {})
    return {
        **statistics,
        "kind": "bigquery#queryResponse",
        "jobReference": reference,
        "jobComplete": True,
        "schema": fields,
        "rows": [],
    }


async def dry_run_job(
    *,
    project_id: str,
    job_id: str,
    bq_sql: str,
    query_params: list[dict[str, Any]] | None,
    session_id: str | None,
    config: dict[str, Any],
    ctx: AppContext,
    caller: CallerIdentity,
    now: datetime,
) -> dict[str, Any]:
    """Answer a dry run of `jobs.insert`, of which no job is kept.

    Raises:
        DomainError: The statement would be refused.
    """
    query = await _statistics(project_id, bq_sql, query_params, ctx, caller)
    statistics: dict[str, Any] = {"query": query, "totalBytesProcessed": query["totalBytesProcessed"]}
    jobs._attach_session_info(statistics, session_id)
    job = JobMeta(
        project_id=project_id,
        job_id=job_id,
        job_type="QUERY",
        state="DONE",
        configuration=config,
        statistics=statistics,
        creation_time=now,
        start_time=now,
        end_time=now,
        etag=job_id,
    )
    return dict(jobs._build_job_response(project_id, job_id, job, config))


async def _statistics(
    project_id: str,
    sql: str,
    query_params: list[dict[str, Any]] | None,
    ctx: AppContext,
    caller: CallerIdentity,
) -> dict[str, Any]:
    script = executor._parse_script_or_raise(sql)
    kind, fields, estimates = "SCRIPT", [], []
    if len(script.statements) == 1 and isinstance(script.statements[0], SqlStmt):
        kind = executor.classify_statement_type(sql)
        estimates.append(accounts.estimate(sql, project_id, accounts.values_of(query_params), ctx))
        is_query = kind in ("SELECT", "")
        if is_query or kind in _PLANNED:
            planning = dataclasses.replace(ctx, engine=PlanningEngine(ctx.engine, is_query=is_query))
            try:
                planned = await accounts.plan(project_id, sql, query_params, planning, caller=caller)
            except jobs._SQL_EXECUTION_DOMAIN_ERRORS as error:
                jobs._rewrite_for_dry_run(error, bq_sql=sql)
                raise
            fields = executor.build_response_schema(planned.schema)
        if not is_query:
            fields = jobs._destructive_dry_run_schema(bq_sql=sql, statement_type=kind, project_id=project_id, ctx=ctx)
    statistics = {
        **accounts.fields_of(*estimates),
        "totalBytesBilled": "0",
        "totalBytesProcessedAccuracy": "PRECISE",
        "totalRows": "0",
        "cacheHit": False,
        "statementType": kind,
        "schema": {"fields": fields},
    }
    if operation := ddl_operation_for(kind):
        statistics["ddlOperationPerformed"] = operation
    return statistics


def patch() -> None:
    """Put these in the place of bqemulator's."""
    vars(jobs).update(_dry_run_response=dry_run, _build_dry_run_query_response=dry_run_job)
