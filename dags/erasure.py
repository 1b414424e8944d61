"""A person, taken out of all tables.

Removes what is held of an address or of a user name of HTTP authentication: their rows in `streamed_requests`,
`backfilled_requests` and `requests`, their lines among those that were rejected, their visits, and staged files of runs
that are over. Look first, which is the default, and then erase:

    airflow dags trigger erasure --conf '{"remote_addr": ["203.0.113.7"]}'
    airflow dags trigger erasure --conf '{"remote_addr": ["203.0.113.7"], "dry_run": false}'

An address is given as the tables have it: where lines are anonymised, its anonymised form, which may be that of other
persons too. Requests that were forwarded for an address (`forwarded_for`) are erased with those that came from it. A
rejected line belongs to the day on which it was rejected; it is erased where its bytes hold the address or the name.

**What happens**: what is to go is selected, and deleted; each source object gets an entry in `ledger` with what is left
of it, and the batches of the stream in `stream_batches` are corrected, so that lines = rows + rejected + blank, and
`reconciliation` stays balanced. `prove` then counts in every table what is held of the person, by queries of its own.
`erasures` has an entry for each table: when, by whom, how many rows, and a hash in place of the address.
`daily_summary` starts by itself and builds the days again, so that their sums hold.

Where the landing tables hold no rows of a day any more (`LOGLINE_LANDING_EXPIRY_DAYS`), the person's rows go all the
same, and the day's sums, which can not be made again, still count them.

**The files are not changed.** A later backfill of one brings its rows back: delete the files that `report` names, or
the lines in them, and then run this again, which costs nothing where nothing is held. What Airflow and BigQuery keep of
a run, its configuration and the parameters of its queries, holds the address for as long as they keep it.

**Too new**: rows that the stream has written in the last 90 minutes BigQuery may refuse to change. `plan` then fails
with one line that says when to run it again, before anything is erased; or give an `end_date` before today.

**When a task fails**, its log ends in one line that says why. Clear that task: the run goes on with what it selected
first. A run that has erased selects nothing again. Rows that came while it was at work make `prove` fail; a second run
takes them.
"""

from __future__ import annotations

from airflow.sdk import DAG, Param

from logline.dag_defaults import backfilled_requests, day_param, task_defaults
from logline.erasure.plan import TOO_NEW_MINUTES, PlanErasureOperator
from logline.erasure.tasks import (
    DeleteStagedFilesOperator,
    ProveErasureOperator,
    ReportErasureOperator,
    SelectPersonOperator,
)
from logline.labels import NO_DAY
from logline.settings import Settings
from logline.task_ids import ERASURE_DAG, PLAN
from logline.warehouse.checks import Gate
from logline.warehouse.queries import Query, QueryOperator

SETTINGS = Settings.from_environment()
PLANNED = f"ti.xcom_pull('{PLAN}')"
# Whom and which days: the operators know the values.
WHOM = [
    (name, "STRING", "") for name in ("addresses", "users", "address_pattern", "line_pattern", "start_date", "end_date")
]
RUN_ID = ("run_id", "STRING", "{{ run_id }}")
NAMES = "".join(
    f"{{% set {name} = {PLANNED}.{name} %}}"
    for name in ("suffix", "first_day", "last_day", "requested_by", "subject_sha256")
)

with DAG(
    dag_id=ERASURE_DAG,
    description="A person, taken out of all tables",
    doc_md=__doc__,
    schedule=None,
    max_active_runs=1,
    max_active_tasks=1,
    tags=["logline", "privacy"],
    default_args=task_defaults(SETTINGS),
    user_defined_macros={
        "dataset": SETTINGS.dataset,
        "staging": SETTINGS.staging_dataset,
        "too_new_minutes": TOO_NEW_MINUTES,
    },
    params={
        "remote_addr": Param(
            [],
            type="array",
            items={"type": "string"},
            title="Addresses",
            description="Addresses as the tables have them, one or several; anonymised ones in their anonymised form.",
            examples=[["203.0.113.7"]],
        ),
        "remote_user": Param(
            [],
            type="array",
            items={"type": "string"},
            title="Users",
            description="User names of HTTP authentication, one or several.",
            examples=[["maria.lopez"]],
        ),
        "start_date": day_param("First day", "First day to erase, YYYY-MM-DD. Empty: however long ago."),
        "end_date": day_param("Last day", "Last day to erase, YYYY-MM-DD. Empty: until now.", "2015-05-20"),
        "dry_run": Param(
            True,
            type="boolean",
            title="Dry run",
            description="Only list what is held, by table, in the log of the task plan.",
        ),
    },
) as dag:
    plan = PlanErasureOperator(
        task_id=PLAN,
        task_display_name="Count what is held of the person",
        settings=SETTINGS,
        found=Query("{% include 'sql/erasures/found.sql' %}", day=NO_DAY, parameters=WHOM),
    )
    select = SelectPersonOperator(
        task_id="select",
        task_display_name="Select the rows and lines to erase",
        settings=SETTINGS,
        erased=Query("{% include 'sql/erasures/erased.sql' %}", day=NO_DAY, parameters=[RUN_ID]),
        queries=[
            Query(f"{NAMES}{{% include 'sql/erasures/{name}.sql' %}}", day=NO_DAY, parameters=WHOM)
            for name in ("select", "select_addresses", "select_batches")
        ],
    )
    erase_streamed = QueryOperator(
        task_id="erase_streamed",
        task_display_name="Erase rows of the stream",
        settings=SETTINGS,
        query=Query(NAMES + "{% include 'sql/erasures/erase_streamed.sql' %}", day=NO_DAY),
    )
    erase = QueryOperator(
        task_id="erase",
        task_display_name="Erase rows of the files, correct the ledger",
        settings=SETTINGS,
        query=Query(NAMES + "{% include 'sql/erasures/erase.sql' %}", day=NO_DAY),
        # BigQuery cancels one of two transactions that change the same table.
        max_active_tis_per_dag=1,
    )
    delete_staged_files = DeleteStagedFilesOperator(
        task_id="delete_staged_files", task_display_name="Delete staged files", settings=SETTINGS
    )
    prove = ProveErasureOperator(
        task_id="prove",
        task_display_name="Count again: nothing may be left",
        settings=SETTINGS,
        gate=Gate.of("erasures", day=NO_DAY, before=NAMES, parameters=WHOM),
    )
    report = ReportErasureOperator(
        task_id="report",
        task_display_name="Say what was erased, by table",
        settings=SETTINGS,
        query=Query(NAMES + "{% include 'sql/erasures/report.sql' %}", day=NO_DAY, parameters=[RUN_ID]),
        asset=backfilled_requests(SETTINGS),
    )
    drop_staging = QueryOperator(
        task_id="drop_staging",
        task_display_name="Drop the staging tables",
        settings=SETTINGS,
        query=Query(NAMES + "{% include 'sql/erasures/drop_staging.sql' %}", day=NO_DAY),
    )

    plan >> select >> erase_streamed >> erase >> report >> delete_staged_files >> prove >> drop_staging
