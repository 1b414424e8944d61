"""Rejected lines, read again.

Makes rows of rejected lines, from the bytes that were kept of them, once the parser can read what it rejected before,
or when the lines were read in the wrong format. By hand, for all of them or for some:

    airflow dags trigger dead_letter_replay --conf '{"reason": "bad_timestamp", "dry_run": true}'
    airflow dags trigger dead_letter_replay --conf '{"start_date": "2015-05-17", "end_date": "2015-05-20"}'

The days are those on which the lines were rejected (the day of `ingested_at`, UTC): a line that could not be read has
no day of its own. Each line is read in the format its source object was read in, or in that of the stream;
`log_format` reads all of them in another one.

**What happens**: the lines are copied to a staging table, read by a Dataflow job, checked against the job's manifest,
and landed in one transaction, each line in the table where it would have landed at once; `replayed_at` of the line in
the view `rejected_lines` says when. `daily_summary` then starts by itself for every day that has new rows. What is
still rejected stays as it is.

**Repeat it freely**, at any time: a line becomes a row once, whatever else runs meanwhile, and a new backfill of its
source object replaces that row like any other of the object. Lines that were too long are not kept to their end and
are never replayed: backfill their files again.

**When a task fails**, its log ends in one line that says why; up to `land`, nothing has been landed. Every task can be
cleared: it reads the lines that are waiting then.
"""

from __future__ import annotations

from airflow.sdk import DAG, Param

from logline.dag_defaults import backfilled_requests, day_param, log_format_param, task_defaults
from logline.dataflow.operators import RunFlexTemplateOperator, launch_body
from logline.replay.plan import FIRST_DAY, LAST_DAY, PlanReplayOperator
from logline.settings import Settings
from logline.task_ids import PARSE, PLAN, REPLAY_DAG
from logline.warehouse.checks import Gate, RunChecksOperator
from logline.warehouse.ledger import ReportLedgerOperator
from logline.warehouse.load import LoadManifestFilesOperator, StagingTable
from logline.warehouse.queries import Query, QueryOperator

SETTINGS = Settings.from_environment()
PLANNED = f"ti.xcom_pull('{PLAN}')"
SUFFIX = f"{{% set suffix = {PLANNED}.suffix %}}"
MANIFEST = f"{{{{ {PLANNED}.output }}}}/manifest.json"
LINES = f"{SETTINGS.project}.{SETTINGS.staging_dataset}.replay_lines_{{{{ {PLANNED}.suffix }}}}"
DAY = "{{ params.start_date or 'first' }}_{{ params.end_date or 'last' }}"
WHICH_LINES = [
    ("start_date", "STRING", f"{{{{ params.start_date or '{FIRST_DAY}' }}}}"),
    ("end_date", "STRING", f"{{{{ params.end_date or '{LAST_DAY}' }}}}"),
    ("reason", "STRING", "{{ params.reason or '' }}"),
    ("log_format", "STRING", "{{ params.log_format or 'auto' }}"),
    ("stream_log_format", "STRING", SETTINGS.stream_log_format),
]
RUN_ID = ("run_id", "STRING", "{{ run_id }}")

with DAG(
    dag_id=REPLAY_DAG,
    description="Rejected lines, read again with today's parser",
    doc_md=__doc__,
    schedule=None,
    # Two runs at once are safe; the second would find nothing left to do.
    max_active_runs=1,
    max_active_tasks=1,
    tags=["logline", "ingest"],
    default_args=task_defaults(SETTINGS),
    user_defined_macros={"dataset": SETTINGS.dataset, "staging": SETTINGS.staging_dataset},
    params={
        "start_date": day_param(
            "First day",
            "Lines that were rejected on this day (UTC) or later, YYYY-MM-DD. Empty: however long ago.",
        ),
        "end_date": day_param(
            "Last day",
            "Lines that were rejected on this day (UTC) or before, YYYY-MM-DD. Empty: until now.",
            "2015-05-20",
        ),
        "reason": Param(
            None,
            type=["null", "string"],
            title="Reason",
            description="Only lines that were rejected for this reason, an error_type of rejected_lines. Empty: any.",
            examples=["not_matching_format", "bad_timestamp", "bad_status", "bad_size", "parser_failed"],
        ),
        "log_format": log_format_param(
            "Format to read the lines as: one of the list, or your own: the format string of an Apache or nginx "
            "configuration. Empty or auto: the one their source is in."
        ),
        "limit": Param(
            1_000_000,
            type="integer",
            minimum=1,
            maximum=100_000_000,
            title="Lines",
            description="Most lines to read in this run; those that were rejected first come first.",
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
        task_id=PLAN,
        task_display_name="Count the rejected lines to read again",
        settings=SETTINGS,
        query=Query("{% include 'sql/replay/candidates.sql' %}", day=DAY, parameters=WHICH_LINES),
    )
    select_lines = QueryOperator(
        task_id="select_lines",
        task_display_name="Copy these lines",
        settings=SETTINGS,
        query=Query(
            SUFFIX + "{% set limit = params.limit %}{% include 'sql/replay/select.sql' %}",
            day=DAY,
            parameters=[*WHICH_LINES, RUN_ID],
        ),
    )
    parse = RunFlexTemplateOperator(
        task_id=PARSE,
        task_display_name="Parse them on Dataflow",
        settings=SETTINGS,
        body=launch_body(
            SETTINGS,
            "replay",
            job_name=f"{{{{ {PLANNED}.job_name }}}}",
            day=DAY,
            parameters={"lines": LINES, "output": f"{{{{ {PLANNED}.output }}}}", "run_id": "{{ run_id }}"},
        ),
    )
    load_rows = LoadManifestFilesOperator(
        task_id="load_rows",
        task_display_name="Load the new rows beside the tables",
        settings=SETTINGS,
        manifest=MANIFEST,
        tables=[StagingTable("rows", into="replayed", columns_of="backfilled_requests")],
        suffix=f"{{{{ {PLANNED}.suffix }}}}",
        day=DAY,
    )
    check_staging = RunChecksOperator(
        task_id="check_staging",
        task_display_name="Check the counts",
        settings=SETTINGS,
        gate=Gate.of("replay", day=DAY, before=SUFFIX),
        manifest=MANIFEST,
    )
    land = QueryOperator(
        task_id="land",
        task_display_name="Add the rows to the tables, each once",
        settings=SETTINGS,
        query=Query(
            SUFFIX + f"{{% set job_id = ti.xcom_pull('{PARSE}') %}}{{% include 'sql/replay/land.sql' %}}",
            day=DAY,
        ),
        # BigQuery cancels one of two transactions that change the same table.
        max_active_tis_per_dag=1,
    )
    report = ReportLedgerOperator(
        task_id="report",
        task_display_name="Say what became of the lines",
        settings=SETTINGS,
        query=Query("{% include 'sql/replay/report.sql' %}", day=DAY, parameters=[RUN_ID]),
        asset=backfilled_requests(SETTINGS),
    )
    # All of them setups: clearing a task behind them selects and reads the lines that are waiting then.
    setups = [task.as_setup() for task in (select_lines, parse, load_rows)]
    drop_staging = QueryOperator(
        task_id="drop_staging",
        task_display_name="Drop the staging tables",
        settings=SETTINGS,
        query=Query(SUFFIX + "{% include 'sql/replay/drop_staging.sql' %}", day=DAY),
    ).as_teardown(setups=setups)

    plan >> select_lines >> parse >> load_rows >> check_staging >> land >> report >> drop_staging
