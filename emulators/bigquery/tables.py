"""Resources of tables that say what is there, for the BigQuery emulator.

bqemulator 1.4.0 says the number of rows as of the last load or `CREATE TABLE`, and always 0 bytes. Its lists leave out
partitioning, clustering and every table behind the first page; `CREATE TABLE` forgets clustering, and partitioning by
anything but a day, `ALTER TABLE` what it has changed; a view made by `tables.insert` is an empty table. It overlooks
`requirePartitionFilter` and `expirationTime` of a request.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any

from bqemulator.api.dependencies import AppContext, get_caller, get_context
from bqemulator.api.routes import tables
from bqemulator.catalog import ddl_sync
from bqemulator.catalog.models import (
    Clustering,
    RangePartitioning,
    TableFieldSchema,
    TableMeta,
    TableSchema,
    TimePartitioning,
)
from bqemulator.domain.errors import InvalidQueryError, ResourceRef, resource_already_exists, resource_not_found
from bqemulator.jobs import executor
from bqemulator.row_access.identity import CallerIdentity
from bqemulator.scripting import interpreter
from bqemulator.storage.sql_identifiers import quoted_table_ref
from bqemulator.storage.type_map import bq_schema_to_duckdb_columns
from fastapi import Depends, Request, Response
from sqlglot import expressions as exp

from emulators.bigquery import table_rules
from emulators.bigquery.billing.column_sizes import KEPT
from emulators.bigquery.expiry import expire, is_expired
from emulators.bigquery.parsing import statements
from emulators.bigquery.routes import replace_route
from emulators.bigquery.sizes import TableSizes

_Context = Annotated[AppContext, Depends(get_context)]
_LISTED = (
    *("kind", "id", "tableReference", "type", "creationTime", "friendlyName", "labels", "timePartitioning"),
    *("rangePartitioning", "clustering", "requirePartitionFilter", "view", "expirationTime"),
)
_MOST_RESULTS = 1000


def resource(table: TableMeta) -> dict[str, Any]:
    """Return a table's resource, without its size."""
    answer = dict(_to_rest(table))
    if table.time_partitioning and table.time_partitioning.require_partition_filter:
        answer["requirePartitionFilter"] = True
    if table.expiration_time:
        answer["expirationTime"] = str(int(table.expiration_time.timestamp() * 1000))
    if by := table.range_partitioning:
        bounds = {"start": str(by.start), "end": str(by.end), "interval": str(by.interval)}
        answer["rangePartitioning"] = {"field": by.field, "range": bounds}
    if table.view_query:
        answer["view"] = {"query": table.view_query, "useLegacySql": table.use_legacy_sql}
    return answer


_to_rest = tables._table_to_rest
_get, _insert, _patch, _update = tables.get_table, tables.insert_table, tables.patch_table, tables.update_table
_delete = tables.delete_table


def get_table(project_id: str, dataset_id: str, table_id: str, ctx: _Context) -> dict[str, Any]:
    """Answer `tables.get`."""
    table = ctx.catalog.get_table(project_id, dataset_id, table_id)
    if table is not None and is_expired(table, ctx.clock.now()):
        raise resource_not_found(ResourceRef("table", project_id, dataset_id, table_id))
    return _with_size(_get(project_id, dataset_id, table_id, ctx), ctx)


def list_tables(
    project_id: str,
    dataset_id: str,
    ctx: _Context,
    maxResults: int = _MOST_RESULTS,  # noqa: N803 - a name of the API
    pageToken: str = "",  # noqa: N803 - a name of the API
) -> dict[str, Any]:
    """Answer `tables.list`; a page begins behind the table that the token names."""
    if ctx.catalog.get_dataset(project_id, dataset_id) is None:
        raise resource_not_found(ResourceRef("dataset", project_id, dataset_id))
    now = ctx.clock.now()
    tables_there = (table for table in ctx.catalog.list_tables(project_id, dataset_id) if not is_expired(table, now))
    found = sorted(tables_there, key=lambda table: table.table_id)
    page = [table for table in found if table.table_id > pageToken][:maxResults]
    items = [{key: value for key, value in resource(table).items() if key in _LISTED} for table in page]
    answer = {"kind": "bigquery#tableList", "tables": items, "totalItems": len(found)}
    if page and page[-1] is not found[-1]:
        answer["nextPageToken"] = page[-1].table_id
    return answer


