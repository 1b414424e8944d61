"""What Dataflow knows of the stream: its jobs, by exactly their name, and what the running one says of itself.

The provider's own lookup takes every job whose name begins like the one looked for; here a job of another name is
never seen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from airflow.providers.google.cloud.hooks.dataflow import DataflowHook
from airflow.sdk.exceptions import AirflowFailException

from logline.dataflow.operators import last_error
from logline.preflight import template
from logline.service_errors import NEVER, TIMEOUT_SECONDS, answering
from logline.settings import Settings
from logline.stream.jobs import ENDED, RUNNING, Observation, StreamCounters, StreamJob

VERSION_LABEL = "logline-version"
# Ended jobs whose labels and messages are read: the failed update, if there was one, is among them.
_LATEST = 3


def template_version(settings: Settings, job: str) -> str | None:
    """Return the version of a job's Flex Template in the bucket, as the value of a label; None without a template.

    Raises:
        AirflowException: Cloud Storage does not answer, or what lies there is not a container spec.
    """
    blob = template(settings, job)
    if blob is None:
        return None
    uri = settings.template_uri(job)
    missing = f"{uri} is gone: run the provision DAG again"
    with answering("Cloud Storage", missing=missing, refused=f"{uri} cannot be read"):
        content = blob.download_as_bytes(retry=NEVER, timeout=TIMEOUT_SECONDS)
    try:
        return version_label(json.loads(content)["image"])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise AirflowFailException(f"{uri} is not a container spec: run the provision DAG again") from None


def version_label(image: str) -> str:
    """Return the tag of an image, or the beginning of its digest, in the characters that labels may have.

    See https://cloud.google.com/compute/docs/labeling-resources#requirements
    """
    name, _, digest = image.rpartition("/")[2].partition("@sha256:")
    version = digest[:12] or name.partition(":")[2] or "latest"
    return re.sub(r"[^a-z0-9_-]", "-", version.lower())[:63]


def observe(settings: Settings, version: str) -> Observation:
    """Observe the stream's jobs; `version` is the template's.

    Raises:
        AirflowException: Dataflow does not answer, or refuses to.
    """
    hook = DataflowHook()
    place = {"project_id": settings.project, "location": settings.region}
    with answering("Dataflow", refused=f"Dataflow does not say how {settings.stream_job} is"):
        found = [_job(summary) for summary in _summaries(hook, settings)]
        at = datetime.now(UTC)
        jobs = [_with_details(hook, job, place) if relevant else job for job, relevant in _relevant(found)]
        observation = Observation(at=at, job_name=settings.stream_job, template_version=version, jobs=jobs)
        current = observation.current
        if current is not None and current.state == RUNNING:
            metrics = hook.fetch_job_metrics_by_id(job_id=current.id, **place).get("metrics", [])
            return replace(observation, counters=counters(metrics))
        return observation


def counters(metrics: Sequence[Mapping[str, Any]]) -> StreamCounters:
    """Read the metrics of a job, the API's MetricUpdates; values that include uncommitted work are left out."""
    values: dict[str, int] = {}
    for metric in metrics:
        name, context = metric["name"]["name"], metric["name"].get("context", {})
        if "tentative" in context or not isinstance(metric.get("scalar"), int | float):
            continue
        values[name] = values.get(name, 0) + int(metric["scalar"])
    return StreamCounters(**{name: values.get(name) for name in ("messages", "rows", "rejected")})


def _summaries(hook: DataflowHook, settings: Settings) -> list[dict[str, Any]]:
    jobs = hook.get_conn().projects().locations().jobs()
    request = jobs.list(projectId=settings.project, location=settings.region, filter="ALL", name=settings.stream_job)
    found: list[dict[str, Any]] = []
    while request is not None:
        response = request.execute(num_retries=hook.num_retries)
        found += [job for job in response.get("jobs", []) if job["name"] == settings.stream_job]
        request = jobs.list_next(previous_request=request, previous_response=response)
    return found


def _relevant(jobs: Sequence[StreamJob]) -> list[tuple[StreamJob, bool]]:
    """Pair each job with whether its labels and its last error matter: those of active and of the latest jobs do."""
    latest = sorted((job for job in jobs if job.state in ENDED), key=lambda job: job.since, reverse=True)[:_LATEST]
    return [(job, job.state not in ENDED or job in latest) for job in jobs]


def _with_details(hook: DataflowHook, job: StreamJob, place: dict[str, str]) -> StreamJob:
    """Return the job with its labels, which a list lacks, and with its last error if it failed."""
    failed = job.state == "JOB_STATE_FAILED"
    return _job(hook.get_job(job_id=job.id, **place), last_error(hook, job.id, **place) if failed else "")


def _job(resource: Mapping[str, Any], error: str = "") -> StreamJob:
    return StreamJob(
        id=resource["id"],
        state=resource["currentState"],
        created=datetime.fromisoformat(resource["createTime"]),
        since=datetime.fromisoformat(resource["currentStateTime"]),
        streaming=resource.get("type") != "JOB_TYPE_BATCH",
        version=resource.get("labels", {}).get(VERSION_LABEL),
        replaces=resource.get("replaceJobId"),
        replaced_by=resource.get("replacedByJobId"),
        error=error,
    )
