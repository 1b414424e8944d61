"""The queries of Airflow's page "Logline", as its routes ask them."""

from __future__ import annotations

from datetime import date
from typing import Any, get_args
from unittest.mock import patch

import tests.airflow_environment  # noqa: F401 (before Airflow)
from tests.sql.analyzer.scripts import Script
from tests.sql.analyzer.settings import Kind
from tests.sql.analyzer.tracing import Trace

# isort: split
from fastapi.testclient import TestClient
from google.cloud.bigquery import QueryJobConfig

from logline.page import app, warehouse
from logline.settings import Settings

VALUES = {"day": date(2026, 11, 22).isoformat(), "first_day": "2026-11-22", "run_id": "run"}


class _Client:
    """Keeps what the page asks, and answers nothing."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, QueryJobConfig]] = []

    def query(self, sql: str, job_config: QueryJobConfig, **_: Any) -> Any:
        self.asked.append((sql, job_config))
        raise warehouse.UnavailableError("not asked")


def page_scripts(kind: Kind, trace: Trace) -> list[Script]:
    """Return the query of every panel with the parameters that the panel binds."""
    client = _Client()
    environment = warehouse._SQL.overlay(cache_size=0)
    trace.attach(environment)
    with kind.in_force():
        settings = Settings.from_environment()
    application = app.build(settings)
    for route in application.routes:
        for dependency in route.dependencies:
            application.dependency_overrides[dependency.dependency] = lambda: None
    with (
        patch.object(warehouse, "_SQL", environment),
        patch.object(warehouse.Warehouse, "client", lambda _: client),
    ):
        browser = TestClient(application)
        for route in application.routes:
            for of in get_args(app.Top) if "{of}" in route.path else ("",):
                if route.path.startswith("/api/") and route.path not in ("/api/runs", "/api/run"):
                    browser.get(route.path.format(of=of), params=VALUES)
    scripts = []
    for sql, config in client.asked:
        parameters = {parameter.name: parameter.type_ for parameter in config.query_parameters}
        scripts.append(Script(f"page: {config.labels['logline-page']}", trace.text(sql), parameters))
    return scripts
