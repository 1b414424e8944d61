"""Launches that take three minutes on the emulators' clock, by logline's operators: prints what they did as JSON."""

import asyncio
import json
import os
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import airflow_local_settings  # noqa: F401 (what Airflow imports at its start)
from airflow.providers.google.cloud.hooks.dataflow import DataflowHook
from airflow.sdk.exceptions import TaskDeferred

from emulators.clock import set_ahead
from logline.dataflow import operators, triggers
from logline.dataflow.operators import LaunchFlexTemplateOperator, RunFlexTemplateOperator, launch_body
from logline.settings import Settings
from logline.stream.decide import decide
from logline.stream.observe import observe
from logline.stream.tasks import policy_of

CLOCK, LINES, SOURCE = Path(os.environ["TEST_CLOCK"]), os.environ["TEST_LINES"], os.environ["TEST_SOURCE"]
SETTINGS = Settings.from_environment()
LAUNCH = timedelta(minutes=3)
MAX_LOOKS = 20
operators.WORKER_SECONDS = 0.0
triggers.FIRST_LOOK_SECONDS = 0.0


class TaskInstance:
    """Takes the links an operator leaves."""

    def xcom_push(self, key: str, value: Any) -> None:
        """Forget it."""


class Clock:
    """The emulators' clock, which only goes on when it is told to."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def go_on(self, by: timedelta) -> None:
        """Set it ahead."""
        self.ahead += by
        set_ahead(CLOCK, self.ahead)

    def now(self) -> datetime:
        """Return its time."""
        return datetime.now(UTC) + self.ahead


CONTEXT: Any = {"ti": TaskInstance(), "task_instance": TaskInstance(), "task": None}
THE_CLOCK = Clock()


def body(template: str, name: str, **parameters: str) -> dict[str, Any]:
    made = launch_body(SETTINGS, template, job_name=name, day="2015-05-17", parameters=parameters)
    del made["launchParameter"]["environment"]["additionalUserLabels"]  # nothing renders them here
    return made


def deferred_by(operator: Any) -> TaskDeferred:
    try:
        operator.execute(CONTEXT)
    except TaskDeferred as deferred:
        return deferred
    raise AssertionError(f"{operator.task_id} holds its slot")


def waited_for(deferred: TaskDeferred) -> list[str]:
    """Run the trigger of a task while the launch goes on; the states that it tells of, each once."""
    trigger: Any = deferred.trigger
    trigger.poll_sleep = 0.2
    told: list[str] = []

    class Log:
        """In the place of the trigger's."""

        def info(self, text: str, *values: object) -> None:
            state = (text % values).partition(" s: ")[2].partition(",")[0]
            if state and state not in told:
                told.append(state)
                THE_CLOCK.go_on(LAUNCH / 2)

    async def run() -> None:
        async for event in trigger.run():
            assert event.payload["status"] == "success", event.payload
            return

    with patch.object(triggers.DataflowJobEndTrigger, "log", Log()):
        asyncio.run(run())
    return told


def jobs_named(name: str) -> int:
    jobs = DataflowHook().get_conn().projects().locations().jobs()
    answer = jobs.list(projectId=SETTINGS.project, location=SETTINGS.region, filter="ALL", name=name).execute()
    return len(answer.get("jobs", []))


def parse() -> dict[str, Any]:
    """A unit's `parse`, tried again while its job is launched."""
    output = f"gs://{SETTINGS.bucket}/slow"
    return tried_again("backfill", "slow-parse", total_bytes="1000", source=SOURCE, output=output)


def replay() -> dict[str, Any]:
    """The `parse` of `dead_letter_replay`, likewise."""
    return tried_again("replay", "slow-replay", lines=LINES, output=f"gs://{SETTINGS.bucket}/slow-replay")


def tried_again(template: str, name: str, total_bytes: str | None = None, **parameters: str) -> dict[str, Any]:
    request = body(template, name, run_id="slow", **parameters)
    operator = RunFlexTemplateOperator(task_id="parse", settings=SETTINGS, body=request, total_bytes=total_bytes)
    first, again = deferred_by(operator), deferred_by(operator)
    told = waited_for(again)
    job_id = operator.execute_complete(CONTEXT, {"status": "success"}, **(again.kwargs or {}))
    same = (first.kwargs or {})["job_id"] == job_id
    return {"same job": same, "jobs": jobs_named(name), "told": told, "hours": hours(again)}


def stream() -> dict[str, Any]:
    """What the supervisor decides while the stream is launched: every minute of it, and once more."""
    parameters = {"max_lag_seconds": SETTINGS.max_lag_seconds}
    dataset = f"{SETTINGS.project}.{SETTINGS.dataset}"
    request = body("stream", SETTINGS.stream_job, subscription=SETTINGS.subscription_path, dataset=dataset)
    launch = LaunchFlexTemplateOperator(task_id="launch", settings=SETTINGS, body=request)
    before = look(parameters)
    job_id = launch.execute(CONTEXT)
    decided = []
    for _ in range(3):
        decided.append(look(parameters))
        assert launch.execute(CONTEXT) == job_id, "a second stream"
        THE_CLOCK.go_on(LAUNCH / 3)
    for _ in range(MAX_LOOKS):
        if look(parameters)[0] == "keep":
            break
        asyncio.run(asyncio.sleep(1))
    decided.append(look(parameters))
    DataflowHook().cancel_job(job_id=job_id, project_id=SETTINGS.project, location=SETTINGS.region)
    return {"before": before, "decided": decided, "jobs": jobs_named(SETTINGS.stream_job)}


def look(parameters: dict[str, Any]) -> tuple[str, str | None]:
    observation = replace(observe(SETTINGS, "test"), at=THE_CLOCK.now())
    decision = decide(observation, policy_of(SETTINGS, parameters))
    return str(decision.action), decision.runbook


def hours(deferred: TaskDeferred) -> float:
    return deferred.timeout.total_seconds() / 3600


if __name__ == "__main__":
    print(json.dumps({name: globals()[name]() for name in sys.argv[1:]}))
