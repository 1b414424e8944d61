"""The v1b3 REST API over the service."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from google.cloud import dataflow_v1beta3 as api
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from emulators.dataflow.api.authorisation import refusal_of_rest
from emulators.dataflow.api.service import DEFAULT_LOCATION, DataflowService
from emulators.dataflow.errors import ApiError, invalid_argument
from emulators.dataflow.launch.request import Launch
from emulators.guard.asgi import GuardedApplication
from emulators.guard.iam import Access
from emulators.guard.rules import Guard
from emulators.guard.token import Token

_Handler = Callable[[Request], Awaitable[JSONResponse]]


class _Call:
    """The parts of one request, read with the API's own errors."""

    def __init__(self, request: Request, body: bytes) -> None:
        self.named = f"{request.method} {request.url.path}"
        self.project: str = request.path_params["project"]
        self.job_id: str = request.path_params.get("job", "")
        self._query = request.query_params
        self._body = body
        #: The methods below projects.jobs take the location from the query, and mean us-central1 without one.
        self.location: str = request.path_params.get("location") or self.text("location") or DEFAULT_LOCATION

    def text(self, name: str) -> str:
        return self._query.get(name, "")

    def number(self, name: str) -> int:
        value = self.text(name) or "0"
        try:
            return int(value)
        except ValueError as error:
            raise invalid_argument(f"Invalid value at '{name}' (TYPE_INT32), {value!r}") from error

    def enum(self, name: str, kind: Any) -> str:
        """Return the name of an enum's value, which Google's REST transport may send as its number."""
        return _name(self.text(name), name, kind)

    def json(self) -> dict[str, Any]:
        try:
            body = json.loads(self._body or b"{}")
        except ValueError as error:
            raise invalid_argument(f"Invalid JSON payload received. {error}") from error
        if not isinstance(body, dict):
            raise invalid_argument("Invalid JSON payload received. The body must be an object.")
        return body


def application(service: DataflowService, guard: Guard, token: Token, access: Access) -> GuardedApplication:
    """Return the web application; what is not a mere look takes the token."""

    def launch(call: _Call) -> dict[str, Any]:
        body = call.json()
        validate_only = body.get("validateOnly", body.get("validate_only", False)) is True
        return service.launch(call.project, call.location, Launch.from_json(body), validate_only=validate_only)

    def create(call: _Call) -> dict[str, Any]:
        return service.create_job(call.project, call.location, call.json())

    def get(call: _Call) -> dict[str, Any]:
        return service.get_job(call.project, call.location, call.job_id, call.enum("view", api.JobView))

    def update(call: _Call) -> dict[str, Any]:
        job = call.json()
        if "requestedState" in job:
            job["requestedState"] = _name(str(job["requestedState"]), "requestedState", api.JobState)
        return service.update_job(call.project, call.location, call.job_id, job, call.text("updateMask"))

    def list_in(call: _Call, location: str | None) -> dict[str, Any]:
        return service.list_jobs(
            call.project,
            location,
            job_filter=call.enum("filter", api.ListJobsRequest.Filter),
            name=call.text("name"),
            view=call.enum("view", api.JobView),
            page_size=call.number("pageSize"),
            page_token=call.text("pageToken"),
        )

    def list_messages(call: _Call) -> dict[str, Any]:
        return service.list_messages(
            call.project,
            call.location,
            call.job_id,
            minimum_importance=call.enum("minimumImportance", api.JobMessageImportance),
            start_time=call.text("startTime"),
            end_time=call.text("endTime"),
            page_size=call.number("pageSize"),
            page_token=call.text("pageToken"),
        )

    def get_metrics(call: _Call) -> dict[str, Any]:
        return service.get_metrics(call.project, call.location, call.job_id)

    def not_offered(call: _Call) -> dict[str, Any]:
        raise ApiError(501, f"The Dataflow emulator does not offer {call.named}; its documentation lists what it does.")

    in_project, in_location = "/v1b3/projects/{project}", "/v1b3/projects/{project}/locations/{location}"
    routes = [
        _route("POST", f"{in_location}/flexTemplates:launch", launch),
        _route("GET", f"{in_project}/jobs:aggregated", lambda call: list_in(call, None)),
    ]
    for parent in (in_location, in_project):
        routes += [
            _route("POST", f"{parent}/jobs", create),
            _route("GET", f"{parent}/jobs", lambda call: list_in(call, call.location)),
            _route("GET", f"{parent}/jobs/{{job}}", get),
            _route("PUT", f"{parent}/jobs/{{job}}", update),
            _route("GET", f"{parent}/jobs/{{job}}/messages", list_messages),
            _route("GET", f"{parent}/jobs/{{job}}/metrics", get_metrics),
        ]
    methods = ["GET", "POST", "PUT", "DELETE"]
    routes.append(Route(f"{in_project}/{{rest:path}}", _answer(not_offered), methods=methods))
    return GuardedApplication(
        Starlette(routes=routes, exception_handlers={Exception: _internal_error}),
        guard,
        lambda method, headers: refusal_of_rest(method, headers.get("authorization", ""), token, access),
        access=access,
    )


def _internal_error(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse(ApiError(500, f"The Dataflow emulator failed: {error!r}").to_json(), status_code=500)


def _name(value: str, field: str, kind: Any) -> str:
    if not value.isdecimal():
        return value
    try:
        return str(kind(int(value)).name)
    except ValueError as error:
        raise invalid_argument(f"Invalid value at '{field}', {value}") from error


def _route(method: str, path: str, handle: Callable[[_Call], dict[str, Any]]) -> Route:
    return Route(path, _answer(handle), methods=[method])


def _answer(handle: Callable[[_Call], dict[str, Any]]) -> _Handler:
    async def answer(request: Request) -> JSONResponse:
        body = await request.body()
        try:
            return JSONResponse(await run_in_threadpool(lambda: handle(_Call(request, body))))
        except ApiError as error:
            return JSONResponse(error.to_json(), status_code=error.code)

    return answer
