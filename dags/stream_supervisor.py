"""Keep the streaming job alive, for months.

Every five minutes it looks at the Dataflow job of the stream and brings it to the wanted state: one running job, from
the template that `provision` has put into the bucket. Trigger it by hand to look at once, or to act:

    airflow dags trigger stream_supervisor --conf '{"action": "drain"}'

**What it does** depends on the job of exactly the stream's name (`LOGLINE_STREAM_JOB`); the whole table is in
`plugins/logline/stream/decide.py`.

| the job | what happens |
|---|---|
| is missing, or has ended | it is launched; after repeated ends with growing pauses, then not at all, with an alarm |
| starts, drains, is cancelled or updated | nothing; an alarm if it takes too long |
| runs another version than the template | it is updated in place; where Dataflow refuses that, see below |
| runs | it is sent a heartbeat, and its lag, its rejected lines and whether anything lands are checked |

A heartbeat is a message without data to the topic of the lines, which the job writes to `stream_heartbeats` behind the
lines that came before it. It becomes no row, no rejected line, and is not counted.

An update that Dataflow calls incompatible leaves the job as it is: the next run drains it, a later one launches the new
version. An update that fails otherwise is not tried again; the alarm says why.

A job launched by hand under the same name is adopted as it is; `action: update` brings it to the template's version.

**Repeat it freely**: Dataflow refuses a second job of one name, and the only state is Dataflow's own.
Clearing, failing or killing any task, and pausing this DAG, leave the stream running. **To stop the stream**, pause
this DAG, then drain the job.

**When a task fails**, its log ends in one line with the counts and the heading of `docs/operations.md` that says what
to do. `LOGLINE_NOTIFIERS` tells Airflow's notifiers as well.

With `approval` a run waits, at most 30 minutes, until somebody approves its update or drain in the UI; until then
nobody watches the stream.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.google.cloud.operators.dataflow import DataflowStopJobOperator
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import DAG, CronTriggerTimetable, Param, TriggerRule, get_current_context, task

from logline.alerts import STREAM
from logline.dag_defaults import task_defaults
from logline.dataflow.operators import LaunchFlexTemplateOperator
from logline.settings import Settings
from logline.stream.decide import Wish
from logline.stream.tasks import DECIDED, CheckStreamOperator, stream_launch, supervise
from logline.task_ids import APPROVE, CHECK, DRAIN, LAUNCH, RECORD, STREAM_DAG, UPDATE
from logline.warehouse.checks import Gate
from logline.warehouse.queries import Query, QueryOperator

SETTINGS = Settings.from_environment()
DAY = f"{{{{ {DECIDED}['observed_at'][:10] }}}}"
DECISION = ("decision", "STRING", f"{{{{ {DECIDED} | tojson }}}}")
LAG = ("max_lag_seconds", "FLOAT64", "{{ params.max_lag_seconds }}")
SILENCE = "{% set max_silence_minutes = params.max_silence_minutes %}"

with DAG(
    dag_id=STREAM_DAG,
    description="One streaming job, running, up to date and in time",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("*/5 * * * *", timezone="UTC"),
    start_date=datetime(2015, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    max_active_tasks=2,
    tags=["logline", "stream"],
    default_args=task_defaults(
        SETTINGS,
        runbook=STREAM,
        # The next run is the retry: it observes again before it acts.
        retries=0,
        # A task that hangs must not keep the next run from looking.
        execution_timeout=timedelta(minutes=3),
        # Ahead of every task of the other DAGs, which all have a weight of 1.
        priority_weight=100,
    ),
    user_defined_macros={"dataset": SETTINGS.dataset, "runbooks": SETTINGS.runbooks},
    params={
        "action": Param(
            "auto",
            type="string",
            enum=[str(wish) for wish in Wish],
            title="Action",
            description="auto does what is needed. launch starts the job in spite of repeated failures, update "
            "replaces the running one by the template's version, drain lets it finish what it has read and end.",
        ),
        "approval": Param(
            False,
            type="boolean",
            title="Ask before a change",
            description="Wait for somebody's approval before an update or a drain.",
        ),
        "max_lag_seconds": Param(
            SETTINGS.max_lag_seconds,
            type="integer",
            minimum=1,
            title="Lag, s",
            description="The run fails when a heartbeat takes longer to land, or waits for longer.",
        ),
        "max_silence_minutes": Param(
            SETTINGS.max_silence_minutes,
            type="integer",
            minimum=1,
            title="Silence, min",
            description="The run fails when neither a line nor a heartbeat has landed for longer.",
        ),
        "max_rejected_percent": Param(
            SETTINGS.max_rejected_percent,
            type="number",
            minimum=0,
            maximum=100,
            title="Rejected lines, %",
            description="The run fails when a larger share of the lines of the last minutes was rejected.",
        ),
        "max_freshness_minutes": Param(
            SETTINGS.max_freshness_minutes,
            type=["null", "integer"],
            minimum=1,
            title="Freshness, min",
            description="The run fails when no row has come for longer. Empty: lines may stay away.",
        ),
    },
) as dag:

    @task.branch(task_display_name="Look at the stream, decide what it needs")
    def decide() -> list[str] | None:
        """Observe the stream and choose what to do about it."""
        return supervise(SETTINGS, get_current_context())

    launch = LaunchFlexTemplateOperator(
        task_id=LAUNCH,
        task_display_name="Launch the streaming job",
        settings=SETTINGS,
        body=stream_launch(SETTINGS),
    )
    update = LaunchFlexTemplateOperator(
        task_id=UPDATE,
        task_display_name="Update it to the template's version",
        settings=SETTINGS,
        body=stream_launch(SETTINGS, update=True),
        trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,
    )
    drain = DataflowStopJobOperator(
        task_id=DRAIN,
        task_display_name="Let it finish and end",
        job_id=f"{{{{ {DECIDED}['job_id'] }}}}",
        project_id=SETTINGS.project,
        location=SETTINGS.region,
        drain_pipeline=True,
        # Asked for and left alone: the next runs see how far it is.
        stop_timeout=None,
        trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,
    )
    approve_update, approve_drain = (
        ApprovalOperator(
            task_id=f"{APPROVE}{change}",
            task_display_name=f"Wait for approval: may it be {done}?",
            subject=f"May the stream be {done}?",
            body=f"{{{{ {DECIDED}['reason'] }}}}",
            defaults="Reject",
            response_timeout=timedelta(minutes=30),
            execution_timeout=None,
        )
        for change, done in ((UPDATE, "updated"), (DRAIN, "drained"))
    )
    check = CheckStreamOperator(
        task_id=CHECK,
        task_display_name="Check its lag, its rejected lines and its silence",
        settings=SETTINGS,
        gate=Gate.of(
            "stream_supervision",
            day=DAY,
            before=f"{SILENCE}{{% set max_freshness_minutes = params.max_freshness_minutes %}}",
            parameters=[DECISION, LAG, ("max_rejected_percent", "FLOAT64", "{{ params.max_rejected_percent }}")],
            file="health.sql",
        ),
    )
    record = QueryOperator(
        task_id=RECORD,
        task_display_name="Note down what was seen",
        settings=SETTINGS,
        query=Query(
            f"{SILENCE}{{% include 'sql/stream_supervision/record.sql' %}}", day=DAY, parameters=[DECISION, LAG]
        ),
    )

    decide() >> [launch, update, drain, approve_update, approve_drain, check, record]
    approve_update >> update
    approve_drain >> drain
