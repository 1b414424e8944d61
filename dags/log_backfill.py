"""Historical log files into trusted tables.

Reads historical log files into `backfilled_requests`, `rejected_backfilled`, the ledger, and starts `daily_summary` for
every day it touched. It runs every night for yesterday's files, and by hand for any range:

    logline backfill --from 2015-05-17 --to 2015-05-20
    airflow dags trigger log_backfill --conf '{"start_date": "2015-05-17", "end_date": "2015-05-20"}'

The first one follows the run and takes a second to start; the second one imports Airflow and every provider first.

**For each day**: wait for a slot and its files, parse them in a Dataflow job, load what the job wrote into staging
tables, check these against the job's manifest, and replace everything earlier runs landed from the same source objects
in one transaction. Lines belong to the day in the line, whatever the file is called.

**Repeat it freely**: the same files give the same tables, in any order of days, by two runs at once, after clearing any
task. Clearing a task behind the loads, for all days, reloads the staging tables by itself; of a single day, clear
`wait_for_parse`. Nothing is skipped: every run reads its files with today's parser, so triggering an old day parses it
again; there is no `force` to set.

**When a task fails**, one line says why: in the run's note, on its tab "Logline", in the panel "Backfills" and at the
end of the task's log. Nothing of that day has been replaced.

| task | what to do |
|---|---|
| `plan` | correct the Param it names and trigger again |
| `wait_for_files` | the files did not come in time: upload them and clear the task |
| `wait_for_parse` | read the message of the job: correct the input, then clear `launch_parse` of that day |
| `check_staging` | compare the counts it names; if they are right, raise `max_rejected_percent` or set `allow_empty` |
| `replace` | another job changed the same tables: it retries by itself |

The line also goes to the notifiers of `LOGLINE_NOTIFIERS`, and so does a nightly run that has not ended after
`LOGLINE_BACKFILL_DEADLINE_HOURS`. The run's note says what became of the lines, the tab "Logline" shows its ledger.

A run that is marked as failed by hand leaves its Dataflow jobs running; they write to their own staging folder only.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import (  # type: ignore[attr-defined]  # its stub lacks the classes of deadlines
    DAG,
    AsyncCallback,
    CronTriggerTimetable,
    DeadlineAlert,
    DeadlineReference,
    Param,
    get_current_context,
    task,
    task_group,
)

from logline.alerts import FAILED_BACKFILL, missed_deadline
from logline.backfill.plan import plan_backfill, planned_unit
from logline.backfill.slots import WaitForSlotSensor
from logline.backfill.units import MAX_DAYS
from logline.dag_defaults import BACKFILLED_REQUESTS, day_param, task_defaults
from logline.dataflow.operators import DataflowJobDoneSensor, LaunchFlexTemplateOperator, launch_body
from logline.log_formats import log_formats
from logline.sensors import SourceObjectsSensor
from logline.settings import Settings
from logline.task_ids import BACKFILL_DAG, DAY_GROUP, DROP_STAGING, REPORT, WAIT_FOR_PARSE
from logline.warehouse.checks import Gate, RunChecksOperator
from logline.warehouse.ledger import ReportLedgerOperator
from logline.warehouse.load import LoadManifestFilesOperator
from logline.warehouse.queries import Query, QueryOperator

SETTINGS = Settings.from_environment()
LOG_FORMATS = log_formats("backfill")
DAY = "{{ unit(ti).label }}"
MANIFEST = "{{ unit(ti).output }}/manifest.json"
SUFFIX = "{% set suffix = unit(ti).suffix %}"
# Staging table, which is also the manifest's name for its files, and the table its rows are meant for.
STAGED = {
    "rows": "backfilled_requests",
    "rejected": "rejected_backfilled",
    "ledger": "ledger",
    "ledger_days": "ledger_days",
}

with DAG(
    dag_id=BACKFILL_DAG,
    description="Historical log files into trusted tables",
    doc_md=__doc__,
    # No start_date: a new installation, with nothing provisioned yet, waits for the next night.
    schedule=CronTriggerTimetable("15 0 * * *", timezone="UTC", run_immediately=False),
    catchup=False,
    # A year by hand must not hold up last night's files; what runs at the same time is safe, see `replace`.
    max_active_runs=4,
    # Per run. With those of the other DAGs they leave slots for the stream: see docs/decisions/0085.
    max_active_tasks=3,
    deadline=DeadlineAlert(
        # With DAGRUN_QUEUED_AT no failed run can be cleared: https://github.com/apache/airflow/issues/70368
        reference=DeadlineReference.DAGRUN_LOGICAL_DATE,
        interval=timedelta(hours=SETTINGS.backfill_deadline_hours),
        callback=AsyncCallback(missed_deadline),
        name="nightly backfill",
    ),
    tags=["logline", "ingest"],
    default_args=task_defaults(SETTINGS, runbook=FAILED_BACKFILL),
    user_defined_macros={"unit": planned_unit, "dataset": SETTINGS.dataset, "staging": SETTINGS.staging_dataset},
    params={
        "start_date": day_param(
            "First day",
            "First day to read, YYYY-MM-DD. Empty: the day before the run (UTC), or the last day if given.",
        ),
        "end_date": day_param(
            "Last day",
            f"Last day to read, YYYY-MM-DD, at most {MAX_DAYS} days from the first. Empty: the first day.",
            "2015-05-20",
        ),
        "source": Param(
            f"gs://{SETTINGS.bucket}/logs/{{date}}/*",
            type="string",
            title="Source",
            description="Objects to read. * ? [...] ** match; {date} is the day as YYYY-MM-DD, {date:%Y%m%d} in "
            "another form. Without {date} everything that matches is read once, whatever the days.",
            examples=[f"gs://{SETTINGS.bucket}/logs/access-{{date:%Y%m%d}}.log.gz"],
        ),
        "log_format": Param(
            "auto",
            type="string",
            title="Format",
            description=f"Format of the lines: {', '.join(LOG_FORMATS)}, or the format string of an Apache or nginx "
            "configuration. auto looks at the first lines of each object.",
            examples=list(LOG_FORMATS),
        ),
        "max_parallel_days": Param(
            4,
            type="integer",
            minimum=1,
            maximum=MAX_DAYS,
            title="Days at once",
            description="How many days of this run are worked on at the same time.",
        ),
        "dry_run": Param(
            False,
            type="boolean",
            title="Dry run",
            description="Only list what would be read, and its size, in the log of the task plan.",
        ),
        "wait_for_files": Param(
            False,
            type="boolean",
            title="Wait for files",
            description="Wait for files that are not there yet instead of failing. Scheduled runs always wait.",
        ),
        "max_rejected_percent": Param(
            10,
            type="number",
            minimum=0,
            maximum=100,
            title="Rejected lines, %",
            description="Nothing is replaced when a larger share of the lines cannot be read.",
        ),
        "allow_empty": Param(
            False,
            type="boolean",
            title="Allow empty",
            description="Let source objects without a single line replace what was landed from them before.",
        ),
    },
) as dag:

    @task
    def plan() -> list[dict[str, str]]:
        """Check the Params and everything they need; one unit of work for each day."""
        return plan_backfill(SETTINGS, get_current_context())

    @task_group(group_id=DAY_GROUP, default_args={"map_index_template": DAY})
    def day(unit: Any) -> None:
        """Take one day from its files to its asset partitions."""
        wait_for_turn = WaitForSlotSensor(
            task_id="wait_for_turn",
            last_task_id=f"{DAY_GROUP}.{DROP_STAGING}",
            slots="{{ params.max_parallel_days }}",
            poke_interval=SETTINGS.poll_seconds,
            timeout=timedelta(days=7),
        )
        wait_for_files = SourceObjectsSensor(
            task_id="wait_for_files",
            bucket="{{ unit(ti).bucket }}",
            object="{{ unit(ti).objects }}",
            use_glob=True,
            deferrable=True,
            poke_interval=SETTINGS.poll_seconds,
            timeout=SETTINGS.wait_for_files.total_seconds(),
        )
        launch_parse = LaunchFlexTemplateOperator(
            task_id="launch_parse",
            settings=SETTINGS,
            body=launch_body(
                SETTINGS,
                "backfill",
                job_name="{{ unit(ti).job_name }}",
                day=DAY,
                parameters={
                    "source": "{{ unit(ti).source }}",
                    "output": "{{ unit(ti).output }}",
                    "run_id": "{{ run_id }}",
                    "log_format": "{{ params.log_format }}",
                },
            ),
        )
        wait_for_parse = DataflowJobDoneSensor(task_id=WAIT_FOR_PARSE, settings=SETTINGS, job_id=launch_parse.output)
        loads = [
            LoadManifestFilesOperator(
                task_id=f"load_{name}",
                settings=SETTINGS,
                manifest=MANIFEST,
                files=name,
                day=DAY,
                columns_of=table,
                into=f"{name}_{{{{ unit(ti).suffix }}}}",
            )
            for name, table in STAGED.items()
        ]
        check_staging = RunChecksOperator(
            task_id="check_staging",
            settings=SETTINGS,
            gate=Gate.of(
                "backfilled_requests",
                day=DAY,
                before=SUFFIX,
                parameters=[
                    ("max_rejected_percent", "FLOAT64", "{{ params.max_rejected_percent }}"),
                    ("allow_empty", "BOOL", "{{ params.allow_empty | lower }}"),
                ],
            ),
            manifest=MANIFEST,
        )
        replace = QueryOperator(
            task_id="replace",
            settings=SETTINGS,
            query=Query(SUFFIX + "{% include 'sql/backfilled_requests/replace.sql' %}", day=DAY),
            # BigQuery cancels one of two transactions that change the same table: one at a time over all runs.
            max_active_tis_per_dag=1,
        )
        report = ReportLedgerOperator(
            task_id=REPORT,
            settings=SETTINGS,
            query=Query(SUFFIX + "{% include 'sql/ledger/report.sql' %}", day=DAY),
            asset=BACKFILLED_REQUESTS,
        )
        drop_staging = QueryOperator(
            task_id=DROP_STAGING,
            settings=SETTINGS,
            query=Query(SUFFIX + "{% include 'sql/backfilled_requests/drop_staging.sql' %}", day=DAY),
        ).as_teardown(setups=loads)

        wait_for_turn >> wait_for_files >> launch_parse >> wait_for_parse >> loads
        loads >> check_staging >> replace >> report >> drop_staging

    day.expand(unit=plan())
