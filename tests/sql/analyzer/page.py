"""The queries of Airflow's page "Logline", as its panels ask them."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from typing import Any
from unittest.mock import patch

import tests.airflow_environment  # noqa: F401 (before Airflow)
from tests.sql.analyzer.scripts import Script
from tests.sql.analyzer.settings import Kind
from tests.sql.analyzer.tracing import Trace

# isort: split
from google.cloud.bigquery import QueryJobConfig

from logline.page import warehouse
from logline.page.panels import PANELS
from logline.settings import Settings

VALUES = {
    "first_day": date(2026, 11, 16),
    "last_day": date(2026, 11, 22),
    "host": "a.example",
    "kind": "scanner",
    "run_id": "run",
}


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
    with (
        kind.in_force(),
        patch.object(warehouse, "_SQL", environment),
        patch.object(warehouse.Warehouse, "client", lambda _: client),
    ):
        asked_for = warehouse.Warehouse(Settings.from_environment())
        for panel in PANELS.values():
            said = {name: VALUES[name] for name in panel.asks.model_fields if name in VALUES}
            with suppress(warehouse.UnavailableError):
                asked_for.rows(panel.name, panel.asks.model_validate(said).model_dump())
    scripts = []
    for sql, config in client.asked:
        parameters = {parameter.name: parameter.type_ for parameter in config.query_parameters}
        scripts.append(Script(f"page: {config.labels['logline-page']}", trace.text(sql), parameters))
    return scripts
