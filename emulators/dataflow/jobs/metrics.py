"""Job metrics: the counters that a job leaves in its metrics file, as the API's MetricUpdates."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from emulators.dataflow.jobs.job import timestamp


def metric_updates(path: Path, cpu_seconds: float | None) -> list[dict[str, Any]]:
    """Return the metrics of a job, shaped like those of the real service.

    Every metric comes twice, once with the context `tentative`: what is committed, and what includes work under way.
    Here the two are the same.

    Args:
        path: `{"counters": [{"namespace": str, "name": str, "step": str, "value": int}]}`; need not exist yet.
        cpu_seconds: What the job has used, or None where it is not known yet.
    """
    updates = []
    now = timestamp()
    if cpu_seconds is not None:
        context = {"original_name": "Service-cpu_num_seconds"}
        updates += _committed_and_tentative("dataflow/v1b3", "TotalVcpuTime", context, cpu_seconds, now)
    try:
        counters = json.loads(path.read_text())["counters"]
        written = timestamp(datetime.fromtimestamp(path.stat().st_mtime, UTC))
    except FileNotFoundError:
        return updates
    for counter in counters:
        context = {"namespace": counter["namespace"], "step": counter["step"]}
        updates += _committed_and_tentative("user", counter["name"], context, counter["value"], written)
    return updates


def _committed_and_tentative(
    origin: str, name: str, context: dict[str, str], scalar: float, time: str
) -> list[dict[str, Any]]:
    return [
        {"name": {"origin": origin, "name": name, "context": tagged}, "scalar": scalar, "updateTime": time}
        for tagged in (context, {**context, "tentative": "true"})
    ]
