"""One day of trusted numbers: every request once, and the daily tables made from them.

Rebuilds `requests` for one day from what was streamed and what was backfilled, and from it the tables of
`dags/sql/daily`; of `daily_sessions` also those sessions of the adjacent days that a midnight of the day concerns. It
starts by itself for every day a backfill has touched; by hand it takes the day:

    airflow dags trigger daily_summary --conf '{"day": "2015-05-17"}'

**Repeat it freely**: a day is replaced as a whole, in one transaction for `requests` and one for the daily tables. A
day for which nothing has landed ends up without rows, and with a warning.

**When a task fails**, its log ends in one line with the day and the counts that do not agree. `rebuild_requests` first
compares the landing tables with the ledger, and replaces nothing where they differ; then the rebuilt day with the
landing tables. `rebuild_daily_tables` compares the daily tables with `requests`. What landed while a day was being
rebuilt makes the task rebuild it again; one that still fails after its retries has found something wrong. Every check
is kept in `quality_checks`; the view `reconciliation` has the balance of every day.
"""

from __future__ import annotations

from pathlib import Path

from airflow.sdk import DAG, IdentityMapper, PartitionedAssetTimetable, get_current_context, task

from logline.alerts import IMBALANCE
from logline.dag_defaults import BACKFILLED_REQUESTS, day_param, task_defaults
from logline.settings import Settings
from logline.summaries.choose_day import summarised_day
from logline.task_ids import SUMMARY_DAG
from logline.warehouse.checks import Gate, RebuildAndCheckOperator
from logline.warehouse.queries import Query

SETTINGS = Settings.from_environment()
DAILY_TABLES = sorted(path.parent.name for path in Path(__file__).parent.glob("sql/daily/*/query.sql"))
DAY = "{{ ti.xcom_pull('choose_day') }}"
# A literal, of a day choose_day has checked: bqemulator binds no query parameters in scripts.
LOG_DATE = "{% set log_date = \"DATE '\" ~ ti.xcom_pull('choose_day') ~ \"'\" %}"


with DAG(
    dag_id=SUMMARY_DAG,
    description="One day: requests without duplicates, and the daily tables",
    doc_md=__doc__,
    schedule=PartitionedAssetTimetable(assets=BACKFILLED_REQUESTS, default_partition_mapper=IdentityMapper()),
    # Enough to keep BigQuery busy after a long backfill; the tasks that change tables run one at a time anyway.
    max_active_runs=4,
    max_active_tasks=1,
    catchup=False,
    tags=["logline", "summary"],
    default_args=task_defaults(SETTINGS, runbook=IMBALANCE),
    user_defined_macros={
        "dataset": SETTINGS.dataset,
        "max_rejected_percent": SETTINGS.max_rejected_percent,
        "daily_tables": DAILY_TABLES,
    },
    params={
        "day": day_param("Day", "The day to summarise, YYYY-MM-DD. Runs started by a backfill know theirs."),
    },
) as dag:

    @task
    def choose_day() -> str:
        """Return the run's partition, or the Param."""
        return summarised_day(SETTINGS, get_current_context())

    # BigQuery cancels one of two transactions that change the same table: each runs one at a time over all runs.
    rebuild_requests = RebuildAndCheckOperator(
        task_id="rebuild_requests",
        settings=SETTINGS,
        query=Query(LOG_DATE + "{% set tables = ['requests'] %}{% include 'sql/replace_day.sql' %}", day=DAY),
        before=[Gate.of("landing", day=DAY, before=LOG_DATE)],
        after=[Gate.of("requests", day=DAY, before=LOG_DATE)],
        max_active_tis_per_dag=1,
    )
    rebuild_daily_tables = RebuildAndCheckOperator(
        task_id="rebuild_daily_tables",
        settings=SETTINGS,
        query=Query(LOG_DATE + "{% set tables = daily_tables %}{% include 'sql/replace_day.sql' %}", day=DAY),
        after=[Gate.of("daily_summary", day=DAY, before=LOG_DATE)],
        max_active_tis_per_dag=1,
    )

    choose_day() >> rebuild_requests >> rebuild_daily_tables
