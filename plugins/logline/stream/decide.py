"""What to do about the streaming job: one pure function from what was observed to what is to be done.

The first row that applies decides; "too long" and the other limits are the `Policy`, the action is the run's Param.

| jobs of exactly the name | action, and what else was observed | decision |
|---|---|---|
| one in a state that is not known here | | wait, alarm `unknown-state` |
| several active ones, no update under way | | wait, alarm `two-jobs` |
| an update under way | | wait; too long: alarm `takes-too-long` |
| queued, pending, draining, cancelling | | wait; too long: alarm `takes-too-long` |
| running | it is a batch job | wait, alarm `foreign-job` |
| running | `drain` | drain |
| running | `update` | update |
| running, another version | its update was refused as incompatible | drain; a later run launches |
| running, another version | its update failed otherwise | keep, alarm `update-failed` |
| running, another version | | update |
| running, no version label | launched by hand | keep: adopted as it is |
| running | | keep |
| none active | `drain` | wait: there is nothing to drain |
| none active | `launch` or `update` | launch |
| none active | ended too often within the window | wait, alarm `crash-loop` |
| none active | ended again, the pause is not over | wait |
| none active | | launch |

Nothing is remembered between two runs: how often the job ended and what became of an update, Dataflow itself knows.
Whether a job that is kept is well, the checks of `dags/sql/stream_supervision/health.sql` tell.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from logline.stream.jobs import CHANGING, ENDED_UNASKED, RUNNING, Observation, StreamJob
from logline.text_table import counted

# What the service says of a replacement job that does not fit the running one, see "Compatibility check" in
# https://cloud.google.com/dataflow/docs/guides/updating-a-pipeline
_INCOMPATIBLE = re.compile(r"not compatible|incompatible|compatibility check|missing steps", re.IGNORECASE)


class Wish(StrEnum):
    """The Param `action`."""

    AUTO = "auto"
    LAUNCH = "launch"
    UPDATE = "update"
    DRAIN = "drain"


class Action(StrEnum):
    """What a run does about the job."""

    LAUNCH = "launch"
    UPDATE = "update"
    DRAIN = "drain"
    WAIT = "wait"
    KEEP = "keep"


@dataclass(frozen=True, kw_only=True)
class Policy:
    """The limits."""

    # How often the job may end unasked within the window before it is not launched any more.
    restart_budget: int
    restart_window: timedelta
    # After the second such end; it doubles with each one more.
    restart_pause: timedelta
    # Of a cancellation too.
    start_limit: timedelta
    # Of an update too.
    drain_limit: timedelta


@dataclass(frozen=True)
class Decision:
    """What is to be done, and why, in one line; `runbook` is the heading for whoever is called, if anybody is."""

    action: Action
    reason: str
    runbook: str | None = None


def decide(observation: Observation, policy: Policy, wish: Wish = Wish.AUTO) -> Decision:
    """Apply the decision table of this module."""
    active = observation.active
    name = observation.job_name
    unknown = [job for job in active if job.state not in CHANGING | {RUNNING}]
    if unknown:
        reason = f"{name} ({unknown[0].id}) is in state {unknown[0].state}, which is not known here: nothing is done"
        return Decision(Action.WAIT, reason, "unknown-state")
    if not active:
        return _without_job(observation, policy, wish)
    if len(active) > 1 or active[0].replaced_by:
        return _several(observation, policy)
    if active[0].state in CHANGING:
        return _changing(observation, active[0], policy)
    return _running(observation, active[0], wish)


def ends_unasked(observation: Observation, policy: Policy) -> list[StreamJob]:
    """Return the jobs that ended within the window without a drain or an update, the latest first."""
    since = observation.at - policy.restart_window
    ended = [job for job in observation.jobs if job.state in ENDED_UNASKED and job.since > since]
    return sorted(ended, key=lambda job: job.since, reverse=True)


def _without_job(observation: Observation, policy: Policy, wish: Wish) -> Decision:
    name = observation.job_name
    if wish is Wish.DRAIN:
        return Decision(Action.WAIT, f"{name} is not active: there is nothing to drain")
    ended = ends_unasked(observation, policy)
    times = f"{name} ended {counted(len(ended), 'time')} within {_display(policy.restart_window)}"
    if wish is not Wish.AUTO or not ended:
        return Decision(Action.LAUNCH, f"{name} is not active")
    last = f"last as {ended[0].state}{f' ({ended[0].error})' if ended[0].error else ''}"
    if len(ended) >= policy.restart_budget:
        again = ended[policy.restart_budget - 1].since + policy.restart_window
        reason = f"{times}, {last}: not launched again before {again:%Y-%m-%d %H:%M:%S} UTC"
        return Decision(Action.WAIT, reason, "crash-loop")
    if len(ended) > 1:
        launch_at = ended[0].since + policy.restart_pause * 2 ** (len(ended) - 2)
        if observation.at < launch_at:
            return Decision(Action.WAIT, f"{times}, {last}: launched again after {launch_at:%Y-%m-%d %H:%M:%S} UTC")
    return Decision(Action.LAUNCH, f"{name} is not active: {times}, {last}")


def _several(observation: Observation, policy: Policy) -> Decision:
    """Decide for more than one active job, or one that is being replaced."""
    newest, *others = observation.active
    name = observation.job_name
    # While the launcher of a Flex Template works, the new job does not say yet which one it replaces.
    handed_over = all(job.replaced_by or newest.replaces == job.id or newest.state in CHANGING for job in others)
    if len(others) > 1 or not handed_over:
        ids = ", ".join(job.id for job in observation.active)
        return Decision(Action.WAIT, f"{1 + len(others)} jobs named {name} are active: {ids}", "two-jobs")
    by = {job.id: job for job in observation.jobs}.get(newest.replaced_by or "", newest)
    took = observation.at - by.created
    return _waiting(f"{name} is being updated to {newest.version or 'another version'}", took, policy.drain_limit)


def _changing(observation: Observation, job: StreamJob, policy: Policy) -> Decision:
    limit = policy.drain_limit if job.state == "JOB_STATE_DRAINING" else policy.start_limit
    return _waiting(f"{observation.job_name} ({job.id}) is in {job.state}", observation.at - job.since, limit)


def _waiting(what: str, took: timedelta, limit: timedelta) -> Decision:
    if took > limit:
        reason = f"{what} for {_display(took)}, at most {_display(limit)} are expected"
        return Decision(Action.WAIT, reason, "takes-too-long")
    return Decision(Action.WAIT, f"{what} for {_display(took)}")


def _running(observation: Observation, job: StreamJob, wish: Wish) -> Decision:
    name, wanted = observation.job_name, observation.template_version
    if not job.streaming:
        reason = f"{name} ({job.id}) is a batch job: the stream cannot start while it has the name"
        return Decision(Action.WAIT, reason, "foreign-job")
    if wish is Wish.DRAIN:
        return Decision(Action.DRAIN, f"{name} ({job.id}) is drained as asked for")
    if wish is Wish.UPDATE:
        return Decision(Action.UPDATE, f"{name} ({job.id}) is updated to {wanted} as asked for")
    if job.version not in (None, wanted):
        return _outdated(observation, job)
    version = job.version or "a version without label, launched by hand"
    return Decision(Action.KEEP, f"{name} ({job.id}) runs {version}")


def _outdated(observation: Observation, job: StreamJob) -> Decision:
    name, wanted = observation.job_name, observation.template_version
    failed = [
        other
        for other in observation.jobs
        if other.state == "JOB_STATE_FAILED" and other.version == wanted and other.created > job.created
    ]
    if not failed:
        return Decision(Action.UPDATE, f"{name} ({job.id}) runs {job.version}, the template is {wanted}")
    last = max(failed, key=lambda other: other.created)
    if _INCOMPATIBLE.search(last.error):
        reason = f"{name} ({job.id}) cannot be updated from {job.version} to {wanted} in place: {last.error}"
        return Decision(Action.DRAIN, reason)
    reason = f"the update of {name} from {job.version} to {wanted} failed, {job.version} goes on: {last.error}"
    return Decision(Action.KEEP, reason, "update-failed")


def _display(duration: timedelta) -> str:
    seconds = round(duration.total_seconds())
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"
