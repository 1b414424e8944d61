"""`jobs.query` that answers errors as errors, and default datasets, for the BigQuery emulator.

bqemulator 1.4.0 answers a failing query there with status 200, no rows, and the error in a field that no client reads:
`query_and_wait` gives an empty result. Here the answer has the status of the error, as on the service.

It ignores `defaultDataset` there, which `jobs.insert` honours except for views of INFORMATION_SCHEMA (status 500),
temporary tables (put into the default dataset) and literals without an end (status 500, which clients retry for ten
minutes). So it answers what DuckDB refuses on any other way than a query's.
"""

from typing import Annotated, Any

import duckdb
from bqemulator.api.dependencies import AppContext, get_caller, get_context
from bqemulator.api.routes import jobs
from bqemulator.domain.errors import InvalidQueryError
from bqemulator.jobs.error_mapper import translate_runtime_error
from bqemulator.row_access.identity import CallerIdentity
from bqemulator.sql.rewriter import default_dataset as rewriter
from bqemulator.sql.rewriter import legacy_sql
from bqemulator.sql.rewriter.legacy_sql import rewrite_legacy_to_standard
from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from sqlglot import expressions as exp

from emulators.bigquery.expiry import expire
from emulators.bigquery.jobs import accounts, job_rules
from emulators.bigquery.parsing import own_statements, statements
from emulators.bigquery.routes import replace_route

_ERRORS = {error.bq_reason: error for error in (*jobs._SQL_EXECUTION_DOMAIN_ERRORS, accounts.BytesBilledLimitError)}
_VIEWS = "INFORMATION_SCHEMA."


async def query(
    project_id: str,
    request: Request,
    ctx: Annotated[AppContext, Depends(get_context)],
    caller: Annotated[CallerIdentity, Depends(get_caller)],
) -> dict[str, Any]:
    """Run a query and return its first rows; replaces bqemulator's own endpoint.

    Raises:
        DomainError: The query failed; its job is kept.
    """
    job_rules.check_size(await request.body())
    body = await request.json()  # the request keeps this object: bqemulator's endpoint reads what is changed in it
    job_rules.check_query(body)
    await expire(ctx)
    accounts.limit_bytes_billed(body)
    body["query"] = jobs._apply_default_dataset(body.get("query", ""), body, request_project_id=project_id)
    answer = await jobs.query(project_id, request, ctx, caller)
    for error in answer.get("errors", ()):
        raise _ERRORS[error["reason"]](error["message"], location=error.get("location"))
    return {**answer, **accounts.bytes_of_job(project_id, answer["jobReference"].get("jobId"), ctx)}


def to_standard_sql(sql: str) -> str:
    """Return a query of legacy SQL as one of standard SQL.

    Raises:
        InvalidQueryError: It has more of legacy SQL than bqemulator knows: casts, and `[project:dataset.table]`.
    """
    rewritten = rewrite_legacy_to_standard(sql)
    if not statements(rewritten):
        message = "The BigQuery emulator does not offer legacy SQL: write standard SQL, with bq --use_legacy_sql=false."
        raise InvalidQueryError(message, location="query")
    return rewritten


def with_default_dataset(sql: str, *, default_project: str, default_dataset: str) -> str:
    """Return a script whose tables without a dataset are those of the default dataset.

    What cannot be parsed is returned as it is: whoever runs it says why.
    """
    own = own_statements(sql)
    if not own:
        return sql
    temporary = {
        table.name
        for statement in own
        if isinstance(statement, exp.Create) and statement.find(exp.TemporaryProperty)
        for table in statement.find_all(exp.Table)
        if table.find_ancestor(exp.Query) is None
    }
    for statement in own:
        shadowed = temporary | {cte.alias_or_name for cte in statement.find_all(exp.CTE)}
        for table in list(statement.find_all(exp.Table)):
            if table.db or not table.name or table.name in shadowed:
                continue
            if table.name.upper().startswith(_VIEWS):
                parts = [default_project, default_dataset, *table.name.split(".")]
                table.set("this", exp.Dot.build([exp.to_identifier(part) for part in parts]))
            else:
                table.set("db", exp.to_identifier(default_dataset))
                table.set("catalog", exp.to_identifier(default_project))
    return ";\n".join(statement.sql(dialect="bigquery") for statement in own)


async def refuse(_: Request, error: Exception) -> JSONResponse:
    """Answer an error of DuckDB as the query's that it is of."""
    wrong = translate_runtime_error(error)
    return JSONResponse(wrong.to_bigquery_error(), wrong.http_status)


def answer_errors(app: FastAPI) -> None:
    """Answer errors of DuckDB that a request has caused with the service's status."""
    for error in (duckdb.ProgrammingError, duckdb.DataError, duckdb.IntegrityError, duckdb.NotSupportedError):
        app.add_exception_handler(error, refuse)


def patch() -> None:
    """Put the endpoint and the rewriting in the place of bqemulator's."""
    replace_route(jobs.router, jobs.query, query, "POST")
    vars(legacy_sql)["rewrite_legacy_to_standard"] = to_standard_sql
    vars(rewriter)["qualify_unqualified_tables"] = with_default_dataset
