"""The tasks of `stream_supervisor`: decide, and alert somebody where that is not enough."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from logline.dataflow.operators import launch_body
from logline.params import check_known_params
from logline.preflight import check_subscription
from logline.settings import Settings
from logline.stream.decide import Action, Decision, Policy, Wish, decide, ends_unasked
from logline.stream.heartbeat import publish_heartbeat
from logline.stream.jobs import Observation
from logline.stream.observe import VERSION_LABEL, observe, template_version
from logline.task_ids import APPROVE, CHECK, DECIDE, DECISION_KEY, LAUNCH, RECORD
from logline.warehouse.checks import RunChecksOperator

log = logging.getLogger(__name__)

TEMPLATE = "stream"
# The decision of a run, for templates.
DECIDED = f"ti.xcom_pull('{DECIDE}', key='{DECISION_KEY}')"


def supervise(settings: Settings, context: Context) -> list[str] | None:
    """Observe the stream, decide, and leave the decision in the XCom `decision`.

    Returns:
        The ids of the tasks to go on with: what is to be done, then `record`, and `check` where there is something to
        check or to complain about. None before `provision` has run.

    Raises:
        AirflowException: one line that says what does not answer or is missing.
    """
    params, ti = context["params"], context["ti"]
    check_known_params(context["dag_run"].conf, params)
    version = template_version(settings, TEMPLATE)
    if version is None:
        log.warning("%s is not there yet: nothing is done until provision has run", settings.template_uri(TEMPLATE))
        return None
    policy = policy_of(settings, params)
    observation = observe(settings, version)
    decision = decide(observation, policy, Wish(params["action"]))
    log.info("%s: %s", decision.action, decision.reason)
    if decision.action in (Action.LAUNCH, Action.UPDATE):
        check_subscription(settings)
    described = describe(observation, policy, decision) | {"run_id": context["run_id"]}
    if decision.action is Action.KEEP:
        described |= _beat(settings)
    ti.xcom_push(key=DECISION_KEY, value=described)
    return tasks_after(decision, approval=params["approval"])


def _beat(settings: Settings) -> dict[str, str]:
    """Publish a heartbeat; the run goes on without it, and fails in the end."""
    try:
        return {"heartbeat_at": f"{publish_heartbeat(settings):%Y-%m-%d %H:%M:%S.%f}+00"}
    except AirflowException as error:
        log.warning("%s", error)
        return {"heartbeat_fault": str(error)}


def tasks_after(decision: Decision, *, approval: bool) -> list[str]:
    """Return the ids of the tasks that carry a decision out."""
    chosen = []
    if decision.action is Action.LAUNCH:
        chosen = [LAUNCH]
    elif decision.action in (Action.UPDATE, Action.DRAIN):
        chosen = [f"{APPROVE}{decision.action}" if approval else str(decision.action)]
    if decision.action is Action.KEEP or decision.runbook:
        chosen.append(CHECK)
    return [*chosen, RECORD]


def policy_of(settings: Settings, params: Mapping[str, Any]) -> Policy:
    """Return the limits of a run: the installation's, and those of its Params."""
    return Policy(
        restart_budget=settings.restart_budget,
        restart_window=timedelta(minutes=settings.restart_window_minutes),
        restart_pause=timedelta(seconds=settings.restart_pause_seconds),
        start_limit=timedelta(minutes=settings.max_start_minutes),
        drain_limit=timedelta(minutes=settings.max_drain_minutes),
    )


def describe(observation: Observation, policy: Policy, decision: Decision) -> dict[str, Any]:
    """Describe a decision and what it rests on, as `stream_supervision` keeps it."""
    job = observation.current
    return {
        "observed_at": f"{observation.at:%Y-%m-%d %H:%M:%S.%f}+00",
        "job_name": observation.job_name,
        "job_id": job and job.id,
        "state": job and job.state,
        "version": job and job.version,
        "template_version": observation.template_version,
        "decision": str(decision.action),
        "reason": decision.reason,
        "runbook": decision.runbook,
        "ends": len(ends_unasked(observation, policy)),
        "since": job and f"{job.since:%Y-%m-%d %H:%M:%S.%f}+00",
        "messages": observation.counters.messages,
        "rows": observation.counters.rows,
        "rejected": observation.counters.rejected,
    }


def stream_launch(settings: Settings, *, update: bool = False) -> dict[str, Any]:
    """Return the request that launches the streaming job, or replaces it in place; the version is templated."""
    return launch_body(
        settings,
        TEMPLATE,
        job_name=settings.stream_job,
        day=f"{{{{ {DECIDED}['observed_at'][:10] }}}}",
        parameters={
            "subscription": settings.subscription_path,
            "dataset": f"{settings.project}.{settings.dataset}",
            "log_format": settings.stream_log_format,
        },
        labels={VERSION_LABEL: f"{{{{ {DECIDED}['template_version'] }}}}"},
        update=update,
    )


class CheckStreamOperator(RunChecksOperator):
    """Fail with one line that names the counts and the runbook when the stream needs somebody.

    What the decision complains about comes first; then the checks in BigQuery, as `RunChecksOperator` runs them; then a
    heartbeat that could not be published.
    """

    def execute(self, context: Context) -> None:
        """Fail with the decision's complaint, or run the checks.

        Raises:
            AirflowFailException: the line.
        """
        decision = context["ti"].xcom_pull(task_ids=DECIDE, key=DECISION_KEY)
        if decision["runbook"]:
            runbook = self.settings.runbook_url(decision["runbook"])
            raise AirflowFailException(f"{decision['reason']}: see {runbook}")
        super().execute(context)
        if "heartbeat_fault" in decision:
            raise AirflowFailException(f"{decision['heartbeat_fault']}: see {self.settings.runbook_url('stale-rows')}")
