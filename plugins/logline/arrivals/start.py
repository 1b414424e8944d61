"""How `sweep` and `arrivals` start a run of `log_backfill`."""

from __future__ import annotations

from typing import Any

from airflow.utils.state import DagRunState

from logline.arrivals.source import LogObjects
from logline.settings import Settings


def new_only(settings: Settings) -> dict[str, Any]:
    """Return the arguments of an operator that starts a run for unread objects and waits for its end.

    Either end will do: a run that fails says so itself.
    """
    return {
        "conf": {"source": LogObjects.of(settings).any_day.uri, "new_only": True},
        "wait_for_completion": True,
        "deferrable": True,
        "poke_interval": settings.poll_seconds,
        "allowed_states": [DagRunState.SUCCESS, DagRunState.FAILED],
        "failed_states": [],
        "fail_when_dag_is_paused": True,
    }
