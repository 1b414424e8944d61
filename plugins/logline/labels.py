"""Labels of BigQuery and Dataflow jobs, for the bill."""

from __future__ import annotations

DAY_LABEL = "logline-day"
# The day label of a job that works on no particular day.
NO_DAY = "all"
# Templated; the names and values that the provider's own operators give to BigQuery jobs.
TASK_LABELS = {
    "airflow-dag": "{{ dag.dag_id | lower }}",
    "airflow-task": "{{ task.task_id | lower | replace('.', '-') }}",
}


def job_labels(day: str) -> dict[str, str]:
    """Return the labels (templated) of a job that works on a day (templated), or on `NO_DAY`."""
    return {**TASK_LABELS, DAY_LABEL: day}
