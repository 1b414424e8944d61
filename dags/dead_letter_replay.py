"""Rejected lines, read again.

When the parser has learnt to read what it rejected before, or when lines were read in a wrong format, this makes rows
of the rejected lines, from the bytes that were kept of them. By hand, for all of them or for some:

    airflow dags trigger dead_letter_replay --conf '{"reason": "bad_timestamp", "dry_run": true}'
    airflow dags trigger dead_letter_replay --conf '{"start_date": "2015-05-17", "end_date": "2015-05-20"}'

The days are those on which the lines were rejected (the day of `ingested_at`, UTC): a line that could not be read has
no day of its own. Each line is read in the format its source object was read in, or in that of the stream;
`log_format` reads all of them in another one.

**What happens**: the lines are copied to a staging table, read by a Dataflow job, checked against the job's manifest,
and landed in one transaction, each line in the table where it would have landed at once; `replayed_at` of the line says
when. `daily_summary` follows by itself for every day of the rows. What still is no row stays as it is.

**Repeat it freely**, at any time: a line becomes a row once, whatever else runs meanwhile, and a new backfill of its
source object replaces that row like any other of the object. Lines that were too long are not kept to their end and
are never replayed: backfill their files again. Lines that the stream has rejected within the last hour are left for a
later run: BigQuery lets no transaction change rows that were streamed less than 30 minutes ago.

**When a task fails**, its log ends in one line that says why; up to `land`, nothing has been landed. Every task can be
cleared: the lines that are waiting then are selected and read anew.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, Param

from logline.assets import BACKFILLED_REQUESTS
from logline.backfill.units import LOG_FORMATS
from logline.dataflow.operators import DataflowJobDoneSensor, LaunchFlexTemplateOperator
from logline.replay.plan import FIRST_DAY, LAST_DAY, PlanReplayOperator
from logline.settings import Settings
from logline.warehouse.checks import RunChecksOperator, record_job
from logline.warehouse.costs import QueryOperator
from logline.warehouse.ledger import ReportLedgerOperator
from logline.warehouse.queries import LoadManifestFilesOperator, job_labels, query_job

SETTINGS = Settings.from_environment()
PLAN = "ti.xcom_pull('plan')"
SUFFIX = f"{{% set suffix = {PLAN}.suffix %}}"
MANIFEST = f"{{{{ {PLAN}.output }}}}/manifest.json"
LINES = f"{SETTINGS.staging_dataset}.replay_lines_{{{{ {PLAN}.suffix }}}}"
DAY = "{{ params.start_date or 'first' }}_{{ params.end_date or 'last' }}"
WHICH_LINES = [
    ("start_date", "STRING", f"{{{{ params.start_date or '{FIRST_DAY}' }}}}"),
    ("end_date", "STRING", f"{{{{ params.end_date or '{LAST_DAY}' }}}}"),
    ("reason", "STRING", "{{ params.reason or '' }}"),
    ("log_format", "STRING", "{{ params.log_format }}"),
    ("stream_log_format", "STRING", SETTINGS.stream_log_format),
]
RUN_ID = ("run_id", "STRING", "{{ run_id }}")

with DAG(
    dag_id="dead_letter_replay",
    description="Rejected lines, read again with today's parser",
    doc_md=__doc__,
    schedule=None,
    # Two runs at once are safe; the second would find nothing left to do.
    max_active_runs=1,
    tags=["logline", "ingest"],
    default_args={
        "owner": "logline",
        "retries": 3,
        "retry_delay": timedelta(seconds=15),
        "retry_exponential_backoff": 2,
        "max_retry_delay": timedelta(minutes=10),
    },
    user_defined_macros={"dataset": SETTINGS.dataset, "staging": SETTINGS.staging_dataset},
    params={
        "start_date": Param(
            None,
            type=["null", "string"],
            format="date",
            title="First day",
            description="Lines that were rejected on this day (UTC) or later, YYYY-MM-DD. Empty: however long ago.",
            examples=["2015-05-17"],
        ),
        "end_date": Param(
            None,
            type=["null", "string"],
            format="date",
            title="Last day",
            description="Lines that were rejected on this day (UTC) or before, YYYY-MM-DD. Empty: until now.",
            examples=["2015-05-20"],
        ),
        "reason": Param(
            None,
            type=["null", "string"],
            title="Reason",
            description="Only lines that were rejected for this reason, an error_type of rejected_lines. Empty: any.",
            examples=["not_matching_format", "bad_timestamp", "bad_status", "bad_size", "parser_failed"],
        ),
        "log_format": Param(
            "auto",
            type="string",
            title="Format",
            description=f"Format to read the lines as: {', '.join(LOG_FORMATS)}. auto is the one their source is in.",
            examples=list(LOG_FORMATS),
        ),
        "limit": Param(
            1_000_000,
            type="integer",
            minimum=1,
            maximum=100_000_000,
            title="Lines",
            description="At most so many lines in this run, those that were rejected first.",
        ),
        "dry_run": Param(
            False,
            type="boolean",
            title="Dry run",
            description="Only list the lines by reason in the log of the task plan.",
        ),
    },
) as dag:
    plan = PlanReplayOperator(
        task_id="plan",
        settings=SETTINGS,
        configuration=query_job("{% include 'sql/replay/candidates.sql' %}", SETTINGS, day=DAY, parameters=WHICH_LINES),
    )
    select_lines = QueryOperator(
        task_id="select_lines",
        configuration=query_job(
            SUFFIX + "{% set limit = params.limit %}{% include 'sql/replay/select.sql' %}",
            SETTINGS,
            day=DAY,
            parameters=[*WHICH_LINES, RUN_ID],
        ),
        project_id=SETTINGS.project,
        location=SETTINGS.location,
    )
    launch_replay = LaunchFlexTemplateOperator(
        task_id="launch_replay",
        project_id=SETTINGS.project,
        location=SETTINGS.region,
        body={
            "launchParameter": {
                "jobName": f"{{{{ {PLAN}.job_name }}}}",
                "containerSpecGcsPath": SETTINGS.template_uri("replay"),
                "parameters": {
                    "lines": f"{SETTINGS.project}.{LINES}",
                    "output": f"{{{{ {PLAN}.output }}}}",
                    "run_id": "{{ run_id }}",
                    **SETTINGS.anonymising_parameters(),
                },
                "environment": SETTINGS.dataflow_environment() | {"additionalUserLabels": job_labels(DAY)},
            }
        },
    )
    wait_for_replay = DataflowJobDoneSensor(
        task_id="wait_for_replay",
        job_id=launch_replay.output,
        project_id=SETTINGS.project,
        location=SETTINGS.region,
        poll_interval=SETTINGS.poll_seconds,
        timeout=timedelta(days=1),
    )
    load_rows = LoadManifestFilesOperator(
        task_id="load_rows",
        manifest=MANIFEST,
        files="rows",
        day=DAY,
        columns_of=f"{SETTINGS.dataset}.backfilled_requests",
        destination_project_dataset_table=f"{SETTINGS.staging_dataset}.replayed_{{{{ {PLAN}.suffix }}}}",
        project_id=SETTINGS.project,
        location=SETTINGS.location,
    )
    check_staging = RunChecksOperator(
        task_id="check_staging",
        configuration=query_job(SUFFIX + "{% include 'sql/replay/checks.sql' %}", SETTINGS, day=DAY),
        record=record_job(SETTINGS, gate="replay", day=DAY),
        manifest=MANIFEST,
        project_id=SETTINGS.project,
        location=SETTINGS.location,
    )
    land = QueryOperator(
        task_id="land",
        configuration=query_job(
            SUFFIX + "{% set job_id = ti.xcom_pull('launch_replay') %}{% include 'sql/replay/land.sql' %}",
            SETTINGS,
            day=DAY,
        ),
        project_id=SETTINGS.project,
        location=SETTINGS.location,
        # BigQuery cancels one of two transactions that change the same table.
        max_active_tis_per_dag=1,
        retries=5,
    )
    report = ReportLedgerOperator(
        task_id="report",
        configuration=query_job("{% include 'sql/replay/report.sql' %}", SETTINGS, day=DAY, parameters=[RUN_ID]),
        project_id=SETTINGS.project,
        location=SETTINGS.location,
        asset=BACKFILLED_REQUESTS,
    )
    # All of them setups: clearing a task behind them selects and reads the lines that are waiting then.
    setups = [task.as_setup() for task in (select_lines, launch_replay, wait_for_replay, load_rows)]
    drop_staging = QueryOperator(
        task_id="drop_staging",
        configuration=query_job(SUFFIX + "{% include 'sql/replay/drop_staging.sql' %}", SETTINGS, day=DAY),
        project_id=SETTINGS.project,
        location=SETTINGS.location,
    ).as_teardown(setups=setups)

    plan >> select_lines >> launch_replay >> wait_for_replay >> load_rows
    load_rows >> check_staging >> land >> report >> drop_staging
