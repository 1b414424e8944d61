"""Copies of tables, for the BigQuery emulator.

bqemulator 1.4.0 copies the first of several tables, appends by position whatever columns and partitions the tables
have, appends where nothing is said of it, and does not say how many rows it has copied. `docs/service-rules.md` has
each rule with its source.
"""

from typing import Any, cast

from bqemulator.api.dependencies import AppContext
from bqemulator.catalog.etag import generate_etag
from bqemulator.catalog.models import JobMeta, TableMeta
from bqemulator.domain.errors import InvalidQueryError, ResourceRef, resource_not_found
from bqemulator.jobs import executor
from bqemulator.storage.sql_identifiers import quoted_table_ref

from emulators.bigquery.jobs.kept_jobs import Catalog
from emulators.bigquery.sql.transactions import ScriptTransaction

_copy = executor.execute_copy_job


async def copy(project_id: str, job_id: str, config: dict[str, Any], ctx: AppContext) -> JobMeta:
    """Run a copy job; replaces bqemulator's own."""
    options = {"writeDisposition": "WRITE_EMPTY", **config["copy"]}
    sources = options.get("sourceTables") or [options.get("sourceTable") or {}]
    target = ctx.catalog.get_table(*_path(options.get("destinationTable") or {}, project_id))
    if target is not None and options["writeDisposition"] == "WRITE_APPEND":
        return await _append(project_id, job_id, config, [_path(source, project_id) for source in sources], target, ctx)
    for number, source in enumerate(sources):
        one = {**options, "sourceTable": source}
        if number:
            one["writeDisposition"] = "WRITE_APPEND"
        done = await _copy(project_id, job_id, {"copy": one}, ctx)
    return done.model_copy(update={"configuration": config})


async def _append(
    project_id: str,
    job_id: str,
    config: dict[str, Any],
    sources: list[tuple[str, str, str]],
    target: TableMeta,
    ctx: AppContext,
) -> JobMeta:
    """Append all rows of all tables to a table that is there, or none of them."""
    began = ctx.clock.now()
    for source in sources:
        table = ctx.catalog.get_table(*source)
        if table is None:
            raise resource_not_found(ResourceRef("table", *source))
        check_append(table, target)
    async with ctx.engine.write_lock():
        transaction = ScriptTransaction(ctx.engine)
        transaction.begin()
        rows = 0
        try:
            for source in sources:
                statement = f"INSERT INTO {_reference(target)} BY NAME SELECT * FROM {quoted_table_ref(*source)}"
                (copied,) = transaction.execute(statement).fetchone() or (0,)
                rows += copied
            now = ctx.clock.now()
            done = JobMeta(
                project_id=project_id,
                job_id=job_id,
                job_type="COPY",
                state="DONE",
                configuration=config,
                statistics={"copy": {"copiedRows": str(rows)}},
                creation_time=began,
                start_time=began,
                end_time=now,
                etag=generate_etag(project_id, job_id, str(began)),
            )
            # Together, for whoever asks for the job after a kill copies once more where there is none.
            cast(Catalog, ctx.catalog).write_within(transaction, done)
            transaction.end("COMMIT")
        finally:
            transaction.end("ROLLBACK")
    ctx.catalog.update_table(target.model_copy(update={"last_modified_time": now}))
    ctx.snapshots.record_change(target.project_id, target.dataset_id, target.table_id)
    return done


def check_append(source: TableMeta, target: TableMeta) -> None:
    """Refuse to append a table to one that is not like it.

    Raises:
        InvalidQueryError: Their partitions differ, or their columns.
    """
    if _partitions(source) != _partitions(target):
        raise InvalidQueryError(
            f"Incompatible table partitioning specification. Destination table has {_partitions(target)}, source table "
            f"has {_partitions(source)}."
        )
    columns = {column.name.lower(): column for column in target.schema_.fields}
    for column in source.schema_.fields:
        fault = ""
        wanted = columns.pop(column.name.lower(), None)
        if wanted is None:
            fault = f"Cannot add fields (field: {column.name})"
        elif wanted.type != column.type:
            fault = f"Field {column.name} has changed type from {wanted.type} to {column.type}"
        elif wanted.mode != column.mode and wanted.mode != "NULLABLE":
            fault = f"Field {column.name} has changed mode from {wanted.mode} to {column.mode}"
        if fault:
            raise _mismatch(target, fault)
    if columns:
        raise _mismatch(target, f"Field {next(iter(columns.values())).name} is missing in new schema")


def _mismatch(target: TableMeta, fault: str) -> InvalidQueryError:
    name = f"{target.project_id}:{target.dataset_id}.{target.table_id}"
    return InvalidQueryError(f"Provided Schema does not match Table {name}. {fault}")


def _partitions(table: TableMeta) -> str:
    if table.time_partitioning is not None:
        return f"{table.time_partitioning.type} of {table.time_partitioning.field or '_PARTITIONTIME'}"
    return str(table.range_partitioning or "none")


def _path(reference: dict[str, Any], project_id: str) -> tuple[str, str, str]:
    return reference.get("projectId", project_id), reference.get("datasetId", ""), reference.get("tableId", "")


def _reference(table: TableMeta) -> str:
    return quoted_table_ref(table.project_id, table.dataset_id, table.table_id)
