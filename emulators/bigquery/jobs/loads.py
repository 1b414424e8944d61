"""Loads of files into tables, for the BigQuery emulator.

bqemulator 1.4.0 takes the first row of every CSV file for a header, knows no option of CSV, loads Parquet by position
and BYTES as the base64 that they come in, overlooks unknown fields of JSON, keeps half of a load that fails, and calls
all rows of a table those of its last load. It drops partitioning and clustering of the tables that a load makes.
"""

import dataclasses
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from bqemulator.api.dependencies import AppContext
from bqemulator.api.routes import tables
from bqemulator.catalog.models import JobMeta, TableMeta
from bqemulator.domain.errors import InvalidQueryError, ResourceRef, resource_not_found
from bqemulator.jobs import executor
from bqemulator.storage.sql_identifiers import quoted_table_ref
from bqemulator.storage.type_map import duckdb_type_to_bq_field

from emulators.bigquery import permissions, table_rules
from emulators.bigquery.jobs import job_rules
from emulators.bigquery.sql.transactions import ScriptTransaction

_load = executor.execute_load_job
_CSV_OPTIONS = {"fieldDelimiter": "delim", "quote": "quote", "nullMarker": "nullstr"}
_NOT_OFFERED = ("maxBadRecords", "ignoreUnknownValues", "allowJaggedRows", "hivePartitioningOptions", "nullMarkers")
_PARQUET_FILES = "parquetFiles"
_FILES_AT_ONCE = 100
"""Of Parquet in one statement: DuckDB keeps half a megabyte of each small one until the statement ends."""
_TEXT = '"{0}"'
_TEXT_ON_ONE_LINE = """CASE WHEN regexp_matches("{0}", '[\\r\\n]')
    THEN error('Error while reading data: Missing close quote character ("). Quoted newlines need allowQuotedNewlines.')
    ELSE "{0}" END"""


async def load_files(
    paths: list[Path], project_id: str, job_id: str, config: dict[str, Any], ctx: AppContext
) -> JobMeta:
    """Load files into a table, all or none of them."""
    local = {**config["load"], "sourceUris": [f"file://{path}" for path in paths]}
    for option in _NOT_OFFERED:
        if local.get(option):
            raise InvalidQueryError(f"The BigQuery emulator does not offer {option} of load jobs.")
    job_rules.check_decorators({"load": local})
    permissions.require_load(config["load"], project_id)
    table_rules.check(table_rules.of_resource(local))
    fields = (local.get("schema") or {}).get("fields")
    if local.get("sourceFormat") == "PARQUET":
        # A few hundred by each statement: by one each, thousands of small files take minutes.
        local |= {"sourceUris": local["sourceUris"][:1], _PARQUET_FILES: [str(path) for path in paths]}
        if not fields:
            fields = _parquet_fields(paths[0], ctx)
            local["schema"] = {"fields": fields}
    job = executor._parse_load_job_config(project_id, {"load": local})
    table = (job.project_id, job.dataset_id, job.table_id)
    existing = ctx.catalog.get_table(*table)
    if existing is not None and fields and local.get("sourceFormat") == "PARQUET":
        _check_modes(paths, existing)
    truncates = job.write_disposition == "WRITE_TRUNCATE"
    transaction = ScriptTransaction(ctx.engine)
    transaction.begin()
    try:
        if existing and truncates and fields:
            existing = with_fields(existing, fields, transaction, ctx)
        before = 0 if truncates or not existing else executor._refresh_load_row_count(job, ctx)
        done = await _load(project_id, job_id, {"load": local}, dataclasses.replace(ctx, engine=transaction))
        transaction.end("COMMIT")
    except BaseException:
        transaction.end("ROLLBACK")
        if existing is None:
            ctx.catalog.delete_table(*table, not_found_ok=True)
        raise
    made = existing or ctx.catalog.get_table(*table)
    if made is None:
        raise resource_not_found(ResourceRef("table", *table))
    if existing is None:
        made = made.model_copy(
            update={
                "time_partitioning": tables._rest_to_time_partitioning(local.get("timePartitioning"), None),
                "clustering": tables._rest_to_clustering(local.get("clustering"), None),
                "labels": (local.get("destinationTableProperties") or {}).get("labels") or {},
            }
        )
    ctx.catalog.update_table(made.model_copy(update={"last_modified_time": ctx.clock.now()}))
    loaded = int(done.statistics["load"]["outputRows"]) - before
    size = sum(path.stat().st_size for path in paths)
    statistics = {"outputRows": str(loaded), "inputFiles": str(len(paths)), "inputFileBytes": str(size)}
    return done.model_copy(update={"configuration": config, "statistics": {"load": statistics}})


def _check_modes(paths: list[Path], table: TableMeta) -> None:
    """Refuse Parquet files with columns that may hold NULL where the table's may not, whether they hold one or not."""
    required = {column.name for column in table.schema_.fields if column.mode == "REQUIRED"}
    for path in paths if required else ():
        for column in pq.read_schema(path):
            if column.nullable and column.name in required:
                raise InvalidQueryError(
                    f"Error while reading data, error message: Provided schema is not compatible with the file. Field "
                    f"'{column.name}' is specified as REQUIRED in provided schema which does not match NULLABLE as "
                    "specified in the file."
                )


