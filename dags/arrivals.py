"""A new object in the bucket starts a backfill within a minute.

The bucket tells Pub/Sub of each new object below the prefix of `LOGLINE_SOURCE`; a trigger in Airflow's triggerer
hears of it and starts a run of this DAG, one for all objects that come together. The run lists the bucket, compares it
with the ledger, writes what no run has read to `unread_objects`, and starts `log_backfill` for that. By hand it does
the same:

    airflow dags trigger arrivals

`provision` makes topic, subscription and notifications. The notifications only wake: what is read, the listing decides.
One that is lost, late or doubled changes nothing, and `sweep` looks every hour anyway. Without notifications, or to be
woken by the clock alone, pause this DAG: nothing listens then.

**One at a time**: objects that arrive while a run is at work make one more run after it. It waits for a run of `sweep`,
and up to an hour for runs of `log_backfill` that may be reading the same objects; the next sweep takes what is left.

The run that it starts tells of its own failures; this one succeeds either way, and is skipped where there was nothing
to read.
"""

from __future__ import annotations

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import DAG, AssetWatcher

from logline.alerts import UNREAD_OBJECTS
from logline.arrivals.operators import FindUnreadOperator
from logline.arrivals.start import new_only
from logline.arrivals.trigger import ArrivalsTrigger
from logline.dag_defaults import log_objects, task_defaults
from logline.settings import Settings
from logline.task_ids import ARRIVALS_DAG, BACKFILL_DAG, SWEEP_DAG

SETTINGS = Settings.from_environment()
LOG_OBJECTS = log_objects(
    SETTINGS,
    watchers=[
        AssetWatcher(
            name="bucket notifications",
            trigger=ArrivalsTrigger(project_id=SETTINGS.project, subscription=SETTINGS.arrivals_subscription),
        )
    ],
)

with DAG(
    dag_id=ARRIVALS_DAG,
    description="Reads new objects as they arrive in the bucket",
    doc_md=__doc__,
    schedule=[LOG_OBJECTS],
    max_active_runs=1,
    max_active_tasks=1,
    catchup=False,
    tags=["logline", "ingest"],
    default_args=task_defaults(SETTINGS, runbook=UNREAD_OBJECTS),
    user_defined_macros={"dataset": SETTINGS.dataset},
) as dag:
    find_unread = FindUnreadOperator(
        task_id="find_unread", task_display_name="Find what no run has read", settings=SETTINGS, after=SWEEP_DAG
    )
    start_backfill = TriggerDagRunOperator(
        task_id="start_backfill",
        task_display_name="Start log_backfill for it",
        trigger_dag_id=BACKFILL_DAG,
        **new_only(SETTINGS),
    )

    find_unread >> start_backfill
