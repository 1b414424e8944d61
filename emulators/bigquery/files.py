"""Loads and extracts of files on Cloud Storage, and loads of uploads, for the BigQuery emulator.

bqemulator 1.4.0 reads and writes any file of the machine, refuses uploads of the content type that Google's client
sends, takes the first row of every CSV file for a header, knows no option of CSV and no wildcard, loads Parquet by
position and BYTES as the base64 that they come in, overlooks unknown fields of JSON, keeps half of a load that fails,
and calls all rows of a table those of its last load. It drops partitioning and clustering of the tables that a load
makes, and knows no option of an extract.

Here objects pass through a folder, by Cloud Storage's API: DuckDB may read and write nowhere else.
"""

import asyncio
import dataclasses
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import requests
from bqemulator.api.dependencies import AppContext
from bqemulator.api.routes import jobs, tables, upload
from bqemulator.catalog.models import JobMeta, TableMeta
from bqemulator.domain.errors import DomainError, InvalidQueryError, NotFoundError, ResourceRef, resource_not_found
from bqemulator.jobs import executor
from bqemulator.storage.sql_identifiers import quoted_table_ref
from bqemulator.storage.type_map import duckdb_type_to_bq_field
from google.api_core.exceptions import NotFound
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Blob, Client

from emulators.bigquery.transactions import ScriptTransaction

_load, _copy, _write_export = executor.execute_load_job, executor.execute_copy_job, executor.write_export
_URI = re.compile(r"gs://([a-z0-9][a-z0-9._-]*[a-z0-9])/([^*]+\*?[^*]*|\*[^*]*)")
_GZIP = b"\x1f\x8b"
_CSV_OPTIONS = {"fieldDelimiter": "delim", "quote": "quote", "nullMarker": "nullstr"}
_NOT_OFFERED = ("maxBadRecords", "ignoreUnknownValues", "allowJaggedRows", "hivePartitioningOptions", "nullMarkers")


