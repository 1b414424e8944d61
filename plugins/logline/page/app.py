"""The page's web application, mounted by Airflow's API server below `/logline`.

Airflow mounts a plugin's application without any authentication: every route here asks for Airflow's own. All of them
only read. What a user can say is a number of days, a day and a run: typed, and bound as query parameters.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import partial
from typing import Annotated, Any, Literal, TypeVar

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView, DagAccessEntity
from airflow.api_fastapi.core_api.security import requires_access_dag, requires_access_view
from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.encoders import jsonable_encoder
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import HTMLResponse, JSONResponse

from logline.page import files
from logline.page.panels import PANELS, Panel
from logline.page.runs import latest_runs, run_details
from logline.page.shared import SharedResults
from logline.page.warehouse import NothingThereError, UnavailableError, Warehouse
from logline.settings import Settings

log = logging.getLogger(__name__)

PREFIX = "/logline"
# Queries of the page that run at the same time.
AT_ONCE = 4
RUNS_SECONDS = 5.0
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class Period(StrEnum):
    """How many days a panel looks back."""

    WEEK = "7"
    MONTH = "30"
    QUARTER = "90"
    YEAR = "366"


Days = Annotated[Period, Query(description="Days to look back")]
Day = Annotated[date, Query(description="A day, YYYY-MM-DD")]
RunId = Annotated[str, Query(max_length=250, description="Id of a DAG run")]
DagId = Annotated[str, Query(max_length=250, description="Id of a DAG")]
Handler = TypeVar("Handler", bound=Callable[..., Any])
Top = Literal["paths", "referers", "agents", "visitors"]


def may_see(dag_id: str) -> Any:
    """Let through who may see the runs of a DAG."""
    return Depends(requires_access_dag("GET", DagAccessEntity.RUN, param_dag_id=dag_id))


class Page:
    """The panels' answers, each fetched once for everybody within its interval."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._warehouse = Warehouse(settings)
        self._results = {name: SharedResults(panel.seconds, is_something=_has_data) for name, panel in PANELS.items()}
        self._runs = SharedResults(RUNS_SECONDS)
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="logline-page")

    def warm_up(self) -> None:
        """Import what the first query needs, so that nobody waits for it."""
        self._threads.submit(self._warehouse.client)

    def close(self) -> None:
        """Start no more queries."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def answer(self, name: str, parameters: Mapping[str, Any]) -> JSONResponse:
        """Return a panel's data, or a notice that says why there is none."""
        fetch = partial(self._panel, PANELS[name], parameters)
        try:
            return JSONResponse(await self._results[name].get(tuple(parameters.values()), fetch))
        except UnavailableError as error:
            return JSONResponse({"notice": str(error)}, status_code=503)
        except NothingThereError:
            return JSONResponse({"data": None, "notice": "The tables are not there yet: run the DAG provision once."})

    async def of_airflow(self, look: Callable[..., Any], *arguments: str) -> JSONResponse:
        """Return what Airflow's own database says."""
        return JSONResponse(await self._runs.get((look, *arguments), lambda: self._fetched(partial(look, *arguments))))

    async def _panel(self, panel: Panel, parameters: Mapping[str, Any]) -> Any:
        bound = {**parameters, "now": datetime.now(UTC)}
        return await self._fetched(lambda: panel.shape(self._warehouse.rows(panel.name, bound), self._settings))

    async def _fetched(self, look: Callable[[], Any]) -> Any:
        at = datetime.now(UTC)
        data = await asyncio.get_running_loop().run_in_executor(self._threads, look)
        return jsonable_encoder({"at": at, "data": data})


def _has_data(content: Mapping[str, Any]) -> bool:
    return bool(content["data"])


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

    @app.get("/static/{name}", dependencies=[website])
    def static(name: str) -> Response:
        path = files.paths().get(name)
        if path is None:
            raise HTTPException(404, "no such file")
        headers = {"Cache-Control": "private, max-age=31536000, immutable"}
        return Response(files.content(path), media_type=files.TYPES[path.suffix], headers=headers)

    def panel(name: str, path: str | None = None) -> Callable[[Handler], Handler]:
        return app.get(f"/api/{path or name}", dependencies=[may_see(PANELS[name].dag_id)])

    @panel("stream")
    async def stream() -> JSONResponse:
        return await page.answer("stream", {})

    @panel("freshness")
    async def freshness() -> JSONResponse:
        return await page.answer("freshness", {})

    @panel("traffic")
    async def traffic(days: Days = Period.MONTH) -> JSONResponse:
        return await page.answer("traffic", {"days": int(days)})

    @panel("daily")
    async def daily(days: Days = Period.MONTH) -> JSONResponse:
        return await page.answer("daily", {"days": int(days)})

    @panel("hours")
    async def hours(day: Day) -> JSONResponse:
        return await page.answer("hours", {"day": day})

    @panel("top_paths", "top/{of}")
    async def top(of: Top, day: Day) -> JSONResponse:
        return await page.answer(f"top_{of}", {"day": day})

    @panel("reconciliation")
    async def reconciliation(first_day: Day) -> JSONResponse:
        return await page.answer("reconciliation", {"first_day": first_day})

    @panel("rejected")
    async def rejected(days: Days = Period.MONTH) -> JSONResponse:
        return await page.answer("rejected", {"days": int(days)})

    @panel("backfills")
    async def backfills(days: Days = Period.MONTH) -> JSONResponse:
        return await page.answer("backfills", {"days": int(days)})

    @panel("ledger")
    async def ledger(run_id: RunId) -> JSONResponse:
        return await page.answer("ledger", {"run_id": run_id})

    @app.get("/api/runs", dependencies=[may_see("log_backfill")])
    async def runs() -> JSONResponse:
        return await page.of_airflow(latest_runs, "log_backfill")

    # The permission is that for the DAG of the query.
    @app.get("/api/run", dependencies=[Depends(requires_access_dag("GET", DagAccessEntity.RUN))])
    async def run(dag_id: DagId, run_id: RunId) -> JSONResponse:
        return await page.of_airflow(run_details, dag_id, run_id)

    return app
