"""Ids of DAGs and tasks, and XCom keys, that more than one file relies on; tests/dags ties them to the DAGs."""

from __future__ import annotations

BACKFILL_DAG = "log_backfill"
REPLAY_DAG = "dead_letter_replay"
STREAM_DAG = "stream_supervisor"
SUMMARY_DAG = "daily_summary"
SWEEP_DAG = "sweep"
ARRIVALS_DAG = "arrivals"
ERASURE_DAG = "erasure"
DAGS = (
    *(BACKFILL_DAG, REPLAY_DAG, STREAM_DAG, SUMMARY_DAG, SWEEP_DAG, ARRIVALS_DAG),
    *("late_lines", "provision", ERASURE_DAG),
)

PLAN = "plan"
# The mapped task group of log_backfill, and its tasks.
UNIT_GROUP = "unit"
PARSE = "parse"
LOAD = "load"
LAND = "land"
REPORT = "report"
DROP_STAGING = "drop_staging"

# daily_summary.
CHOOSE_DAYS = "choose_days"

# stream_supervisor; the changes are the values of `logline.stream.decide.Action`.
DECIDE = "decide"
LAUNCH = "launch"
UPDATE = "update"
DRAIN = "drain"
CHECK = "check"
RECORD = "record"
APPROVE = "approve_"

# XCom of a task that has landed: what the source objects add up to.
TOTALS_KEY = "totals"
# XCom of `plan`: a sentence for the run's note.
REMARK_KEY = "remark"
# XCom of a failed task: why.
FAILURE_KEY = "failure"
# XCom of stream_supervisor's decide.
DECISION_KEY = "decision"