class Transfers:
    """Jobs that move files between Cloud Storage and tables.

    Args:
        folder: The folder that DuckDB may read and write.
        storage: The address of Cloud Storage; None where there is none.
        project: The project of its requests.
    """

    def __init__(self, folder: Path, storage: str | None, project: str) -> None:
        self._folder = folder
        self._storage = storage
        self._project = project

    async def load(self, project_id: str, job_id: str, config: dict[str, Any], ctx: AppContext) -> JobMeta:
        """Run a load job of objects; replaces bqemulator's own."""
        now = ctx.clock.now()
        with TemporaryDirectory(dir=self._folder) as folder:
            try:
                paths = await asyncio.to_thread(self._download, config["load"].get("sourceUris") or [], Path(folder))
                return await load_files(paths, project_id, job_id, config, ctx)
            except DomainError as error:
                if not isinstance(error, jobs._SQL_EXECUTION_DOMAIN_ERRORS):
                    raise
                reason = jobs._domain_error_to_error_result(error)
                return jobs._failed_job_meta(project_id, job_id, "LOAD", config, reason, now)

    async def load_upload(self, project_id: str, job_id: str, config: dict[str, Any], ctx: AppContext) -> JobMeta:
        """Run the load job of an upload, whose file is the only source; replaces bqemulator's own."""
        (uri,) = config["load"]["sourceUris"]
        with TemporaryDirectory(dir=self._folder) as folder:
            path = Path(folder) / "0"
            os.link(uri.removeprefix("file://"), path)
            return await load_files([_named(path)], project_id, job_id, config, ctx)

    async def extract(self, project_id: str, job_id: str, config: dict[str, Any], ctx: AppContext) -> JobMeta:
        """Run an extract job; replaces bqemulator's own."""
        now, options = ctx.clock.now(), config["extract"]
        source = options.get("sourceTable") or {}
        table = (source.get("projectId", project_id), source.get("datasetId", ""), source.get("tableId", ""))
        uris = options.get("destinationUris") or [options.get("destinationUri")]
        if len(uris) != 1:
            raise InvalidQueryError("The BigQuery emulator extracts to one URI, which may have a wildcard.")
        if ctx.catalog.get_table(*table) is None:
            raise resource_not_found(ResourceRef("table", *table))
        form = executor._normalize_export_format(options.get("destinationFormat", "CSV"))
        export = executor._ExportOptions(
            uri=uris[0],
            format=form,
            compression=options.get("compression"),
            overwrite=True,
            header=options.get("printHeader", True),
            field_delimiter=options.get("fieldDelimiter")
            and executor._resolve_field_delimiter(options["fieldDelimiter"]),
        )
        rows = ctx.engine.fetch_arrow(f"SELECT * FROM {quoted_table_ref(*table)}")
        outcome = self.export(rows, export, ctx)
        return JobMeta(
            project_id=project_id,
            job_id=job_id,
            job_type="EXTRACT",
            state="DONE",
            configuration=config,
            statistics={"extract": {"destinationUriFileCounts": [str(outcome.file_count)]}},
            creation_time=now,
            start_time=now,
            end_time=ctx.clock.now(),
            etag=job_id,
        )

    def export(self, rows: pa.Table, options: executor._ExportOptions, ctx: AppContext) -> executor._ExportOutcome:
        """Write rows to one object, or to those of a wildcard; replaces bqemulator's own."""
        bucket, name = _split(options.uri)
        with TemporaryDirectory(dir=self._folder) as folder, self._client() as client:
            if not options.overwrite and any(self._matching(client, bucket, name)):
                raise InvalidQueryError(f"There are objects at {options.uri}, and overwrite is false.")
            local = dataclasses.replace(options, uri=f"file://{folder}/{'*' if '*' in name else 'all'}", overwrite=True)
            outcome = _write_export(rows, local, ctx)
            for path in sorted(Path(folder).iterdir()):
                client.bucket(bucket).blob(name.replace("*", path.name)).upload_from_filename(path, retry=None)
        return outcome

    def _download(self, uris: list[str], folder: Path) -> list[Path]:
        if not uris:
            raise InvalidQueryError("A load job needs sourceUris.")
        paths: list[Path] = []
        with self._client() as client:
            for uri in uris:
                bucket, name = _split(uri)
                blobs = list(self._matching(client, bucket, name))
                if not blobs:
                    raise NotFoundError(f"Not found: URI {uri}")
                for blob in blobs:
                    path = folder / str(len(paths))
                    blob.download_to_filename(path, raw_download=True, retry=None)
                    paths.append(_named(path))
        return paths

    def _matching(self, client: Client, bucket: str, name: str) -> Iterator[Blob]:
        prefix, wildcard, suffix = name.partition("*")
        for blob in client.list_blobs(bucket, prefix=prefix, retry=None):
            if blob.name == name or (wildcard and blob.name.endswith(suffix) and len(blob.name) >= len(name) - 1):
                yield blob

    @contextmanager
    def _client(self) -> Iterator[Client]:
        if self._storage is None:
            raise InvalidQueryError("The BigQuery emulator knows no Cloud Storage: start it with --storage URL.")
        options = {"api_endpoint": self._storage}
        nobody = AnonymousCredentials()  # type: ignore[no-untyped-call]
        client = Client(project=self._project, credentials=nobody, client_options=options)
        try:
            yield client
        except NotFound as error:
            raise NotFoundError(f"Not found: {error.errors[0]['message'] if error.errors else error}") from error
        except requests.RequestException as error:
            raise InvalidQueryError(f"Cloud Storage at {self._storage} does not answer: {error}") from error
        finally:
            client.close()


async def load_files(
    paths: list[Path], project_id: str, job_id: str, config: dict[str, Any], ctx: AppContext
) -> JobMeta:
    """Load files into a table, all or none of them."""
    local = {**config["load"], "sourceUris": [f"file://{path}" for path in paths]}
    for option in _NOT_OFFERED:
        if local.get(option):
            raise InvalidQueryError(f"The BigQuery emulator does not offer {option} of load jobs.")
    fields = (local.get("schema") or {}).get("fields")
    if not fields and local.get("sourceFormat") == "PARQUET":
        fields = _parquet_fields(paths[0], ctx)
        local["schema"] = {"fields": fields}
    job = executor._parse_load_job_config(project_id, {"load": local})
    table = (job.project_id, job.dataset_id, job.table_id)
    existing = ctx.catalog.get_table(*table)
    truncates = job.write_disposition == "WRITE_TRUNCATE"
    transaction = ScriptTransaction(ctx.engine)
    transaction.begin()
    try:
        if existing and truncates and fields:
            existing = _with_fields(existing, fields, transaction, ctx)
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


def load_file(path: str, job: executor._LoadJobConfig, ctx: AppContext) -> None:
    """Append a file's rows to a table: CSV by position, the others by the names of columns."""
    if job.source_format == "PARQUET":
        _insert(job, "*", "read_parquet(?, hive_partitioning = false)", path, ctx)
    elif job.source_format == "CSV":
        if job.raw_config.get("skipLeadingRows") is None and job.raw_config.get("autodetect"):
            # The service too looks for a header where it is to find out the schema.
            ctx.engine.execute(f"COPY {job.target_ref} FROM ? (FORMAT CSV)", [path])
        else:
            columns, values = _text_columns(job, ctx)
            _insert(job, values, f"read_csv(?, columns = {columns}, {_csv_options(job.raw_config)})", path, ctx)
    elif job.source_format in ("NEWLINE_DELIMITED_JSON", "JSON"):
        columns, values = _text_columns(job, ctx)
        _check_keys(path, job, ctx)
        _insert(job, values, f"read_json(?, columns = {columns}, format = 'newline_delimited')", path, ctx)
    else:
        raise InvalidQueryError(f"The BigQuery emulator loads no {job.source_format}.")


