"""Every hour: what lies in the bucket and has been read by no run?

It lists the objects of `LOGLINE_SOURCE`, compares names and generations with the ledger, writes the difference to
`unread_objects`, and starts `log_backfill` for it: files that came late, files that were replaced. To look at once:

    airflow dags trigger sweep

`arrivals` does the same within a minute, when the bucket tells of a new object. That may be switched off, or late; the
sweep is what nothing escapes. With nothing to read, a run is skipped within seconds and costs a listing.

**One at a time**: it leaves to `arrivals` what that one has begun, and waits up to an hour for runs of `log_backfill`
that may be reading the same objects.

**What cannot be read** is in the ledger as such and not tried again. An object whose whole run failed, or that Cloud
Storage did not give, stays unread: it is tried again after 1, 2, 4, 8 ... hours. One that has been unread for longer
than `LOGLINE_UNREAD_HOURS` fails `check_overdue`, which is an alert; `reconciliation` and the page "Logline" count it
on its day.

An object that is deleted from the bucket keeps its rows.
"""

from __future__ import annotations

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, CronTriggerTimetable

from logline.alerts import UNREAD_OBJECTS
from logline.arrivals.operators import FindUnreadOperator
from logline.arrivals.start import new_only
from logline.dag_defaults import task_defaults
from logline.labels import NO_DAY
from logline.settings import Settings
from logline.task_ids import ARRIVALS_DAG, BACKFILL_DAG, SWEEP_DAG
from logline.warehouse.checks import Gate, RunChecksOperator

SETTINGS = Settings.from_environment()

with DAG(
    dag_id=SWEEP_DAG,
    description="Reads what lies in the bucket and no run has read",
    doc_md=__doc__,
    # A new installation, with nothing provisioned yet, waits for the next hour.
    schedule=CronTriggerTimetable("50 * * * *", timezone="UTC", run_immediately=False),
    max_active_runs=1,
    max_active_tasks=2,
    catchup=False,
    tags=["logline", "ingest"],
    default_args=task_defaults(SETTINGS, runbook=UNREAD_OBJECTS),
    user_defined_macros={"dataset": SETTINGS.dataset, "unread_hours": SETTINGS.unread_hours},
) as dag:
    find_unread = FindUnreadOperator(
        task_id="find_unread",
        task_display_name="Find what no run has read",
        settings=SETTINGS,
        unless_running=ARRIVALS_DAG,
        with_pauses=True,
    )
    start_backfill = TriggerDagRunOperator(
        task_id="start_backfill",
        task_display_name="Start log_backfill for it",
        trigger_dag_id=BACKFILL_DAG,
        **new_only(SETTINGS),
    )
    check_overdue = RunChecksOperator(
        task_id="check_overdue",
        task_display_name="Check that nothing has been unread for too long",
        settings=SETTINGS,
        gate=Gate.of("unread_objects", day=NO_DAY),
    )

    find_unread >> start_backfill
