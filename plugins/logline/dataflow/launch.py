"""The request that launches a job from its Flex Template."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from logline.labels import job_labels
from logline.settings import Settings


def launch_body(
    settings: Settings,
    template: str,
    *,
    job_name: str,
    day: str,
    parameters: Mapping[str, str],
    labels: Mapping[str, str] | None = None,
    update: bool = False,
) -> dict[str, Any]:
    """Return the body of a launch; strings may be templated.

    Args:
        settings: the installation; what its jobs take out of lines is added to the parameters.
        template: name of the Flex Template.
        job_name: name of the Dataflow job.
        day: the day the job works on, as a label.
        parameters: of the job.
        labels: more labels.
        update: whether to replace the running job of the name in place.
    """
    user_labels = {**job_labels(day), **(labels or {})}
    return {
        "launchParameter": {
            "jobName": job_name,
            "containerSpecGcsPath": settings.template_uri(template),
            "parameters": {**parameters, **settings.anonymising_parameters()},
            "environment": {**settings.dataflow_environment(), "additionalUserLabels": user_labels},
            "update": update,
        }
    }
