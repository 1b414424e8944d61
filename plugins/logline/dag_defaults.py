"""What the DAGs have in common: the defaults of their tasks, Params of days, and the asset that joins them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import Asset, Param
from airflow.sdk.configuration import conf
from pydantic import JsonValue

from logline.alerts import AlertNotifier
from logline.failures import keep_reason
from logline.log_formats import log_formats
from logline.settings import Settings


def task_defaults(settings: Settings, *, runbook: str | None = None, **changed: Any) -> dict[str, Any]:
    """Return the `default_args` of a DAG, with what differs in it.

    The alert of a failed task names `runbook`, a heading of docs/operations.md; None tells nobody.
    """
    defaults = {
        "owner": "logline",
        # Some 20 minutes in all: what a service does not answer for so long, somebody should look at.
        "retries": 6,
        "retry_delay": timedelta(seconds=15),
        "retry_exponential_backoff": 2,
        "max_retry_delay": timedelta(minutes=10),
        # Days in their order, those that have begun first. The rule `downstream` starts all of them before it ends one.
        "weight_rule": "absolute",
        "on_failure_callback": [keep_reason, *([AlertNotifier(settings, runbook)] if runbook is not None else [])],
    }
    return defaults | changed


def backfilled_requests(settings: Settings) -> Asset:
    """Return the asset that joins the DAGs: its extra names its tables, which its page in the Airflow UI shows.

    An event says that rows have landed, or that late lines ask for days to be built; `days` of its extra names them.
    What is built is found in the tables: see sql/request_builds/changed.sql.
    """
    return Asset("logline://backfilled_requests", extra=_shown(settings, "backfilled_requests", "requests"))


def log_objects(settings: Settings, **options: Any) -> Asset:
    """Return the asset of the objects in the bucket, which its watchers hear of."""
    extra = {"objects": settings.source, **_shown(settings, "ledger", "unread_objects")}
    return Asset("logline://log_objects", extra=extra, **options)


def _shown(settings: Settings, *tables: str) -> dict[str, JsonValue]:
    base = conf.get("api", "base_url", fallback="").rstrip("/")
    return {
        "tables": [f"{settings.project}.{settings.dataset}.{table}" for table in tables],
        "page": f"{base}/plugin/logline#view=pipeline",
    }


def day_param(title: str, description: str, example: str = "2015-05-17") -> Param:
    """Return a Param that is a day, chosen from a calendar, or empty."""
    return Param(None, type=["null", "string"], format="date", title=title, description=description, examples=[example])


def log_format_param(description: str) -> Param:
    """Return the Param of a format: the form shows the names as a list, and takes any other text."""
    return Param(
        # A value, even auto, would hide all that do not begin like it.
        None,
        type=["null", "string"],
        title="Format",
        description=description,
        examples=list(log_formats("backfill")),
    )
