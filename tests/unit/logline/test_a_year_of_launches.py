"""A year in which each launch of a Dataflow job takes three minutes: as many jobs, and as much waiting, as docs say.

The clock is this file's. What decides is the real code: how objects are packed into units, when a unit has a slot, and
what the supervisor does every five minutes. That the real operators hold no slot of Airflow meanwhile,
`tests/dags/test_slow_launches.py` shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from logline.backfill.slots import units_at_work
from logline.backfill.units import SourceObject, plan_units
from logline.settings import Settings
from logline.stream.decide import Action, decide
from logline.stream.jobs import RUNNING, Observation, StreamJob
from logline.stream.tasks import policy_of

SCALE = (Path(__file__).parents[3] / "docs" / "scale.md").read_text(encoding="utf-8")
SETTINGS = Settings.from_environment({"LOGLINE_PROJECT": "my-project", "LOGLINE_BUCKET": "my-logs"})
POLICY = policy_of(SETTINGS, {})
LAUNCH, MINUTE = timedelta(minutes=3), timedelta(minutes=1)
FIRST = datetime(2024, 1, 1, tzinfo=UTC)
DAYS = 366
SLOTS = 4
MOST_JOBS = 25
GIB = 1 << 30
SUPERVISED_EVERY = timedelta(minutes=5)


@dataclass
class Launches:
    """Jobs of backfills, each launched when its unit had a slot.

    Attributes:
        at: when each was launched.
        ended: when the last one had ended.
    """

    at: list[datetime] = field(default_factory=list)
    ended: datetime = FIRST

    @property
    def waited(self) -> timedelta:
        """How long something was being launched, and nothing else to do."""
        return LAUNCH * len(set(self.at))

    def run(self, begins: datetime, first_day: int, days: int, *, gib: int, parsing: timedelta) -> None:
        """Run a backfill of days that have a file each hour, by units of the real plan."""
        objects = [
            SourceObject(f"{FIRST + timedelta(day):%Y-%m-%d}", f"gs://b/{day}/{hour}.gz", 1, gib * GIB // 24)
            for day in range(first_day, min(first_day + days, DAYS))
            for hour in range(24)
        ]
        units = plan_units(objects, [], unit_bytes=SETTINGS.unit_gib * GIB, bucket="b", run_id=f"{begins}")
        states: dict[str, str] = {}
        ends: dict[int, datetime] = {}
        now = begins
        while len(states) < len(units):
            for unit in range(len(units)):
                if unit not in ends and units_at_work(states, "last", unit) < SLOTS:
                    self.at.append(now)
                    ends[unit] = now + LAUNCH + parsing
            now = min(end for unit, end in ends.items() if f"last_{unit}" not in states)
            states |= {f"last_{unit}": "success" for unit, end in ends.items() if end <= now}
        self.ended = max(self.ended, now)


def in_one_run(gib: int) -> Launches:
    launches = Launches()
    launches.run(FIRST, 0, DAYS, gib=gib, parsing=timedelta(hours=1))
    return launches


def every(days: int, gib: int) -> Launches:
    """A run for so many days each time, when they are over."""
    launches = Launches()
    for first_day in range(0, DAYS, days):
        begins = FIRST + timedelta(days=min(first_day + days, DAYS), minutes=15)
        assert launches.ended < begins, "the run before is at work"
        launches.run(begins, first_day, days, gib=gib, parsing=timedelta(minutes=10))
    return launches


@pytest.mark.parametrize(
    ("row", "launches"),
    [
        ("one run by hand, 1 GiB a day", in_one_run(1)),
        ("one run by hand, 30 GiB a day", in_one_run(30)),
        ("a run each week, 1 GiB a day", every(7, 1)),
        ("the nightly runs, 1 GiB a day", every(1, 1)),
    ],
    ids=["by hand", "large", "weekly", "nightly"],
)
def test_a_year_takes_as_many_jobs_as_docs_say(row: str, launches: Launches) -> None:
    (jobs, minutes) = re.findall(rf"^\| {row} \| (\d+) \| (\d+) min", SCALE, re.MULTILINE)[0]
    assert (len(launches.at), launches.waited) == (int(jobs), int(minutes) * MINUTE)


def test_a_large_year_has_no_more_jobs_at_once_than_it_may() -> None:
    launches = in_one_run(30)
    lasts = LAUNCH + timedelta(hours=1)
    at_once = [sum(other <= at < other + lasts for other in launches.at) for at in launches.at]
    assert max(at_once) == SLOTS < MOST_JOBS


@dataclass
class Stream:
    """A streaming job that dies once a week and takes three minutes to be launched again.

    Attributes:
        jobs: the newest ones.
        launches: how many there were.
    """

    jobs: list[StreamJob] = field(default_factory=list)
    launches: int = 0

    def look(self, now: datetime) -> Observation:
        """Return what there is to see."""
        if self.jobs and self.jobs[-1].state == "JOB_STATE_QUEUED" and now >= self.jobs[-1].created + LAUNCH:
            self.jobs[-1] = replace(self.jobs[-1], state=RUNNING, since=self.jobs[-1].created + LAUNCH)
        return Observation(at=now, job_name="log-stream", template_version="1", jobs=self.jobs[-5:])

    def die(self, now: datetime) -> None:
        """End the job."""
        self.jobs[-1] = replace(self.jobs[-1], state="JOB_STATE_FAILED", since=now)

    def launch(self, now: datetime) -> None:
        """Launch a job."""
        self.launches += 1
        job = StreamJob(id=f"job-{self.launches}", state="JOB_STATE_QUEUED", created=now, since=now, version="1")
        self.jobs.append(job)


def test_the_stream_is_launched_once_for_each_time_that_it_ends() -> None:
    stream, weeks, without = Stream(), 0, timedelta()
    for now in supervised():
        if now - FIRST > timedelta(weeks=weeks + 1):
            weeks += 1
            # A minute before the supervisor looks.
            stream.look(now)
            stream.die(now - MINUTE)
            died = now - MINUTE
        observation = stream.look(now)
        decision = decide(observation, POLICY)
        assert decision.runbook is None, decision
        if decision.action is Action.LAUNCH:
            stream.launch(now)
        elif decision.action is Action.KEEP and weeks and without < timedelta(days=1):
            without = max(without, observation.active[0].since - died)
    assert (stream.launches, weeks) == (53, 52)
    assert without == LAUNCH + MINUTE
    (documented,) = re.findall(r"a stream that ends once a week is launched (\d+) times", SCALE)
    assert int(documented) == stream.launches


def supervised() -> Iterator[datetime]:
    """When the supervisor looks."""
    now = FIRST
    while now < FIRST + timedelta(days=DAYS):
        yield now
        now += SUPERVISED_EVERY
