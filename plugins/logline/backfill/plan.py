"""Planning a backfill run: what it was asked for, whether it can be done, and one unit of work for each day."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from airflow.providers.google.cloud.hooks.gcs import GCSHook
from airflow.sdk import Context
from google.cloud.storage import Blob

from logline.backfill.units import BackfillUnit, SourcePattern, days_to_read, plan_units
from logline.params import ParamError, check_known_params, check_log_format
from logline.preflight import check_services
from logline.service_errors import NEVER, TIMEOUT_SECONDS, answering
from logline.settings import Settings
from logline.task_ids import PLAN
from logline.text_table import text_table

log = logging.getLogger(__name__)


def plan_backfill(settings: Settings, context: Context) -> list[dict[str, str]]:
    """Check what the user asked for and what it needs, and return one unit of work per day.

    Returns:
        Every `BackfillUnit` as a JSON object; an empty list for a dry run.

    Raises:
        AirflowFailException: one line that says what to change. Nothing has been started or written then.
        AirflowException: a service does not answer now.
    """
    params, dag_run = context["params"], context["dag_run"]
    # The values hold every key of the run's configuration, declared or not.
    check_known_params(dag_run.conf, context["dag"].params)
    check_log_format(params["log_format"])
    pattern = SourcePattern.parse(params["source"])
    days = days_to_read(params["start_date"], params["end_date"], dag_run.logical_date or dag_run.run_after)
    if pattern.dated and settings.has_expired(days[0]):
        raise ParamError(
            f"rows of {days[0]} would expire as they land (LOGLINE_LANDING_EXPIRY_DAYS is "
            f"{settings.landing_expiry_days}): raise it and run the provision DAG, or read later days"
        )
    units = plan_units(pattern, days, bucket=settings.temp_bucket, run_id=dag_run.run_id)

    check_services(settings, "backfill")
    found = {unit.label: list_objects(unit) for unit in units}
    log.info("What this run reads\n%s", objects_table(units, found))
    if not (params["wait_for_files"] or dag_run.run_type in ("scheduled", "backfill")):
        refuse_missing(units, found)
    if params["dry_run"]:
        log.info("Dry run: nothing is started")
        return []
    return [asdict(unit) for unit in units]


def list_objects(unit: BackfillUnit) -> list[Blob]:
    """List the objects that a unit would read now, with their names and sizes."""
    missing = f"bucket {unit.bucket} does not exist: correct source {unit.source}"
    with answering("Cloud Storage", missing=missing, refused=f"bucket {unit.bucket} cannot be listed"):
        blobs = (
            GCSHook()
            .get_conn()
            .list_blobs(
                unit.bucket,
                prefix=unit.prefix,
                match_glob=unit.objects,
                fields="items(name,size),nextPageToken",
                retry=NEVER,
                timeout=TIMEOUT_SECONDS,
            )
        )
        return list(blobs)


def refuse_missing(units: Sequence[BackfillUnit], found: Mapping[str, Sequence[Blob]]) -> None:
    """Raise ParamError when a unit has nothing to read."""
    missing = [unit for unit in units if not found[unit.label]]
    if missing:
        count = f" (none for {len(missing)} of {len(units)} days)" if len(units) > 1 else ""
        raise ParamError(
            f"no object matches {missing[0].source}{count}: correct source or the dates, or set wait_for_files"
        )


def objects_table(units: Sequence[BackfillUnit], found: Mapping[str, Sequence[Blob]]) -> str:
    """Format what each unit reads as a table with a total."""
    rows = [
        (unit.label, unit.source, len(found[unit.label]), sum(blob.size or 0 for blob in found[unit.label]))
        for unit in units
    ]
    total = ("total", "", sum(row[2] for row in rows), sum(row[3] for row in rows))
    return text_table(("day", "source", "objects", "bytes"), [*rows, total])


def planned_unit(ti: Any) -> dict[str, str]:
    """Return the unit of a mapped task, for its templates."""
    units: list[dict[str, str]] = ti.xcom_pull(task_ids=PLAN)
    return dict(units[ti.map_index])
