"""Find past days that have changed, and sum up the stream's ledger.

Every hour this looks for past days that the stream has brought new requests, and starts `daily_summary`: for yesterday,
once it is over, and for any day that late lines have reached since. Many late requests (`LOGLINE_LATE_REQUESTS`) make
their day be summarised at once, fewer after a pause that doubles from one hour to 24. Copies of messages that are there
already change nothing. To look at once:

    airflow dags trigger late_lines

It also starts `daily_summary` for days whose backfill it has not heard of.

**The bound** is `LOGLINE_LATE_DAYS` (30). Lines for a day before that are in `streamed_requests`, but the day is left
as it is until somebody builds it (`airflow dags trigger daily_summary`); `reconciliation` shows it as outdated.
Either way `request_builds` has an entry with the number of lines: nothing changes or is left out unrecorded.

Before that it sums up the stream's batches in `ledger` and `ledger_days`, one row for each job and hour; the last day
is summed up again. What is late is counted there: the landing tables are read for the days in question alone.

**Repeat it freely**: sums are replaced, and a day that is built again stays the same.
"""

from __future__ import annotations

from airflow.sdk import DAG, AssetAlias, CronTriggerTimetable

from logline.alerts import IMBALANCE
from logline.dag_defaults import backfilled_requests, task_defaults
from logline.settings import Settings
from logline.summaries.reopen_days import ReopenDaysOperator
from logline.warehouse.queries import Query, QueryOperator

SETTINGS = Settings.from_environment()
TODAY = "{{ dag_run.run_after.strftime('%Y-%m-%d') }}"

with DAG(
    dag_id="late_lines",
    description="Late lines make their days be rebuilt; the stream's ledger",
    doc_md=__doc__,
    # A new installation, with nothing provisioned yet, waits for the next hour.
    schedule=CronTriggerTimetable("20 * * * *", timezone="UTC", run_immediately=False),
    max_active_runs=1,
    max_active_tasks=1,
    catchup=False,
    tags=["logline", "summary"],
    default_args=task_defaults(SETTINGS, runbook=IMBALANCE),
    user_defined_macros={
        "dataset": SETTINGS.dataset,
        "late_days": SETTINGS.late_days,
        "late_requests": SETTINGS.late_requests,
        "landing_expiry_days": SETTINGS.landing_expiry_days,
    },
) as dag:
    fold_stream_ledger = QueryOperator(
        task_id="fold_stream_ledger",
        task_display_name="Sum up the stream's batches by hour",
        settings=SETTINGS,
        query=Query("{% include 'sql/ledger/fold_stream.sql' %}", day=TODAY),
    )
    reopen_days = ReopenDaysOperator(
        task_id="reopen_days",
        task_display_name="Reopen the days that late lines have reached",
        settings=SETTINGS,
        reopen=Query("{% include 'sql/request_builds/reopen.sql' %}", day=TODAY),
        reopened=Query("{% include 'sql/request_builds/reopened.sql' %}", day=TODAY),
        changed=Query("{% include 'sql/request_builds/changed.sql' %}", day=TODAY),
        asset=backfilled_requests(SETTINGS),
        alias=AssetAlias("logline://late_requests"),
    )

    fold_stream_ledger >> reopen_days
