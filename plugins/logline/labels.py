"""Labels of BigQuery and Dataflow jobs, for the bill."""

from __future__ import annotations

DAY_LABEL = "logline-day"
# The day label of a job that works on no particular day.
NO_DAY = "all"


def job_labels(day: str) -> dict[str, str]:
    """Return the labels (templated) of a job of BigQuery or Dataflow.

    The first two have the names and values that the provider's own operators give to BigQuery jobs.

    Args:
        day: the day the job works on (templated), or `NO_DAY`.
    """
    return {
        "airflow-dag": "{{ dag.dag_id | lower }}",
        "airflow-task": "{{ task.task_id | lower | replace('.', '-') }}",
        DAY_LABEL: day,
    }
