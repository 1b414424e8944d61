"""What logline adds to Airflow itself: the page "Logline", and a note on every run that has ended."""

from __future__ import annotations

import logging
from functools import cached_property
from typing import Any, ClassVar
from urllib.parse import urlsplit

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

from logline import run_notes

log = logging.getLogger(__name__)

# Airflow may be served below a path.
HREF = f"{urlsplit(conf.get('api', 'base_url', fallback='/')).path.rstrip('/')}/logline/"


class LoglinePlugin(AirflowPlugin):
    """The page in the navigation, and on each DAG and DAG run."""

    name = "logline"
    listeners: ClassVar[list[Any]] = [run_notes]
    external_views: ClassVar[list[dict[str, Any]]] = [
        {"name": "Logline", "href": HREF, "destination": "nav", "url_route": "logline", "nav_top_level": True},
        {"name": "Logline", "href": f"{HREF}?dag_id={{DAG_ID}}", "destination": "dag", "url_route": "logline-dag"},
        {
            "name": "Logline",
            "href": f"{HREF}?dag_id={{DAG_ID}}&run_id={{RUN_ID}}",
            "destination": "dag_run",
            "url_route": "logline-run",
        },
    ]

    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """Return the page's application; only the API server asks for it, so only it pays for the imports."""
        from logline.page.app import PREFIX, build
        from logline.settings import Settings, SettingsError

        try:
            settings = Settings.from_environment()
        except SettingsError as error:
            # The DAGs say the same as import errors; Airflow itself has to start.
            log.error("The page Logline is left out: %s", error)
            return []
        return [{"app": build(settings), "url_prefix": PREFIX, "name": "logline"}]
