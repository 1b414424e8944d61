"""What BigQuery's documentation allows of a request for a job, for the BigQuery emulator.

bqemulator 1.4.0 runs a second job of the same id as if it were the first, and takes requests of any size.
`docs/service-rules.md` has each rule with its source.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from bqemulator.api.dependencies import AppContext, get_caller, get_context
from bqemulator.api.routes import jobs
from bqemulator.domain.errors import AlreadyExistsError, InvalidQueryError, ValidationError
from bqemulator.row_access.identity import CallerIdentity
from fastapi import Depends, Request

from emulators.bigquery import permissions
from emulators.bigquery.expiry import expire
from emulators.bigquery.jobs import accounts
from emulators.bigquery.routes import replace_route

LARGEST_REQUEST = 10 << 20
LONGEST_QUERY = 1 << 20
MOST_PARAMETERS = 10_000
MOST_URIS = 10_000

_insert = jobs.insert_job


def check_size(request: bytes) -> None:
    """Refuse a request that is too large.

    Raises:
        ValidationError: It is.
    """
    if len(request) > LARGEST_REQUEST:
        raise ValidationError(f"Request payload size exceeds the limit: {LARGEST_REQUEST} bytes.")


def check_query(query: Mapping[str, Any]) -> None:
    """Refuse a query that is too long, or has too many parameters.

    Raises:
        InvalidQueryError: It is.
    """
    if len(query.get("query") or "") > LONGEST_QUERY:
        raise InvalidQueryError(
            "The query is too large. The maximum query length is 1024.00K characters, including comments and white "
            "space characters."
        )
    if len(query.get("queryParameters") or ()) > MOST_PARAMETERS:
        raise InvalidQueryError(f"Too many query parameters: up to {MOST_PARAMETERS} are supported.")


def check_load(load: Mapping[str, Any]) -> None:
    """Refuse a load of too many URIs.

    Raises:
        InvalidQueryError: It is one.
    """
    uris = len(load.get("sourceUris") or ())
    if uris > MOST_URIS:
        raise InvalidQueryError(f"Too many source URIs: {uris}. A load job may have up to {MOST_URIS}.")


def check_decorators(configuration: Mapping[str, Any]) -> None:
    """Refuse a job that names a partition, which the service lets it.

    Raises:
        InvalidQueryError: It does.
    """
    for section in configuration.values():
        for references in section.values() if isinstance(section, Mapping) else ():
            for table in references if isinstance(references, list) else [references]:
                if isinstance(table, Mapping) and "$" in str(table.get("tableId", "")):
                    raise InvalidQueryError(
                        f"The BigQuery emulator takes no partition decorators: name the whole table of "
                        f"{table['tableId']}, and change a partition by DML."
                    )


class JobIds:
    """The ids of jobs: those that are running, and those the catalog keeps."""

    def __init__(self) -> None:
        self._running: set[tuple[str, str]] = set()

    def take(self, project: str, job_id: str, ctx: AppContext) -> None:
        """Take an id for a job that begins.

        Raises:
            AlreadyExistsError: A job has it already.
        """
        if (project, job_id) in self._running or ctx.catalog.get_job(project, job_id) is not None:
            raise AlreadyExistsError(f"Already Exists: Job {project}:US.{job_id}")
        self._running.add((project, job_id))

    def end(self, project: str, job_id: str) -> None:
        """Note that a job has ended; the catalog keeps it from now on."""
        self._running.discard((project, job_id))


_IDS = JobIds()


async def insert_job(
    project_id: str,
    request: Request,
    ctx: Annotated[AppContext, Depends(get_context)],
    caller: Annotated[CallerIdentity, Depends(get_caller)],
) -> dict[str, Any]:
    """Answer `jobs.insert`; replaces bqemulator's own endpoint, which it calls."""
    check_size(await request.body())
    body = await request.json()
    configuration = body.get("configuration") or {}
    check_query(configuration.get("query") or {})
    check_load(configuration.get("load") or {})
    check_decorators(configuration)
    permissions.require_job(configuration, project_id, ctx.catalog)
    await expire(ctx)
    accounts.limit_bytes_billed(configuration.get("query") or {})
    job_id = (body.get("jobReference") or {}).get("jobId")
    if not job_id or configuration.get("dryRun"):
        return dict(await _insert(project_id, request, ctx, caller))
    _IDS.take(project_id, job_id, ctx)
    try:
        return dict(await _insert(project_id, request, ctx, caller))
    finally:
        _IDS.end(project_id, job_id)


def patch() -> None:
    """Put the endpoint in the place of bqemulator's."""
    replace_route(jobs.router, jobs.insert_job, insert_job, "POST")
