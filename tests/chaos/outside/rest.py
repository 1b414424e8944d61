"""Everything comes to rest: waits on conditions, and does by hand what a runbook says where that is needed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from google.api_core.exceptions import GoogleAPIError
from google.cloud import bigquery
from requests import RequestException

from local_stack import status
from local_stack.clients.airflow import ENDED, AirflowApi, DagRun
from local_stack.clients.dataflow import RUNNING
from local_stack.config import StackError
from local_stack.running import RunningStack
from local_stack.waiting import wait_for
from logline_cli.errors import ClientError
from tests.chaos.outside.schedule import DAGS
from tests.chaos.outside.traffic import Publisher

SECONDS = 900.0
_TRIES = 5


@dataclass
class Rest:
    """How it came to rest.

    Attributes:
        seconds: How long each step took.
        not_reached: The conditions that were not met in time.
        failed_runs: By DAG, runs that have failed.
        ended_runs: By DAG, all runs.
        by_hand: Runs that had to be triggered again at rest.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    not_reached: list[str] = field(default_factory=list)
    failed_runs: Counter[str] = field(default_factory=Counter)
    ended_runs: Counter[str] = field(default_factory=Counter)
    by_hand: list[str] = field(default_factory=list)


def settle(stack: RunningStack, publisher: Publisher, tell: Callable[[str], None]) -> Rest:
    """Let all come to rest, one condition after the other."""
    rest = Rest()

    def step(what: str, work: Callable[[], object]) -> None:
        begun = time.monotonic()
        try:
            work()
        except ClientError as error:
            rest.not_reached.append(f"{what}: {error}")
        rest.seconds[what] = time.monotonic() - begun
        tell(f"at rest after {rest.seconds[what]:5.1f} s: {what}{' NOT' if rest.not_reached else ''}")

    step("all parts are up", lambda: _eventually(lambda: _is_well(stack), "all parts to be up"))
    step("all is published", publisher.stop)
    step("the stream runs", lambda: _stream_runs(stack, rest))
    step("all lines have landed", lambda: _eventually(lambda: _has_landed(stack, publisher), "every line to land"))
    step("nothing waits unacknowledged", lambda: _eventually(lambda: _acknowledged(stack), "all to be acknowledged"))
    step("all runs have ended", lambda: _eventually(lambda: _runs_have_ended(stack, rest), "all runs to end"))
    everything = {
        "source": f"gs://{stack.bucket}/logs/**",
        "new_only": True,
        "remove_deleted": True,
        "allow_empty": True,
        "max_rejected_percent": 100,
    }
    step("all files are read", lambda: _run_until_success(stack, rest, "log_backfill", everything))
    step("what changed is summarised", lambda: _eventually(lambda: _summarised(stack), "daily_summary"))
    days = sorted({f"{line.time:%Y-%m-%d}" for line in publisher.arrived.values()})
    for day in days:
        step(f"{day} is summarised", lambda day=day: _run_until_success(stack, rest, "daily_summary", {"day": day}))  # type: ignore[misc]
    return rest


def _eventually(check: Callable[[], object], what: str) -> None:
    def patient() -> object:
        try:
            return check()
        except (ClientError, GoogleAPIError, RequestException):
            return None

    wait_for(patient, seconds=SECONDS, what=what, pause=1)


def _is_well(stack: RunningStack) -> bool:
    if status.describe(stack.config)[1] != status.WELL:
        return False
    with stack.airflow() as airflow:
        return all(part in ("healthy", None) for part in airflow.health().values())


def _stream_runs(stack: RunningStack, rest: Rest) -> None:
    with stack.dataflow() as dataflow:

        def runs() -> bool:
            jobs = [job for job in dataflow.jobs(stack.config.stream_job) if job.state == RUNNING]
            return bool(jobs) and "messages" in dataflow.counters(jobs[0].id)

        for _ in range(_TRIES):
            try:
                wait_for(lambda: _quiet(runs), seconds=90, what="the stream to run", pause=1)
            except StackError:
                _run_until_success(stack, rest, "stream_supervisor", {"action": "launch"})
            else:
                return
    raise StackError("the stream does not run")


def _quiet(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except ClientError:
        return False


def _has_landed(stack: RunningStack, publisher: Publisher) -> bool:
    counts = " + ".join(
        f"(SELECT COUNT(DISTINCT event_id) FROM {stack.dataset}.{table} WHERE {column} IS NOT NULL)"
        for table, column in (("streamed_requests", "log_date"), ("rejected_streamed", "ingested_at"))
    )
    return _number(stack, f"SELECT {counts}") >= len(publisher.arrived)


def _acknowledged(stack: RunningStack) -> bool:
    """Tell whether the job has nothing in hand, and no row of a batch waits for its entry in the ledger."""
    with stack.dataflow() as dataflow:
        job = next(job for job in dataflow.jobs(stack.config.stream_job) if job.state == RUNNING)
        if dataflow.counters(job.id).get("unacknowledged_messages"):
            return False
    query = f"SELECT SUM(in_flight) FROM {stack.dataset}.reconciliation WHERE log_date >= '1970-01-01'"
    return _number(stack, query) == 0


def _runs_have_ended(stack: RunningStack, rest: Rest) -> bool:
    with stack.airflow() as airflow:
        runs = [run for dag_id in DAGS for run in airflow.runs(dag_id)]
    rest.ended_runs = Counter(run.dag_id for run in runs)
    rest.failed_runs = Counter(run.dag_id for run in runs if run.state == "failed")
    # stream_supervisor is for ever.
    return all(run.state in ENDED for run in runs if run.dag_id != "stream_supervisor")


def _run_until_success(stack: RunningStack, rest: Rest, dag_id: str, conf: dict[str, object]) -> None:
    reason = ""
    for _ in range(_TRIES):
        with stack.airflow() as airflow:
            run = airflow.wait_for_run(airflow.trigger(dag_id, conf), seconds=SECONDS)
            if run.state == "success":
                return
            reason = _reason(airflow, run)
            rest.by_hand.append(f"{dag_id} again, because: {reason}")
    raise StackError(f"{dag_id} fails: {reason}")


def _summarised(stack: RunningStack) -> bool:
    with stack.airflow() as airflow:
        return airflow.has_settled("daily_summary")


def _reason(airflow: AirflowApi, run: DagRun) -> str:
    try:
        return airflow.why_failed(run) or run.note or run.state
    except ClientError as error:
        return str(error)


def _number(stack: RunningStack, query: str) -> int:
    with stack.bigquery() as client:
        config = bigquery.QueryJobConfig(use_query_cache=False)
        return int(next(iter(client.query(query, job_config=config).result(timeout=120)))[0] or 0)
