"""Historical log files into trusted tables.

Reads historical log files into `backfilled_requests`, `rejected_backfilled`, the ledger, and starts `daily_summary` for
every day it touched. It runs every night for yesterday's files, and by hand for any range:

    logline backfill --from 2015-05-17 --to 2015-05-20
    airflow dags trigger log_backfill --conf '{"start_date": "2015-05-17", "end_date": "2015-05-20"}'

The first one follows the run and takes a second to start; the second one imports Airflow and every provider first.

**What happens**: `plan` lists the files of all days, pins the content each has then, and packs them into units of at
most 10,000 files and `LOGLINE_UNIT_GIB`; a small run is one unit, a year of small files one or two. For each unit
`parse` runs one Dataflow job, `load` loads what it wrote into staging tables, `land` checks these, copies their
rows and, in one transaction, lets them count in the place of everything earlier runs landed from the same files,
`report` names the files that could not be read. Lines belong to the day in the line, whatever the file is called.

**Repeat it freely**: the same files give the same tables, in any order of days, by two runs at once, after clearing
any task of any age. `land` never goes back: where a newer content of a file has landed, or the same content by a
later job, that stays. Clearing `land` or `report` loads the staging tables again by itself; of a single unit, clear
`load`. A run by hand reads its files with today's parser, whether they have been read before or not; with `new_only`,
and in a scheduled run, those that have been are left out.

**Airflow's own backfill** (`airflow backfill create --dag-id log_backfill --from-date ... --to-date ...`) makes a run
for each day, which reads the files of the day before. The first run to start reads those of all that wait, by as few
jobs as one by hand; the others find theirs read and end within seconds. Files that have been read before are left out:
to read them again, trigger one run for all days. A day without a file fails its run, and holds up no other.

**A file that cannot be read** (truncated, binary, replaced after `plan`) does not hold up the others: they land, then
the run fails and names it; what had landed from an earlier content of that file stays. Set `unreadable` to `stop` to
land nothing of a unit with such a file. **A file that has been deleted** keeps its rows until a run with
`remove_deleted`.

**When a task fails**, one line says why: in the run's note, on its tab "Logline", in the page's view
Pipeline and at the end of the task's log.

| task | what to do |
|---|---|
| `plan` | correct the Param it names and trigger again; where files did not come in time, upload them and clear it |
| `parse` | read the message of the job, then clear the task; its log shows how far a job is |
| `load` | BigQuery refused: when the cause is gone, clear the task |
| `land` | nothing of this unit was replaced: if the counts are right, raise `max_rejected_percent`, set `allow_empty` |
| `report` | upload the files it names again, then trigger a run, with `new_only` for these files alone |

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
    task_group,
)

from logline.alerts import FAILED_BACKFILL, missed_deadline
from logline.backfill.plan import PlanBackfillOperator, planned_unit
from logline.backfill.tasks import LandUnitOperator, LoadUnitOperator, ParseUnitOperator, ReportUnreadableOperator
from logline.dag_defaults import backfilled_requests, day_param, log_format_param, task_defaults
from logline.dataflow.operators import launch_body
from logline.labels import NO_DAY
from logline.params import MAX_DAYS
from logline.settings import Settings
from logline.task_ids import BACKFILL_DAG, DROP_STAGING, LAND, LOAD, PARSE, PLAN, REPORT, UNIT_GROUP
from logline.warehouse.checks import Gate
from logline.warehouse.load import StagingTable
from logline.warehouse.queries import Query, QueryOperator

SETTINGS = Settings.from_environment()
LABEL = "{{ unit(ti).label }}"
SUFFIX = "{% set suffix = unit(ti).suffix %}"
RUN_ID = ("run_id", "STRING", "{{ run_id }}")
STAGED = [
    StagingTable("rows", into="rows", columns_of="backfilled_requests", is_copied=True),
    StagingTable("rejected", into="rejected", columns_of="rejected_backfilled"),
    StagingTable("ledger", into="ledger", columns_of="ledger"),
    StagingTable("ledger_days", into="ledger_days", columns_of="ledger_days"),
]

with DAG(
    dag_id=BACKFILL_DAG,
    description="Historical log files into trusted tables",
    doc_md=__doc__,
    # No start_date: a new installation, with nothing provisioned yet, waits for the next night.
    schedule=CronTriggerTimetable("15 0 * * *", timezone="UTC", run_immediately=False),
    catchup=False,
    # A year by hand must not hold up last night's files; what runs at the same time is safe, see `land`.
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
        "log_format": log_format_param(
            "Format of the lines: one of the list, or your own: the format string of an Apache or nginx configuration. "
            "Empty or auto: the first lines of each object tell."
        ),
        "max_parallel_days": Param(
            4,
            type="integer",
            minimum=1,
            maximum=MAX_DAYS,
            title="Units at once",
            description="How many units of this run are worked on at the same time; a unit is up to 10,000 files.",
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
            description="Wait until each day has a file instead of failing. Scheduled runs always wait.",
        ),
        "new_only": Param(
            False,
            type="boolean",
            title="New files only",
            description="Leave out files that a run has read before with the very content they have now. Scheduled "
            "runs and those of Airflow's own backfill always do.",
        ),
        "remove_deleted": Param(
            False,
            type="boolean",
            title="Remove deleted",
            description="Remove the rows of files that match the source and are no longer in the bucket.",
        ),
        "unreadable": Param(
            "set_aside",
            type="string",
            enum=["set_aside", "stop"],
            title="Unreadable files",
            description="What to do about a file that cannot be read: land the others and end as failed, or stop.",
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
    plan = PlanBackfillOperator(
        task_id=PLAN,
        task_display_name="List the files to read",
        settings=SETTINGS,
        ledger=Query("{% include 'sql/ledger/objects.sql' %}", day=NO_DAY, parameters=[("prefix", "STRING", "gs://")]),
        # Runs of `airflow backfill create` have a limit of their own, see docs/decisions/0184.
        max_active_tis_per_dag=4,
    )

    @task_group(
        group_id=UNIT_GROUP, group_display_name="Each unit of files", default_args={"map_index_template": LABEL}
    )
    def unit(planned: Any) -> None:
        """Take the objects of one unit from the bucket to the tables."""
        parse = ParseUnitOperator(
            task_id=PARSE,
            task_display_name="Parse their lines on Dataflow",
            settings=SETTINGS,
            last_task_id=f"{UNIT_GROUP}.{DROP_STAGING}",
            slots="{{ params.max_parallel_days }}",
            total_bytes="{{ unit(ti).size }}",
            body=launch_body(
                SETTINGS,
                "backfill",
                job_name="{{ unit(ti).job_name }}",
                day=LABEL,
                parameters={
                    "objects": "{{ unit(ti).list_uri }}",
                    "output": "{{ unit(ti).output }}",
                    "run_id": "{{ run_id }}",
                    "log_format": "{{ params.log_format or 'auto' }}",
                    "unreadable": "{{ params.unreadable }}",
                },
            ),
        )
        load = LoadUnitOperator(
            task_id=LOAD,
            task_display_name="Load what was parsed beside the tables",
            settings=SETTINGS,
            manifest="{{ unit(ti).output }}/manifest.json",
            tables=STAGED,
            suffix="{{ unit(ti).suffix }}",
            day=LABEL,
            no_rows=Query(SUFFIX + "{% include 'sql/backfilled_requests/stage_nothing.sql' %}", day=LABEL),
            removed=Query(
                SUFFIX + "{% include 'sql/backfilled_requests/stage_removed.sql' %}",
                day=LABEL,
                parameters=[RUN_ID, ("objects", "STRING", "[]")],
            ),
        )
        land = LandUnitOperator(
            task_id=LAND,
            task_display_name="Check the counts, then replace the rows of these files",
            settings=SETTINGS,
            gate=Gate.of(
                "backfilled_requests",
                day=LABEL,
                before=SUFFIX,
                parameters=[
                    ("objects", "INT64", "{{ unit(ti).objects }}"),
                    ("max_rejected_percent", "FLOAT64", "{{ params.max_rejected_percent }}"),
                    ("allow_empty", "BOOL", "{{ params.allow_empty | lower }}"),
                ],
            ),
            to_copy=Query(SUFFIX + "{% include 'sql/copied_readings/to_copy.sql' %}", day=LABEL),
            begin_copy=Query(SUFFIX + "{% include 'sql/copied_readings/begin.sql' %}", day=LABEL),
            give_up_copy=Query(SUFFIX + "{% include 'sql/copied_readings/give_up.sql' %}", day=LABEL),
            landing=Query(SUFFIX + "{% include 'sql/backfilled_requests/land.sql' %}", day=LABEL),
            staged="rows_{{ unit(ti).suffix }}",
            into="backfilled_requests",
            day=LABEL,
            query=Query(SUFFIX + "{% include 'sql/ledger/report.sql' %}", day=LABEL),
            asset=backfilled_requests(SETTINGS),
            # BigQuery cancels one of two transactions that change the same table: one at a time over all runs.
            max_active_tis_per_dag=1,
        )
        report = ReportUnreadableOperator(
            task_id=REPORT,
            task_display_name="Name the files that could not be read",
            settings=SETTINGS,
            query=Query(SUFFIX + "{% include 'sql/ledger/unreadable.sql' %}", day=LABEL),
        )
        drop_staging = QueryOperator(
            task_id=DROP_STAGING,
            task_display_name="Drop the staging tables",
            settings=SETTINGS,
            query=Query(SUFFIX + "{% include 'sql/backfilled_requests/drop_staging.sql' %}", day=LABEL),
        ).as_teardown(setups=load)

        parse >> load >> land >> report >> drop_staging

    unit.expand(planned=plan.output)
