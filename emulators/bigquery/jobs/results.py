"""Results that clients read page by page, for the BigQuery emulator.

Google's client for Python reads a result by the Storage API, at Google's address whatever BIGQUERY_EMULATOR_HOST says,
if the job has a destination and not all rows have come with its first page. bqemulator 1.4.0 gives every query a
destination, which dbt asks for its number of rows, and the clients poll with `maxResults=0`.
"""

from typing import Annotated, Any

from bqemulator.api.dependencies import AppContext, get_context
from bqemulator.api.routes import jobs
from bqemulator.jobs import executor
from fastapi import Depends

from emulators.bigquery.jobs import accounts, script_jobs
from emulators.bigquery.routes import replace_route

_PAGE = 10_000  # rows, as bqemulator's
_configuration = executor._build_query_configuration


def configuration(sql: str, project_id: str, job_id: str) -> dict[str, Any]:
    """Return the configuration of a job that is done: without a destination where a page does not hold its result."""
    config: dict[str, Any] = _configuration(sql, project_id, job_id)
    result = executor.JOB_RESULTS.get(job_id)
    if result is not None and result.num_rows > _PAGE:
        del config["query"]["destinationTable"]
    return config


def get_query_results(
    project_id: str,
    job_id: str,
    ctx: Annotated[AppContext, Depends(get_context)],
    maxResults: int = _PAGE,  # noqa: N803 - a name of the API
    startIndex: int = 0,  # noqa: N803 - a name of the API
    pageToken: str | None = None,  # noqa: N803 - a name of the API
) -> dict[str, Any]:
    """Answer `jobs.getQueryResults`: with the first page also where no rows are asked for."""
    if job_id not in executor.JOB_RESULTS and script_jobs.is_of_a_script(project_id, job_id, ctx):
        executor.JOB_RESULTS[job_id] = executor._EMPTY_ARROW
    answer = jobs.get_query_results(project_id, job_id, ctx, maxResults or _PAGE, startIndex, pageToken)
    return {**answer, **accounts.bytes_of_job(project_id, job_id, ctx)}


def patch() -> None:
    """Put these in the place of bqemulator's."""
    vars(executor)["_build_query_configuration"] = configuration
    replace_route(jobs.router, jobs.get_query_results, get_query_results, "GET")
