"""The decision table, case by case, and what holds in every case there could be."""

import itertools
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logline.stream.decide import Action, Policy, Wish, decide
from logline.stream.jobs import (
    CHANGING,
    ENDED,
    ENDED_ON_REQUEST,
    ENDED_UNASKED,
    RUNNING,
    Observation,
    StreamJob,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
POLICY = Policy(
    restart_budget=4,
    restart_window=timedelta(minutes=60),
    restart_pause=timedelta(minutes=1),
    start_limit=timedelta(minutes=15),
    drain_limit=timedelta(minutes=30),
)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
NUMBERS = itertools.count(1)


def job(state=RUNNING, *, ago=10 * MINUTE, created=None, **fields):
    """A job that entered its state some time ago, and was created a minute before that unless said otherwise."""
    fields = {"version": "2", "id": f"job-{next(NUMBERS)}"} | fields
    return StreamJob(state=state, created=NOW - (created or ago + MINUTE), since=NOW - ago, **fields)


def ended(*minutes_ago, state="JOB_STATE_FAILED", **fields):
    return [job(state, ago=minutes * MINUTE, **fields) for minutes in minutes_ago]


def seen(*jobs, version="2"):
    return Observation(at=NOW, job_name="log-stream", template_version=version, jobs=jobs)


def outcome(observation, wish=Wish.AUTO):
    decision = decide(observation, POLICY, wish)
    return decision.action, decision.runbook


LAUNCH, UPDATE, DRAIN = (Action.LAUNCH, None), (Action.UPDATE, None), (Action.DRAIN, None)
WAIT, KEEP = (Action.WAIT, None), (Action.KEEP, None)

CASES = {
    "no job ever": (seen(), LAUNCH),
    "drained": (seen(*ended(1, state="JOB_STATE_DRAINED")), LAUNCH),
    "updated, and its successor is not listed": (seen(*ended(1, state="JOB_STATE_UPDATED")), LAUNCH),
    "failed once: at once": (seen(*ended(0)), LAUNCH),
    "cancelled once: at once": (seen(*ended(0, state="JOB_STATE_CANCELLED")), LAUNCH),
    "done once, which a stream never is: at once": (seen(*ended(0, state="JOB_STATE_DONE")), LAUNCH),
    "failed twice, just now: pause of 1 minute": (seen(*ended(0.9, 5)), WAIT),
    "failed twice, the pause is over": (seen(*ended(1, 5)), LAUNCH),
    "failed three times: pause of 2 minutes": (seen(*ended(1.9, 5, 10)), WAIT),
    "failed three times, the pause is over": (seen(*ended(2, 5, 10)), LAUNCH),
    "failed as often as the budget allows": (seen(*ended(9, 12, 20, 59)), (Action.WAIT, "crash-loop")),
    "cancelled and done count as well": (
        seen(*ended(9, 12), *ended(20, state="JOB_STATE_DONE"), *ended(30, state="JOB_STATE_CANCELLED")),
        (Action.WAIT, "crash-loop"),
    ),
    "the oldest failure is out of the window": (seen(*ended(9, 12, 20, 60)), LAUNCH),
    "drains do not count": (seen(*ended(1, 2, 3, 4, 5, 6, state="JOB_STATE_DRAINED")), LAUNCH),
    "updates do not count": (seen(*ended(1, 2, 3, 4, 5, 6, state="JOB_STATE_UPDATED")), LAUNCH),
    "failures of before do not trouble a running job": (seen(job(), *ended(12, 13, 14, 15, 16)), KEEP),
    "queued": (seen(job("JOB_STATE_QUEUED", ago=15 * MINUTE)), WAIT),
    "queued too long": (seen(job("JOB_STATE_QUEUED", ago=15 * MINUTE + SECOND)), (Action.WAIT, "takes-too-long")),
    "not yet started": (seen(job("JOB_STATE_STOPPED")), WAIT),
    "pending too long": (seen(job("JOB_STATE_PENDING", ago=16 * MINUTE)), (Action.WAIT, "takes-too-long")),
    "cancelling too long": (seen(job("JOB_STATE_CANCELLING", ago=16 * MINUTE)), (Action.WAIT, "takes-too-long")),
    "draining may take longer": (seen(job("JOB_STATE_DRAINING", ago=30 * MINUTE)), WAIT),
    "draining too long": (seen(job("JOB_STATE_DRAINING", ago=31 * MINUTE)), (Action.WAIT, "takes-too-long")),
    "draining, of an older version": (seen(job("JOB_STATE_DRAINING", version="1")), WAIT),
    "running, up to date": (seen(job()), KEEP),
    "running, launched by hand": (seen(job(version=None)), KEEP),
    "running, older version": (seen(job(version="1")), UPDATE),
    "running, newer version than the template: back": (seen(job(version="3")), UPDATE),
    "update refused as incompatible": (
        seen(job(version="1"), *ended(1, error="Workflow failed. Causes: The new job is not compatible with job-1.")),
        DRAIN,
    ),
    "update failed for another reason": (
        seen(job(version="1"), *ended(1, error="Quota exceeded")),
        (Action.KEEP, "update-failed"),
    ),
    "the last failure tells": (
        seen(job(version="1"), *ended(1, error="Quota exceeded"), *ended(2, error="steps: not compatible")),
        (Action.KEEP, "update-failed"),
    ),
    "a refused update to a version that is no longer wanted": (
        seen(job(version="1"), *ended(1, version="1.5", error="not compatible")),
        UPDATE,
    ),
    "a refusal from before the job began": (
        seen(job(version="1", ago=MINUTE), *ended(30, error="not compatible")),
        UPDATE,
    ),
    "an update under way": (
        seen(
            job(version="1", id="old", replaced_by="new"),
            job("JOB_STATE_QUEUED", ago=MINUTE, id="new", replaces="old"),
        ),
        WAIT,
    ),
    "an update whose launcher is at work: nothing links the two yet": (
        seen(job(version="1"), job("JOB_STATE_PENDING", ago=MINUTE)),
        WAIT,
    ),
    "both run for a while": (
        seen(job(version="1", id="old", ago=90 * MINUTE), job(ago=MINUTE, id="new", replaces="old")),
        WAIT,
    ),
    "an update that takes too long": (
        seen(job(version="1", ago=90 * MINUTE), job("JOB_STATE_PENDING", ago=31 * MINUTE)),
        (Action.WAIT, "takes-too-long"),
    ),
    "replaced, and the new one has ended": (
        seen(job(version="1", ago=90 * MINUTE, replaced_by="new"), *ended(1, id="new")),
        WAIT,
    ),
    "two jobs run that know nothing of each other": (seen(job(), job()), (Action.WAIT, "two-jobs")),
    "three jobs": (
        seen(job(id="a"), job(replaces="a", id="b"), job(replaces="b")),
        (Action.WAIT, "two-jobs"),
    ),
    "a batch job of the name": (seen(job(streaming=False)), (Action.WAIT, "foreign-job")),
    "a state of the future": (seen(job("JOB_STATE_PAUSED")), (Action.WAIT, "unknown-state")),
    "no state at all": (seen(job("JOB_STATE_UNKNOWN")), (Action.WAIT, "unknown-state")),
    "a state of the future beside a running job": (
        seen(job(), job("JOB_STATE_DREAMING")),
        (Action.WAIT, "unknown-state"),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_decision_table(name):
    observation, expected = CASES[name]
    assert outcome(observation) == expected


WISHES = {
    "launch in spite of failures": (seen(*ended(0, 1, 2, 3, 4)), Wish.LAUNCH, LAUNCH),
    "launch where there is one": (seen(job()), Wish.LAUNCH, KEEP),
    "launch while it starts": (seen(job("JOB_STATE_PENDING")), Wish.LAUNCH, WAIT),
    "launch while it drains": (seen(job("JOB_STATE_DRAINING")), Wish.LAUNCH, WAIT),
    "update where there is none": (seen(*ended(0, 1, 2, 3, 4)), Wish.UPDATE, LAUNCH),
    "update of the same version": (seen(job()), Wish.UPDATE, UPDATE),
    "update of a job launched by hand": (seen(job(version=None)), Wish.UPDATE, UPDATE),
    "update after one that failed": (seen(job(version="1"), *ended(1, error="Quota")), Wish.UPDATE, UPDATE),
    "update while one is under way": (seen(job(), job("JOB_STATE_QUEUED", ago=MINUTE)), Wish.UPDATE, WAIT),
    "update of a batch job": (seen(job(streaming=False)), Wish.UPDATE, (Action.WAIT, "foreign-job")),
    "update in an unknown state": (seen(job("JOB_STATE_PAUSED")), Wish.UPDATE, (Action.WAIT, "unknown-state")),
    "drain": (seen(job()), Wish.DRAIN, DRAIN),
    "drain an older version": (seen(job(version="1")), Wish.DRAIN, DRAIN),
    "drain while it starts": (seen(job("JOB_STATE_QUEUED")), Wish.DRAIN, WAIT),
    "drain where there is none": (seen(), Wish.DRAIN, WAIT),
    "drain where it keeps failing": (seen(*ended(0, 1, 2, 3, 4)), Wish.DRAIN, WAIT),
}


@pytest.mark.parametrize("name", WISHES)
def test_the_wishes(name):
    observation, wish, expected = WISHES[name]
    assert outcome(observation, wish) == expected


@pytest.mark.parametrize(
    ("state", "version", "failures"),
    list(itertools.product([*sorted(CHANGING), RUNNING, *sorted(ENDED), None], ["2", "1", None], [0, 1, 4])),
)
def test_every_state_version_and_budget(state, version, failures):
    """The whole product, against the rules in words."""
    newest = [] if state is None else [job(state, ago=10 * MINUTE, version=version)]
    before = ended(*range(20, 20 + failures))
    action, runbook = outcome(seen(*newest, *before))
    if state in CHANGING:
        assert (action, runbook) == WAIT
    elif state == RUNNING:
        assert (action, runbook) == (UPDATE if version == "1" else KEEP)
    else:
        ends = failures + (state in ENDED_UNASKED)
        assert (action, runbook) == ((Action.WAIT, "crash-loop") if ends >= 4 else LAUNCH)


def test_the_lines_name_the_figures():
    reasons = [
        decide(seen(job("JOB_STATE_DRAINING", ago=95 * MINUTE, id="j2")), POLICY).reason,
        decide(seen(*ended(1, error="no such table"), *ended(5, 9, 50)), POLICY).reason,
        decide(seen(job("JOB_STATE_PAUSED", id="j3")), POLICY).reason,
        decide(seen(job(version="1"), *ended(1, error="no such image")), POLICY).reason,
    ]
    assert reasons == [
        "log-stream (j2) is in JOB_STATE_DRAINING for 95 min, at most 30 min are expected",
        "log-stream ended 4 times within 60 min, last as JOB_STATE_FAILED (no such table): "
        "not launched again before 2026-11-22 12:10:00 UTC",
        "log-stream (j3) is in state JOB_STATE_PAUSED, which is not known here: nothing is done",
        "the update of log-stream from 1 to 2 failed, 1 goes on: no such image",
    ]


STATES = st.sampled_from([*sorted(CHANGING | ENDED | {RUNNING}), "JOB_STATE_UNKNOWN", "JOB_STATE_NEW"])
JOBS = st.builds(
    lambda state, ago, age, **fields: StreamJob(state=state, created=NOW - ago - age, since=NOW - ago, **fields),
    state=STATES,
    ago=st.timedeltas(timedelta(0), timedelta(days=2)),
    age=st.timedeltas(timedelta(0), timedelta(days=90)),
    id=st.uuids().map(str),
    streaming=st.booleans(),
    version=st.sampled_from(["1", "2", None]),
    replaces=st.sampled_from([None, "other"]),
    replaced_by=st.sampled_from([None, "other"]),
    error=st.sampled_from(["", "not compatible", "boom"]),
)


@given(st.lists(JOBS, max_size=6), st.sampled_from(Wish))
def test_whatever_is_seen(jobs, wish):
    observation = seen(*jobs)
    decision = decide(observation, POLICY, wish)
    active = observation.active
    assert decision.reason
    assert "\n" not in decision.reason
    if decision.action is Action.LAUNCH:
        assert not active, "never a second job"
    if decision.action in (Action.UPDATE, Action.DRAIN):
        assert [one.state for one in active] == [RUNNING]
        assert active[0].streaming
        assert observation.current is active[0]
    if any(one.state not in CHANGING | {RUNNING} for one in active):
        assert (decision.action, decision.runbook) == (Action.WAIT, "unknown-state")


@given(st.lists(st.integers(0, 3600 * 3), max_size=12), st.sampled_from(sorted(ENDED_UNASKED)))
def test_a_crash_loop_costs_no_more_than_its_budget(seconds_ago, state):
    """However the ends are spread: where as many as the budget lie in the window, nothing is launched."""
    jobs = [job(state, ago=seconds * SECOND) for seconds in seconds_ago]
    in_window = [seconds for seconds in seconds_ago if seconds < 3600]
    action, _ = outcome(seen(*jobs))
    if len(in_window) >= POLICY.restart_budget:
        assert action is Action.WAIT
    if len(in_window) < 2:
        assert action is Action.LAUNCH


def test_every_runbook_is_written():
    root = Path(__file__).parents[4]
    text = (root / "docs/operations.md").read_text(encoding="utf-8")
    source = (root / "plugins/logline/stream/decide.py").read_text(encoding="utf-8")
    checks = (root / "dags/sql/stream_supervision/health.sql").read_text(encoding="utf-8")
    headings = {line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")}
    named = set(re.findall(r'Decision\(Action\.\w+, .*"([a-z-]+)"\)', source)) | set(
        re.findall(r"\{\{ runbooks \}\}#([a-z-]+)", checks)
    )
    assert named >= {"crash-loop", "lag", "rejected-lines", "stale-rows", "takes-too-long", "unknown-state"}
    assert named <= headings


def test_the_ended_states_are_told_apart():
    assert not ENDED_ON_REQUEST & ENDED_UNASKED
    assert not ENDED & CHANGING
