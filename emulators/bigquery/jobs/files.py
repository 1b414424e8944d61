"""Loads and extracts of files on Cloud Storage, and loads of uploads, for the BigQuery emulator.

bqemulator 1.4.0 reads and writes any file of the machine, refuses uploads of the content type that Google's client
sends, and knows no wildcard and no option of an extract.

Here objects pass through a folder, by Cloud Storage's API: DuckDB may read and write nowhere else.
"""

import asyncio
import dataclasses
import gzip
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import pyarrow as pa
import requests
from bqemulator.api.dependencies import AppContext, get_context
from bqemulator.api.routes import jobs, upload
from bqemulator.catalog.models import JobMeta
from bqemulator.domain.errors import DomainError, InvalidQueryError, NotFoundError, ResourceRef, resource_not_found
from bqemulator.jobs import executor
from bqemulator.storage.sql_identifiers import quoted_table_ref
from fastapi import Depends, Request, Response
from fastapi.responses import JSONResponse
from google.api_core.exceptions import NotFound
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Blob, Client

from emulators.bigquery.jobs import copies
from emulators.bigquery.jobs.loads import load_file, load_files
from emulators.bigquery.routes import replace_route

_write_export, _upload_chunk = executor.write_export, upload.upload_chunk
_URI = re.compile(r"gs://([a-z0-9][a-z0-9._-]*[a-z0-9])/([^*]+\*?[^*]*|\*[^*]*)")
_GZIP = b"\x1f\x8b"
_CHUNK = 1 << 20


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
            return await load_files([await asyncio.to_thread(_named, path)], project_id, job_id, config, ctx)

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
                blobs = self._matching(client, bucket, name) if "*" in name else [client.bucket(bucket).blob(name)]
                before = len(paths)
                for blob in blobs:
                    path = folder / str(len(paths))
                    try:
                        blob.download_to_filename(path, raw_download=True, retry=None)
                    except NotFound:
                        break
                    paths.append(_named(path))
                if len(paths) == before:
                    raise NotFoundError(f"Not found: URI {uri}")
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


async def upload_chunk(
    project_id: str,
    request: Request,
    ctx: Annotated[AppContext, Depends(get_context)],
    upload_id: str = "",
) -> Response:
    """Take a chunk of an upload; bqemulator's own waits for more where all comes at once, or nothing."""
    content_range = request.headers.get("content-range", "").strip()
    manager = upload._coerce_manager(ctx)
    session = manager.get(upload_id)
    if content_range and (content_range != "bytes */0" or session.received_bytes):
        return await _upload_chunk(project_id, request, ctx, upload_id)
    try:
        manager.append(upload_id, await upload._read_body_capped(request, cap=manager.max_bytes))
        job_id, job = await upload._run_load(
            project_id=project_id,
            configuration=session.configuration,
            media_path=str(session.staging_path),
            ctx=ctx,
        )
    finally:
        manager.remove(upload_id)
    return JSONResponse(upload._build_job_response(project_id, job_id, job, job.configuration))


def _split(uri: object) -> tuple[str, str]:
    found = _URI.fullmatch(uri) if isinstance(uri, str) else None
    if not found:
        raise InvalidQueryError(f"Invalid URI {uri!r}: expected gs://BUCKET/OBJECT with one * at most.")
    return found[1], found[2]


def _named(path: Path) -> Path:
    """Give a file the suffix by which DuckDB knows gzip; BigQuery looks at the content.

    Raises:
        InvalidQueryError: The gzip file is damaged: DuckDB would take what comes before the damage for the whole.
    """
    with path.open("rb") as file:
        if file.read(2) != _GZIP:
            return path
    try:
        with gzip.open(path) as content:
            while content.read(_CHUNK):
                pass
    except (EOFError, OSError, zlib.error) as error:
        raise InvalidQueryError(f"Error while reading data: the gzip file is damaged: {error}") from error
    return path.rename(path.with_suffix(".gz"))


def patch(transfers: Transfers) -> None:
    """Put these in the place of bqemulator's."""
    vars(jobs).update(
        execute_load_job=transfers.load, execute_extract_job=transfers.extract, execute_copy_job=copies.copy
    )
    vars(upload)["execute_load_job"] = transfers.load_upload
    replace_route(upload.router, _upload_chunk, upload_chunk, "PUT")
    vars(executor).update(_load_path_into_target=load_file, write_export=transfers.export)
    vars(upload)["_PERMITTED_MEDIA_CONTENT_TYPES"] += ("*/*",)
