"""What the DAGs have in common: the defaults of their tasks, Params of days, and the asset that joins them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import Asset, Param

from logline.alerts import AlertNotifier
from logline.failures import keep_reason
from logline.settings import Settings

# An event says that rows have landed, or that late lines ask for days to be built; `days` of its extra names them.
# What is built is found in the tables: see sql/request_builds/changed.sql.
BACKFILLED_REQUESTS = Asset("logline://backfilled_requests")


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


def day_param(title: str, description: str, example: str = "2015-05-17") -> Param:
    """Return a Param that is a day, chosen from a calendar, or empty."""
    return Param(None, type=["null", "string"], format="date", title=title, description=description, examples=[example])