async def insert_table(
    project_id: str,
    dataset_id: str,
    request: Request,
    ctx: _Context,
    caller: Annotated[CallerIdentity, Depends(get_caller)],
) -> dict[str, Any]:
    """Answer `tables.insert`; a view is made by the statement that makes one."""
    body = await request.json()
    await expire(ctx)
    table_id = (body.get("tableReference") or {}).get("tableId", "")
    if ctx.catalog.get_dataset(project_id, dataset_id) is None:
        raise resource_not_found(ResourceRef("dataset", project_id, dataset_id))
    table_rules.check(table_rules.of_resource(body))
    if "externalDataConfiguration" in body or "materializedView" in body:
        raise InvalidQueryError("The BigQuery emulator makes no external tables, and materialized views by SQL only.")
    if "view" not in body:
        return _with_size(_with_options(await _insert(project_id, dataset_id, request, ctx), body, None, ctx), ctx)
    if ctx.catalog.get_table(project_id, dataset_id, table_id) is not None:
        raise resource_already_exists(ResourceRef("table", project_id, dataset_id, table_id))
    statement = f"CREATE VIEW `{project_id}.{dataset_id}.{table_id}` AS {body['view'].get('query', '')}"
    await executor.execute_query_job(project_id, f"view_{table_id}", statement, None, ctx, caller=caller)
    return await _patch(project_id, dataset_id, table_id, request, ctx)


async def patch_table(
    project_id: str, dataset_id: str, table_id: str, request: Request, ctx: _Context
) -> dict[str, Any]:
    """Answer `tables.patch`: a schema that is null stays, as `bq update` expects; labels are merged."""
    body = await request.json()  # the request keeps this object: bqemulator's endpoint reads what is changed in it
    table = ctx.catalog.get_table(project_id, dataset_id, table_id)
    _check_change(body, table)
    if body.get("schema", {}) is None:
        del body["schema"]
    if table and "labels" in body:
        labels = {**table.labels, **(body["labels"] or {})}
        body["labels"] = {key: value for key, value in labels.items() if value is not None}
    await _add_columns(table, body, ctx)
    answer = await _patch(project_id, dataset_id, table_id, request, ctx)
    return _with_size(_with_options(answer, body, table, ctx), ctx)


async def update_table(
    project_id: str, dataset_id: str, table_id: str, request: Request, ctx: _Context
) -> dict[str, Any]:
    """Answer `tables.update`."""
    body = await request.json()
    table = ctx.catalog.get_table(project_id, dataset_id, table_id)
    _check_change(body, table)
    await _add_columns(table, body, ctx)
    answer = await _update(project_id, dataset_id, table_id, request, ctx)
    return _with_size(_with_options(answer, body, table, ctx), ctx)


async def _add_columns(table: TableMeta | None, body: dict[str, Any], ctx: AppContext) -> None:
    """Add the columns to a table that a new schema has; bqemulator's own would only say that they are there.

    Raises:
        InvalidQueryError: The schema lacks a column, or has another type for it.
    """
    given = (body.get("schema") or {}).get("fields")
    if table is None or table.view_query or not given:
        return
    after = _columns(tables._parse_schema_fields(given))
    name = f"{table.project_id}:{table.dataset_id}.{table.table_id}"
    for column, kind in _columns(table.schema_.fields).items():
        if (changed := after.pop(column, None)) != kind:
            change = f"has changed type to {changed}" if changed else "is missing in new schema"
            raise InvalidQueryError(f"Provided Schema does not match Table {name}. Field {column} {change}")
    reference = quoted_table_ref(table.project_id, table.dataset_id, table.table_id)
    async with ctx.engine.write_lock():
        for column, kind in after.items():
            ctx.engine.execute(f'ALTER TABLE {reference} ADD COLUMN "{column}" {kind}')


