"""Dataflow for histories: the real jobs run in this process, when somebody waits for them or by themselves."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from io import StringIO
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from airflow.providers.google.cloud.hooks.dataflow import DataflowHook
from googleapiclient.errors import HttpError
from httplib2 import Response

from beam_jobs.backfill.job import main as backfill
from tests.histories.requests_made import Interruption, JobKilledError, RequestsMade


@dataclass
class Job:
    """A job.

    Attributes:
        interruption: what happens while it runs.
    """

    id: str
    name: str
    arguments: list[str]
    state: str = "JOB_STATE_RUNNING"
    error: str = ""
    interruption: Interruption | None = None


class Dataflow:
    """Jobs, of which one name is active once.

    Args:
        made: what the jobs ask for.
        run_job: runs a backfill's job and returns its exit code.
    """

    def __init__(self, made: RequestsMade, run_job: Callable[[Sequence[str]], int] = backfill) -> None:
        self.jobs: list[Job] = []
        # Of the next job that is launched.
        self.interruption: Interruption | None = None
        self._made = made
        self._run_job = run_job
        self._numbers = itertools.count()

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """Let the provider's hook ask here."""
        with (
            patch.object(DataflowHook, "launch_job_with_flex_template", self._launch),
            patch.object(DataflowHook, "get_job", self._get),
            patch.object(DataflowHook, "fetch_job_messages_by_id", self._messages),
            patch.object(DataflowHook, "get_conn", lambda hook: SimpleNamespace(projects=self._projects)),
        ):
            yield

    def run(self, job: Job) -> None:
        """Run a job to its end."""
        said = StringIO()
        # In another job's or task's place, what is interrupted is this job.
        with self._made.process(job.interruption, is_job=True) as watch, redirect_stderr(said):
            try:
                code = self._run_job(job.arguments)
            except JobKilledError:
                code = 1
        job.state = "JOB_STATE_FAILED" if code or watch.is_dead else "JOB_STATE_DONE"
        lines = said.getvalue().strip().splitlines()
        job.error = "the worker was killed" if watch.is_dead else (lines or [""])[-1]

    def run_all(self) -> None:
        """Run what nobody has waited for."""
        for job in self.jobs:
            if job.state == "JOB_STATE_RUNNING":
                self.run(job)

    def _launch(self, body: dict[str, Any], **_: Any) -> dict[str, Any]:
        launch = body["launchParameter"]
        if any(job.name == launch["jobName"] and job.state == "JOB_STATE_RUNNING" for job in self.jobs):
            raise HttpError(Response({"status": 409}), json.dumps({"error": {"message": "active"}}).encode())
        arguments = [f"--{name}={value}" for name, value in launch["parameters"].items()]
        # Before this job is there, another run may launch one.
        job = Job(f"job-{next(self._numbers)}", launch["jobName"], arguments, interruption=self.interruption)
        self.interruption = None
        self._made.make(lambda: self.jobs.append(job) or True)
        return {"id": job.id}

    def _get(self, job_id: str, **_: Any) -> dict[str, Any]:
        (job,) = (job for job in self.jobs if job.id == job_id)
        if job.state == "JOB_STATE_RUNNING":
            self.run(job)
        return {"id": job.id, "name": job.name, "currentState": job.state}

    def _messages(self, job_id: str, **_: Any) -> list[dict[str, str]]:
        (job,) = (job for job in self.jobs if job.id == job_id)
        return [{"messageImportance": "JOB_MESSAGE_ERROR", "messageText": job.error}]

    def _projects(self) -> Any:
        active = [{"id": job.id, "name": job.name} for job in self.jobs if job.state == "JOB_STATE_RUNNING"]
        listed = SimpleNamespace(execute=lambda num_retries: {"jobs": active})
        jobs = SimpleNamespace(list=lambda **_: listed, list_next=lambda **_: None)
        return SimpleNamespace(locations=lambda: SimpleNamespace(jobs=lambda: jobs))
