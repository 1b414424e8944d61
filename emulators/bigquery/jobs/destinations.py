"""Results of queries in the tables that their jobs name, for the BigQuery emulator.

bqemulator 1.4.0 overlooks `destinationTable`: the job is done, and there is no table.
"""

import dataclasses
from typing import Any

from bqemulator.api.dependencies import AppContext
from bqemulator.api.routes import jobs, tables
from bqemulator.catalog.etag import generate_etag
from bqemulator.catalog.models import JobMeta, TableMeta
from bqemulator.domain.errors import (
    AlreadyExistsError,
    InvalidQueryError,
    ResourceRef,
    resource_not_found,
)
from bqemulator.jobs import executor
from bqemulator.row_access.identity import CallerIdentity
from bqemulator.storage.sql_identifiers import quoted_table_ref

from emulators.bigquery.jobs.loads import with_fields
from emulators.bigquery.sql.transactions import ScriptTransaction

_ROWS = "query_result"
_check = jobs._check_create_disposition


def check_destination(query_config: dict[str, Any], *, ctx: AppContext, request_project_id: str) -> None:
    """Refuse a job whose result cannot be written to the table that it names.

    Raises:
        DomainError: The dataset or, with CREATE_NEVER, the table does not exist; the statement has no result.
    """
    _check(query_config, ctx=ctx, request_project_id=request_project_id)
    if not query_config.get("destinationTable"):
        return
    project_id, dataset_id, _ = _destination(query_config, request_project_id)
    if ctx.catalog.get_dataset(project_id, dataset_id) is None:
        raise resource_not_found(ResourceRef("dataset", project_id, dataset_id))
    if query_config.get("schemaUpdateOptions"):
        raise InvalidQueryError("The BigQuery emulator writes results to tables without schemaUpdateOptions.")
    kind = executor.classify_statement_type(query_config.get("query", ""))
    if kind not in ("SELECT", ""):
        raise InvalidQueryError(f"Cannot set destination table in jobs with {kind} statements")


async def write_result(
    *,
    job_meta: JobMeta,
    job_id: str,
    query_config: dict[str, Any],
    ctx: AppContext,
    caller: CallerIdentity,
    request_project_id: str,
) -> JobMeta:
    """Write the result of a query that is done into its destination; returns the job, failed where that fails."""
    if not query_config.get("destinationTable"):
        return job_meta
    config = {**job_meta.configuration, "query": {**job_meta.configuration["query"], **query_config}}
    table = _destination(query_config, request_project_id)
    try:
        async with ctx.engine.write_lock():
            _write(table, job_id, query_config, ctx)
    except jobs._SQL_EXECUTION_DOMAIN_ERRORS as error:
        reason = jobs._domain_error_to_error_result(error)
        return jobs._failed_job_meta(request_project_id, job_id, "QUERY", config, reason, ctx.clock.now())
    return job_meta.model_copy(update={"configuration": config})


def _destination(query_config: dict[str, Any], project_id: str) -> tuple[str, str, str]:
    table = query_config["destinationTable"]
    return table.get("projectId") or project_id, table.get("datasetId", ""), table.get("tableId", "")


def _write(table: tuple[str, str, str], job_id: str, query_config: dict[str, Any], ctx: AppContext) -> None:
    rows, fields = executor.JOB_RESULTS[job_id], executor.JOB_SCHEMAS[job_id]
    reference, existing = quoted_table_ref(*table), ctx.catalog.get_table(*table)
    disposition = query_config.get("writeDisposition") or "WRITE_EMPTY"
    transaction = ScriptTransaction(ctx.engine)
    transaction.begin()
    try:
        made = None
        if existing is None:
            made = _new_table(table, fields, query_config, dataclasses.replace(ctx, engine=transaction))
        elif disposition == "WRITE_TRUNCATE":
            existing = with_fields(existing, fields, transaction, ctx)
            transaction.execute(f"DELETE FROM {reference}")
        elif disposition == "WRITE_APPEND":
            known = {field.name for field in existing.schema_.fields}
            jobs._validate_write_append_schema(rows, known, allow_field_addition=False)
        elif transaction.execute(f"SELECT 1 FROM {reference} LIMIT 1").fetchone():
            raise AlreadyExistsError("Already Exists: Table {}:{}.{}".format(*table))
        transaction.connection.register(_ROWS, rows)
        transaction.execute(f"INSERT INTO {reference} BY NAME SELECT * FROM {_ROWS}")
        transaction.end("COMMIT")
    except BaseException:
        transaction.end("ROLLBACK")
        raise
    if made:
        ctx.catalog.create_table(made)
    elif existing:
        ctx.catalog.update_table(existing.model_copy(update={"last_modified_time": ctx.clock.now()}))


def _new_table(
    table: tuple[str, str, str], fields: list[dict[str, Any]], query_config: dict[str, Any], ctx: AppContext
) -> TableMeta:
    now = ctx.clock.now()
    project_id, dataset_id, table_id = table
    return TableMeta(
        project_id=project_id,
        dataset_id=dataset_id,
        table_id=table_id,
        schema=executor._build_explicit_schema(ctx, quoted_table_ref(*table), fields),
        time_partitioning=tables._rest_to_time_partitioning(query_config.get("timePartitioning"), None),
        clustering=tables._rest_to_clustering(query_config.get("clustering"), None),
        creation_time=now,
        last_modified_time=now,
        etag=generate_etag(*table, str(now)),
    )


def patch() -> None:
    """Put these in the place of bqemulator's."""
    vars(jobs)["_check_create_disposition"] = check_destination
    vars(jobs)["_apply_write_append"] = write_result
