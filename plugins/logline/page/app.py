"""The page's web application, mounted by Airflow's API server below `/logline`.

Airflow mounts a plugin's application without any authentication: every route here asks for Airflow's own. All of them
only read. What a user can say is in `parameters`: typed, and bound as query parameters.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import AccessView, DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag, requires_access_view
from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import ValidationError

from logline.page import files
from logline.page.freshness import freshness
from logline.page.known_answers import KnownAnswers
from logline.page.panels import PANELS, Panel
from logline.page.parameters import Nothing
from logline.page.runs import latest_runs, run_details, states_of_dags
from logline.page.shared import SharedResults
from logline.page.warehouse import NothingThereError, UnavailableError, Warehouse
from logline.settings import Settings
from logline.task_ids import BACKFILL_DAG, DAGS, SUMMARY_DAG

log = logging.getLogger(__name__)

PREFIX = "/logline"
# Queries of the page that run at the same time.
AT_ONCE = 8
# How long an answer of BigQuery is shared by all who look, and one of Airflow's own database.
PANEL_SECONDS, RUNS_SECONDS = 60.0, 5.0
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}

RunId = Annotated[str, Query(max_length=250, description="Id of a DAG run")]
DagId = Annotated[str, Query(max_length=250, description="Id of a DAG")]


def may_see(dag_id: str) -> Any:
    """Let through who may see the runs of a DAG."""
    return Depends(requires_access_dag("GET", DagAccessEntity.RUN, param_dag_id=dag_id))


def visible_dags(user: GetUserDep) -> tuple[str, ...]:
    """Return those of logline's DAGs whose runs a user may see."""
    # Airflow's own filters look for the auth manager in the application that they are part of, which is this one.
    may = partial(get_auth_manager().is_authorized_dag, method="GET", access_entity=DagAccessEntity.RUN, user=user)
    return tuple(dag_id for dag_id in DAGS if may(details=DagDetails(id=dag_id)))


class Page:
    """The panels' answers, each fetched once for everybody within its interval."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._warehouse = Warehouse(settings)
        self._known = KnownAnswers()
        self._results = SharedResults(PANEL_SECONDS, is_something=lambda content: bool(content["data"]))
        self._runs = SharedResults(RUNS_SECONDS)
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="logline-page")

    def warm_up(self) -> None:
        """Import what the first query needs, so that nobody waits for it."""
        self._threads.submit(self._warehouse.client)

    def close(self) -> None:
        """Start no more queries."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def of_panel(self, panel: Panel, asked: Nothing) -> JSONResponse:
        """Return a panel's data and what it contributes to the verdict."""
        return await self._of_bigquery((panel.name, asked), partial(self._panel, panel, asked))

    async def freshness(self) -> JSONResponse:
        """Return when each table last changed."""
        return await self._of_bigquery(("freshness",), lambda: {"data": freshness(self._warehouse)})

    async def of_airflow(self, look: Callable[..., Any], *arguments: Any) -> JSONResponse:
        """Return what Airflow's own database says."""
        fetch = partial(self._fetched, lambda: {"data": look(*arguments)})
        return JSONResponse(await self._runs.get((look, *arguments), fetch))

    async def _of_bigquery(self, key: tuple[Any, ...], look: Callable[[], dict[str, Any]]) -> JSONResponse:
        """Return an answer, or a notice that says why there is none."""
        try:
            return JSONResponse(await self._results.get(key, partial(self._fetched, look)))
        except UnavailableError as error:
            return JSONResponse({"notice": str(error)}, status_code=503)
        except NothingThereError:
            return JSONResponse({"data": None, "notice": "The tables are not there yet: run the DAG provision once."})

    def _panel(self, panel: Panel, asked: Nothing) -> dict[str, Any]:
        # Some queries look back from now: on another day their answer is another.
        state = (datetime.now(UTC).date(), *(self._warehouse.state(table) for table in panel.tables))
        rows = self._known.get((panel.name, asked), state, lambda: self._warehouse.rows(panel.name, asked.model_dump()))
        notes = [note.shown(self._settings) for note in panel.notes(rows)]
        return {"data": panel.shape(rows, self._settings), "notes": notes}

    async def _fetched(self, look: Callable[[], dict[str, Any]]) -> Any:
        at = datetime.now(UTC)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, look)
        return jsonable_encoder({"at": at, **found})


def build(settings: Settings) -> FastAPI:
    """Build the application of an installation."""
    page = Page(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        page.warm_up()
        yield
        page.close()

    # FastAPI serves its generated documentation without authentication.
    app = FastAPI(title="Logline", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.add_middleware(GZipMiddleware)

    @app.middleware("http")
    async def with_headers(request: Request, call_next: Callable[[Request], Any]) -> Response:
        response: Response = await call_next(request)
        for name, value in HEADERS.items():
            response.headers[name] = value
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    website = Depends(requires_access_view(AccessView.WEBSITE))

    @app.get("/", dependencies=[website])
    def index() -> HTMLResponse:
        return HTMLResponse(files.content(files.HERE / "index.html"))

    @app.get("/static/{name:path}", dependencies=[website])
    def static(name: str) -> Response:
        path = files.paths().get(name)
        if path is None:
            raise HTTPException(404, "no such file")
        headers = {"Cache-Control": "private, max-age=31536000, immutable"}
        return Response(files.content(path), media_type=files.TYPES[path.suffix], headers=headers)

    for panel in PANELS.values():
        app.get(f"/api/{panel.name}", dependencies=[may_see(panel.dag_id)])(_answering(page, panel))

    @app.get("/api/freshness", dependencies=[may_see(SUMMARY_DAG)])
    async def of_tables() -> JSONResponse:
        return await page.freshness()

    @app.get("/api/dags")
    async def dags(visible: Annotated[tuple[str, ...], Depends(visible_dags)]) -> JSONResponse:
        return await page.of_airflow(states_of_dags, visible)

    @app.get("/api/runs", dependencies=[may_see(BACKFILL_DAG)])
    async def runs() -> JSONResponse:
        return await page.of_airflow(latest_runs, BACKFILL_DAG)

    # The permission is that for the DAG of the query.
    @app.get("/api/run", dependencies=[Depends(requires_access_dag("GET", DagAccessEntity.RUN))])
    async def run(dag_id: DagId, run_id: RunId) -> JSONResponse:
        return await page.of_airflow(run_details, dag_id, run_id)

    return app


def _answering(page: Page, panel: Panel) -> Callable[[Request], Awaitable[JSONResponse]]:
    async def answer(request: Request) -> JSONResponse:
        try:
            asked = panel.asks.model_validate(dict(request.query_params))
        except ValidationError as error:
            raise RequestValidationError(error.errors(include_context=False)) from None
        return await page.of_panel(panel, asked)

    return answer