def load_file(path: str, job: executor._LoadJobConfig, ctx: AppContext) -> None:
    """Append a file's rows to a table, of Parquet those of all files: CSV by position, the others by names."""
    if job.source_format == "PARQUET":
        source = "read_parquet(?, hive_partitioning = false, union_by_name = true)"
        files = job.raw_config[_PARQUET_FILES]
        for first in range(0, len(files), _FILES_AT_ONCE):
            _insert(job, "*", source, files[first : first + _FILES_AT_ONCE], ctx)
    elif job.source_format == "CSV":
        text = _TEXT if job.raw_config.get("allowQuotedNewlines") else _TEXT_ON_ONE_LINE
        columns, values = _text_columns(job, ctx, text)
        _insert(job, values, f"read_csv(?, columns = {columns}{_csv_options(job.raw_config)})", path, ctx)
    elif job.source_format in ("NEWLINE_DELIMITED_JSON", "JSON"):
        columns, values = _text_columns(job, ctx)
        _check_keys(path, job, ctx)
        _insert(job, values, f"read_json(?, columns = {columns}, format = 'newline_delimited')", path, ctx)
    else:
        raise InvalidQueryError(f"The BigQuery emulator loads no {job.source_format}.")


def _insert(job: executor._LoadJobConfig, values: str, source: str, files: str | list[str], ctx: AppContext) -> None:
    ctx.engine.execute(f"INSERT INTO {job.target_ref} BY NAME SELECT {values} FROM {source}", [files])


def _text_columns(job: executor._LoadJobConfig, ctx: AppContext, text: str = _TEXT) -> tuple[str, str]:
    """Return the types that a file's columns are read with, and the values made of them: BYTES are base64 there.

    Args:
        job: The load job.
        ctx: The emulator.
        text: How a column of text is read.
    """
    described = [(name, kind) for name, kind, *_ in ctx.engine.execute(f"DESCRIBE {job.target_ref}").fetchall()]
    kinds = {name: "VARCHAR" if kind == "BLOB" else kind for name, kind in described}
    values = {name: (text if kinds[name] == "VARCHAR" else _TEXT).format(name) for name in kinds}
    values |= {name: f"from_base64({values[name]})" for name, kind in described if kind == "BLOB"}
    columns = ", ".join(f"{_literal(name)}: {_literal(kind)}" for name, kind in kinds.items())
    return f"{{{columns}}}", ", ".join(f'{value} AS "{name}"' for name, value in values.items())


def _check_keys(path: str, job: executor._LoadJobConfig, ctx: AppContext) -> None:
    """Refuse a file of JSON whose lines are no objects, or have fields that the table lacks."""
    known = {name.lower() for name, *_ in ctx.engine.execute(f"DESCRIBE {job.target_ref}").fetchall()}
    lines = "read_json_objects(?, format = 'newline_delimited')"
    if ctx.engine.execute(f"SELECT 1 FROM {lines} WHERE json_type(json) <> 'OBJECT' LIMIT 1", [path]).fetchone():
        raise InvalidQueryError("Error while reading data: JSON table encountered a line that is no object.")
    for (key,) in ctx.engine.execute(f"SELECT DISTINCT unnest(json_keys(json)) FROM {lines}", [path]).fetchall():
        if key.lower() not in known:
            raise InvalidQueryError(f"Error while reading data: No such field: {key}.")


def _csv_options(config: dict[str, Any]) -> str:
    if config.get("autodetect") and config.get("skipLeadingRows") is None:
        return ""  # the service too looks for a header where it is to find out the schema
    given = {"fieldDelimiter": ",", "quote": '"', "nullMarker": "", **config}
    given["fieldDelimiter"] = {"tab": "\t", "\\t": "\t"}.get(given["fieldDelimiter"], given["fieldDelimiter"])
    options = [f"{option} = {_literal(given[name])}" for name, option in _CSV_OPTIONS.items()]
    if config.get("encoding", "UTF-8").upper() in ("ISO-8859-1", "LATIN1"):
        options.append("encoding = 'latin-1'")
    skipped = int(config.get("skipLeadingRows") or 0)
    return f", auto_detect = false, header = false, allow_quoted_nulls = false, skip = {skipped}, {', '.join(options)}"


def _literal(text: object) -> str:
    return "'" + str(text).replace("'", "''") + "'"


def _parquet_fields(path: Path, ctx: AppContext) -> list[dict[str, Any]]:
    columns = ctx.engine.execute("DESCRIBE SELECT * FROM read_parquet(?, hive_partitioning = false)", [str(path)])
    return [duckdb_type_to_bq_field(name, kind) for name, kind, *_ in columns.fetchall()]


def with_fields(
    table: TableMeta, fields: list[dict[str, Any]], transaction: ScriptTransaction, ctx: AppContext
) -> TableMeta:
    """Give a table that is to be truncated the columns of the load, where they are others."""
    if table.schema_.fields == tables._parse_schema_fields(fields):
        return table
    reference = quoted_table_ref(table.project_id, table.dataset_id, table.table_id)
    transaction.execute(f"DROP TABLE {reference}")
    schema = executor._build_explicit_schema(dataclasses.replace(ctx, engine=transaction), reference, fields)
    return table.model_copy(update={"schema_": schema})