def _insert(job: executor._LoadJobConfig, values: str, source: str, path: str, ctx: AppContext) -> None:
    ctx.engine.execute(f"INSERT INTO {job.target_ref} BY NAME SELECT {values} FROM {source}", [path])


def _text_columns(job: executor._LoadJobConfig, ctx: AppContext) -> tuple[str, str]:
    """Return the types that a file's columns are read with, and the values made of them: BYTES are base64 there."""
    described = ctx.engine.execute(f"DESCRIBE {job.target_ref}").fetchall()
    columns = {name: "VARCHAR" if kind == "BLOB" else kind for name, kind, *_ in described}
    values = [f'from_base64("{name}") AS "{name}"' if kind == "BLOB" else f'"{name}"' for name, kind, *_ in described]
    return f"{{{', '.join(f'{_literal(name)}: {_literal(kind)}' for name, kind in columns.items())}}}", ", ".join(
        values
    )


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
    given = {"fieldDelimiter": ",", "quote": '"', "nullMarker": "", **config}
    given["fieldDelimiter"] = {"tab": "\t", "\\t": "\t"}.get(given["fieldDelimiter"], given["fieldDelimiter"])
    options = [f"{option} = {_literal(given[name])}" for name, option in _CSV_OPTIONS.items()]
    if config.get("encoding", "UTF-8").upper() in ("ISO-8859-1", "LATIN1"):
        options.append("encoding = 'latin-1'")
    skipped = int(config.get("skipLeadingRows") or 0)
    return f"auto_detect = false, header = false, allow_quoted_nulls = false, skip = {skipped}, {', '.join(options)}"


def _literal(text: object) -> str:
    return "'" + str(text).replace("'", "''") + "'"


async def copy(project_id: str, job_id: str, config: dict[str, Any], ctx: AppContext) -> JobMeta:
    """Run a copy job, of several tables too; replaces bqemulator's own, which copies the first of them."""
    sources = config["copy"].get("sourceTables") or [config["copy"].get("sourceTable") or {}]
    for number, source in enumerate(sources):
        one = {**config["copy"], "sourceTable": source}
        if number:
            one["writeDisposition"] = "WRITE_APPEND"
        done = await _copy(project_id, job_id, {"copy": one}, ctx)
    return done.model_copy(update={"configuration": config})


def _parquet_fields(path: Path, ctx: AppContext) -> list[dict[str, Any]]:
    columns = ctx.engine.execute("DESCRIBE SELECT * FROM read_parquet(?, hive_partitioning = false)", [str(path)])
    return [duckdb_type_to_bq_field(name, kind) for name, kind, *_ in columns.fetchall()]


def _with_fields(
    table: TableMeta, fields: list[dict[str, Any]], transaction: ScriptTransaction, ctx: AppContext
) -> TableMeta:
    """Give a table that is to be truncated the columns of the load, where they are others."""
    if table.schema_.fields == tables._parse_schema_fields(fields):
        return table
    reference = quoted_table_ref(table.project_id, table.dataset_id, table.table_id)
    transaction.execute(f"DROP TABLE {reference}")
    schema = executor._build_explicit_schema(dataclasses.replace(ctx, engine=transaction), reference, fields)
    return table.model_copy(update={"schema_": schema})


def _split(uri: object) -> tuple[str, str]:
    found = _URI.fullmatch(uri) if isinstance(uri, str) else None
    if not found:
        raise InvalidQueryError(f"Invalid URI {uri!r}: expected gs://BUCKET/OBJECT with one * at most.")
    return found[1], found[2]


def _named(path: Path) -> Path:
    """Give a file the suffix by which DuckDB knows gzip; BigQuery looks at the content."""
    with path.open("rb") as file:
        return path.rename(path.with_suffix(".gz")) if file.read(2) == _GZIP else path


def patch(transfers: Transfers) -> None:
    """Put these in the place of bqemulator's."""
    vars(jobs).update(execute_load_job=transfers.load, execute_extract_job=transfers.extract, execute_copy_job=copy)
    vars(upload)["execute_load_job"] = transfers.load_upload
    vars(executor).update(_load_path_into_target=load_file, write_export=transfers.export)
    vars(upload)["_PERMITTED_MEDIA_CONTENT_TYPES"] += ("*/*",)