def _columns(fields: Iterable[TableFieldSchema]) -> dict[str, str]:
    """Return DuckDB's types of columns, which do not depend on what BigQuery's are called: INT64 or INTEGER."""
    return dict(bq_schema_to_duckdb_columns([tables._field_to_rest(field) for field in fields]))


async def delete_table(project_id: str, dataset_id: str, table_id: str, ctx: _Context) -> Response:
    """Answer `tables.delete`; bqemulator's own answers 500 for a view."""
    if "$" in table_id:
        raise InvalidQueryError("The BigQuery emulator takes no partition decorators: delete a partition by DML.")
    table = ctx.catalog.get_table(project_id, dataset_id, table_id)
    if table is None or table.table_type != "VIEW":
        return await _delete(project_id, dataset_id, table_id, ctx)
    async with ctx.engine.write_lock():
        ctx.engine.execute(f"DROP VIEW IF EXISTS {quoted_table_ref(project_id, dataset_id, table_id)}")
        ctx.catalog.delete_table(project_id, dataset_id, table_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


def _check_change(body: Mapping[str, Any], table: TableMeta | None) -> None:
    """Check what a request makes of a table: fields it does not name stay as they are."""
    if table is not None:
        table_rules.check(table_rules.of_resource({**resource(table), **body}))


def _with_options(
    answer: dict[str, Any], body: Mapping[str, Any], before: TableMeta | None, ctx: AppContext
) -> dict[str, Any]:
    """Keep what bqemulator overlooks: whether a table wants a filter on its partitions, and when it expires."""
    table = _described(answer, ctx)
    if table is None:
        return answer
    options: dict[str, Any] = {}
    if "requirePartitionFilter" in body and table.time_partitioning is not None:
        wanted = {"require_partition_filter": bool(body["requirePartitionFilter"])}
        options["time_partitioning"] = table.time_partitioning.model_copy(update=wanted)
    if "expirationTime" in body:
        expires = int(body["expirationTime"] or 0) / 1000
        options["expiration_time"] = datetime.fromtimestamp(expires, UTC) if expires else None
    elif before is not None:
        options["expiration_time"] = before.expiration_time
    return resource(ctx.catalog.update_table(table.model_copy(update=options))) if options else answer


def _described(answer: Mapping[str, Any], ctx: AppContext) -> TableMeta | None:
    reference = answer["tableReference"]
    return ctx.catalog.get_table(reference["projectId"], reference["datasetId"], reference["tableId"])


def _with_size(answer: dict[str, Any], ctx: AppContext) -> dict[str, Any]:
    table = _described(answer, ctx)
    if table is not None:
        rows, size = TableSizes(ctx.engine).of(table)
        answer["numRows"] = str(rows)
        answer |= dict.fromkeys(("numBytes", "numActiveLogicalBytes", "numTotalLogicalBytes"), str(size))
        answer["lastModifiedTime"] = str(int(KEPT.modified(table).timestamp() * 1000))
    return answer


def sync_table(sql: str, project_id: str, ctx: AppContext) -> None:
    """Register a table that a statement has made, with its partitioning and clustering, or altered."""
    if not (script := statements(sql)):
        return
    statement = script[0]
    target = statement.this if isinstance(statement, exp.Alter) else ddl_sync._detect_plain_create_table(sql)
    if target is None:
        return
    name = ddl_sync._split_target(target, project_id)
    if isinstance(statement, exp.Create) and statement.args.get("exists") and ctx.catalog.get_table(*name):
        return  # it was there before
    _sync(sql, project_id, ctx)
    table = ctx.catalog.get_table(*name)
    if table is None:
        return
    if isinstance(statement, exp.Alter) and (rename := statement.find(exp.AlterRename)):
        ctx.catalog.create_table(table.model_copy(update={"table_id": rename.this.name}))
        ctx.catalog.delete_table(table.project_id, table.dataset_id, table.table_id)
        return
    if isinstance(statement, exp.Alter):
        fields = ddl_sync._introspect_schema(table.project_id, table.dataset_id, table.table_id, ctx).fields
        altered: dict[str, Any] = {
            "schema_": TableSchema(fields=altered_fields(statement, table.schema_.fields, fields))
        }
    else:
        altered = layout(statement, table.time_partitioning) | _expiration(statement, ctx)
    ctx.catalog.update_table(table.model_copy(update={**altered, "last_modified_time": ctx.clock.now()}))


def altered_fields(
    alter: exp.Alter, before: Iterable[TableFieldSchema], found: Iterable[TableFieldSchema]
) -> tuple[TableFieldSchema, ...]:
    """Return the columns of a table that was altered: those that were not touched as they were, with descriptions.

    Args:
        alter: The statement.
        before: The columns before it.
        found: The columns of DuckDB's table after it.
    """
    kept = {field.name: field for field in before}
    for action in alter.args["actions"]:
        if isinstance(action, exp.AlterColumn):
            kept.pop(action.this.name, None)
        elif isinstance(action, exp.RenameColumn) and (old := kept.pop(action.this.name, None)):
            new = action.args["to"].name
            kept[new] = old.model_copy(update={"name": new})
    return tuple(kept.get(field.name, field) for field in found)


def _expiration(create: exp.Expr, ctx: AppContext) -> dict[str, Any]:
    """Return when a table expires, where its statement says so."""
    for option in create.find_all(exp.Property):
        if option.name.lower() == "expiration_timestamp":
            value = option.args["value"].sql(dialect="duckdb")
            ((expires,),) = ctx.engine.execute(f"SELECT ({value})::TIMESTAMPTZ").fetchall()
            return {"expiration_time": expires}
    return {}


_sync = ddl_sync.sync_created_table


def layout(create: exp.Expr, time: TimePartitioning | None) -> dict[str, Any]:
    """Return how `CREATE TABLE` lays a table out: the fields of its metadata that differ from bqemulator's.

    Args:
        create: The statement.
        time: What bqemulator has read: the options, and the column where it stands alone.
    """
    found: dict[str, Any] = {}
    if cluster := create.find(exp.ClusterProperty):
        found["clustering"] = Clustering(fields=tuple(column.name for column in cluster.expressions))
    by = create.find(exp.PartitionedByProperty)
    if by is None or isinstance(by.this, exp.Identifier | exp.Column):
        return found
    column = by.this.find(exp.Column)
    name = column.name if column else ""
    if isinstance(by.this, exp.RangeBucket) and (bounds := by.this.find(exp.GenerateSeries)):
        start, end, step = (int(bounds.args[name].name) for name in ("start", "end", "step"))
        return {**found, "range_partitioning": RangePartitioning(field=name, start=start, end=end, interval=step)}
    unit = by.this.args.get("unit")
    options = time.model_dump() if time else {}
    field = None if name.upper().startswith("_PARTITION") else name
    kind = unit.name.upper() if unit is not None and unit.name else "DAY"
    return {**found, "time_partitioning": TimePartitioning(**{**options, "type": kind, "field": field})}


def patch() -> None:
    """Put these in the place of bqemulator's."""
    vars(tables)["_table_to_rest"] = resource
    for module in (executor, interpreter):
        vars(module)["sync_created_table"] = sync_table
    for name, method in (
        ("get_table", "GET"),
        ("list_tables", "GET"),
        ("insert_table", "POST"),
        ("patch_table", "PATCH"),
        ("update_table", "PUT"),
        ("delete_table", "DELETE"),
    ):
        replace_route(tables.router, vars(tables)[name], globals()[name], method)
