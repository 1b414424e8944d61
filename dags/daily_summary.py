"""Trusted numbers: every request once, and the daily tables made from them.

Builds `requests` for each day that has changed, from what was streamed and what was backfilled, and from it the tables
of `dags/sql/daily`; of `daily_sessions` also those sessions of the adjacent days that a midnight of the day concerns.
Then those of `dags/sql/findings`: what in the day is worth a look, such as errors and attacks.
It starts by itself after every backfill, and once late lines ask for it. One run takes all days that have changed since
they were built, whoever changed them. By hand it takes days, changed or not:

    airflow dags trigger daily_summary --conf '{"day": "2015-05-17"}'
    airflow dags trigger daily_summary --conf '{"start_date": "2015-05-17", "end_date": "2015-05-20"}'

**Repeat it freely**: a day is replaced as a whole, in one transaction for `requests` and one for the daily tables.
Where only the stream has brought lines, these are added. A day for which nothing has landed ends up without rows, and
with a warning. A run that finds nothing to do is skipped.

**When `build_days` fails**, its log ends in one line with the days and the counts that do not agree; all other days
are done. Before a day is built, what has landed is compared with the ledger, and nothing is replaced where they differ;
then the day is compared with what has landed, and the daily tables with `requests`. What landed while a day was being
built makes the task build that day again; one that still fails after its retries has found something wrong, and is
looked at again by the next run. Every check is kept in `quality_checks`, every build in `request_builds`; the view
`reconciliation` has the balance of every day.
"""

from __future__ import annotations

from pathlib import Path

from airflow.sdk import DAG

from logline.alerts import IMBALANCE
from logline.anomalies import TellAnomaliesOperator
from logline.dag_defaults import backfilled_requests, day_param, task_defaults
from logline.detections import load_detections, patterns_by_field
from logline.params import MAX_DAYS
from logline.settings import Settings
from logline.summaries.build_days import BuildDaysOperator
from logline.summaries.choose_days import ChooseDaysOperator
from logline.task_ids import CHOOSE_DAYS, SUMMARY_DAG
from logline.warehouse.checks import Gate
from logline.warehouse.queries import Query

SETTINGS = Settings.from_environment()
SQL = Path(__file__).parent / "sql"
DAILY_TABLES = sorted(path.parent.name for path in SQL.glob("daily/*/query.sql"))
FINDINGS = sorted(path.parent.name for path in SQL.glob("findings/*/query.sql"))
# Of days before these nobody is told: they are built again, or for the first time.
ALERT_DAYS = 3
TODAY = "{{ dag_run.run_after.strftime('%Y-%m-%d') }}"
# The days of a portion, set when it is built.
DAYS = "{{ portion }}"
CHANGED = Query("{% include 'sql/request_builds/changed.sql' %}", day=TODAY)

with DAG(
    dag_id=SUMMARY_DAG,
    description="Days that have changed: requests without duplicates, and the daily tables",
    doc_md=__doc__,
    schedule=[backfilled_requests(SETTINGS)],
    # A run takes all that has changed: a second one beside it would take the same.
    max_active_runs=1,
    max_active_tasks=1,
    catchup=False,
    tags=["logline", "summary"],
    default_args=task_defaults(SETTINGS, runbook=IMBALANCE),
    user_defined_macros={
        "dataset": SETTINGS.dataset,
        "staging": SETTINGS.staging_dataset,
        "max_rejected_percent": SETTINGS.max_rejected_percent,
        "landing_expiry_days": SETTINGS.landing_expiry_days,
        "daily_tables": DAILY_TABLES,
        "own_hosts": SETTINGS.own_host_names,
        "findings": FINDINGS,
        "alert_days": ALERT_DAYS,
        "objectives": SETTINGS.objectives_by_host,
        "detections": load_detections(SQL / "detections"),
        "patterns_by_field": patterns_by_field,
    },
    params={
        "day": day_param("Day", "A day to build, YYYY-MM-DD. Empty, as all are: the days that have changed."),
        "start_date": day_param("First day", "First day to build, YYYY-MM-DD."),
        "end_date": day_param(
            "Last day", f"Last day to build, YYYY-MM-DD, at most {MAX_DAYS} days from the first. Empty: the first day."
        ),
    },
) as dag:
    choose_days = ChooseDaysOperator(
        task_id=CHOOSE_DAYS, task_display_name="Choose the days that have changed", settings=SETTINGS, changed=CHANGED
    )

    build_days = BuildDaysOperator(
        task_id="build_days",
        task_display_name="Build requests and the daily tables, check both",
        settings=SETTINGS,
        changed=CHANGED,
        chosen_by=CHOOSE_DAYS,
        landing=Gate.of("landing", day=DAYS),
        streamed_days=Query("{% include 'sql/landing/streamed_days.sql' %}", day=DAYS),
        requests=Query("{% include 'sql/requests/rebuild.sql' %}", day=DAYS),
        after_requests=Gate.of("requests", day=DAYS),
        neighbours=Query("{% include 'sql/request_builds/neighbours.sql' %}", day=DAYS),
        request_groups=Query("{% include 'sql/daily/request_groups.sql' %}", day=DAYS),
        numbered_days=Query("{% include 'sql/hourly_sequences/numbered_days.sql' %}", day=DAYS),
        daily_tables=[
            Query("{% include 'sql/daily/rebuild.sql' %}", day=DAYS),
            Query("{% include 'sql/hourly_sequences/rebuild.sql' %}", day=DAYS),
            Query("{% include 'sql/findings/rebuild.sql' %}", day=DAYS),
        ],
        after_daily_tables=Gate.of("daily_summary", day=DAYS),
        summarised=Query("{% include 'sql/request_builds/summarised.sql' %}", day=DAYS),
        max_active_tis_per_dag=1,
    )

    tell_anomalies = TellAnomaliesOperator(
        task_id="tell_anomalies",
        task_display_name="Tell of what was unusual",
        settings=SETTINGS,
        untold=Query("{% include 'sql/anomaly_alerts/untold.sql' %}", day=TODAY),
        told=Query("{% include 'sql/anomaly_alerts/told.sql' %}", day=TODAY).with_strings(told="[]"),
    )

    choose_days >> build_days >> tell_anomalies
