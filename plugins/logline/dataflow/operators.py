"""Launching a Dataflow job exactly once and waiting for its end: what the provider's operators leave open."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NoReturn

from airflow.providers.google.cloud.hooks.dataflow import DataflowHook, DataflowJobStatus
from airflow.providers.google.cloud.links.dataflow import DataflowJobLink
from airflow.providers.google.cloud.operators.dataflow import DataflowStartFlexTemplateOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException, TaskDeferralTimeout
from google.auth.exceptions import GoogleAuthError
from googleapiclient.errors import HttpError
from httplib2.error import HttpLib2Error

from logline.dataflow.triggers import DataflowJobEndTrigger
from logline.deferral import WORKER_SECONDS
from logline.labels import job_labels
from logline.links import JobPageLink, LoglinePageLink
from logline.service_errors import may_pass
from logline.settings import Settings

JOB_TIMEOUT = timedelta(days=1)
# States a job leaves by itself.
WAITING_STATES = DataflowJobStatus.AWAITING_STATES | {"JOB_STATE_RESOURCE_CLEANING_UP"}
# Those that wake a waiting task, which then judges them itself.
ENDED_STATES = DataflowJobStatus.TERMINAL_STATES | {DataflowJobStatus.JOB_STATE_UNKNOWN}


def launch_body(
    settings: Settings,
    template: str,
    *,
    job_name: str,
    day: str,
    parameters: Mapping[str, str],
    labels: Mapping[str, str] | None = None,
    update: bool = False,
) -> dict[str, Any]:
    """Return the request that launches a job from its Flex Template; strings may be templated.

    Args:
        settings: the installation; what its jobs do with lines is added to the parameters.
        template: name of the Flex Template.
        job_name: name of the Dataflow job.
        day: the day the job works on, as a label.
        parameters: of the job.
        labels: more labels.
        update: whether to replace the running job of the name in place.
    """
    user_labels = {**job_labels(day), **(labels or {})}
    return {
        "launchParameter": {
            "jobName": job_name,
            "containerSpecGcsPath": settings.template_uri(template),
            "parameters": {**parameters, **settings.line_parameters()},
            "environment": {**settings.dataflow_environment(template), "additionalUserLabels": user_labels},
            "update": update,
        }
    }


def last_error(hook: DataflowHook, job_id: str, *, project_id: str, location: str) -> str:
    """Return the last line of a job's last error message, or where to look when it left none."""
    messages = hook.fetch_job_messages_by_id(job_id=job_id, project_id=project_id, location=location)
    errors = [message for message in messages if message.get("messageImportance") == "JOB_MESSAGE_ERROR"]
    text = max(errors, key=lambda message: message.get("time", ""), default={}).get("messageText", "").strip()
    return text.splitlines()[-1] if text else f"it left no error message, see the log of job {job_id}"


def is_done(hook: DataflowHook, job_id: str, *, project_id: str, location: str) -> bool:
    """Return whether a batch job is done; False while it is in a state that it leaves by itself.

    Raises:
        AirflowFailException: it ended otherwise, or is in a state this release does not know; one line with its last
            error message.
    """
    job = hook.get_job(job_id=job_id, project_id=project_id, location=location)
    state = job["currentState"]
    if state == DataflowJobStatus.JOB_STATE_DONE:
        return True
    if state in WAITING_STATES:
        return False
    error = last_error(hook, job_id, project_id=project_id, location=location)
    raise AirflowFailException(f"Dataflow job {job['name']} ended as {state}: {error}")


class LaunchFlexTemplateOperator(DataflowStartFlexTemplateOperator):
    """Launch a Flex Template under exactly the given job name and return the job's id at once.

    Dataflow refuses a second active job of one name with HTTP 409. That job was launched by an earlier try of this very
    task (the name is a function of run and day), so it is adopted instead of started twice.

    Args:
        body: see `launch_body` (templated).
    """

    operator_extra_links = (JobPageLink(), LoglinePageLink())  # type: ignore[assignment]

    def __init__(self, *, settings: Settings, body: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(
            body=body,
            project_id=settings.project,
            location=settings.region,
            append_job_name=False,
            wait_until_finished=False,
            deferrable=False,
            cancel_on_kill=False,
            **kwargs,
        )
        self.settings = settings

    def execute(self, context: Context) -> str:
        """Launch the job, or find the active one of its name.

        Raises:
            AirflowFailException: Dataflow refused the launch.
        """
        name = self.body["launchParameter"]["jobName"]
        try:
            job = self.hook.launch_job_with_flex_template(
                body=self.body, location=self.location, project_id=self.project_id
            )
            self.log.info("Launched Dataflow job %s, id %s", name, job["id"])
        except HttpError as error:
            if error.status_code == 409:
                job = self._active_job(name)
                self.log.info("Dataflow job %s is active already, id %s: waiting for that one", name, job["id"])
            elif may_pass(error):
                raise
            else:
                raise AirflowFailException(
                    f"Dataflow refused to launch {name}: {' '.join(error.reason.split())}"
                ) from None
        job_id = self.hook.extract_job_id(job)
        DataflowJobLink.persist(context=context, project_id=self.project_id, region=self.location, job_id=job_id)
        return job_id

    def _active_job(self, name: str) -> dict[str, Any]:
        jobs = self.hook.get_conn().projects().locations().jobs()
        request = jobs.list(projectId=self.project_id, location=self.location, filter="ACTIVE")
        while request is not None:
            response = request.execute(num_retries=self.hook.num_retries)
            for job in response.get("jobs", []):
                if job["name"] == name:
                    return dict(job)
            request = jobs.list_next(previous_request=request, previous_response=response)
        raise AirflowException(f"Dataflow job {name} was active a moment ago and is gone: launching it again")


class RunFlexTemplateOperator(LaunchFlexTemplateOperator):
    """Launch a batch job and wait for its end: some seconds in the worker, then in the triggerer.

    A look that fails for a reason that may pass is not the end of the task, or its next try would launch a job that is
    done a second time.

    Args:
        total_bytes: how many bytes the job counts until it is done, for its progress (templated); None: unknown.
    """

    template_fields: Sequence[str] = ("total_bytes", *LaunchFlexTemplateOperator.template_fields)

    def __init__(
        self, *, settings: Settings, body: dict[str, Any], total_bytes: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(settings=settings, body=body, **kwargs)
        self.total_bytes = total_bytes

    def execute(self, context: Context) -> str:
        """Launch or adopt the job, and return its id when it is done.

        Raises:
            AirflowFailException: Dataflow refused the launch, or the job did not get done.
        """
        job_id = super().execute(context)
        until = time.monotonic() + WORKER_SECONDS
        while not self._is_done(job_id):
            if time.monotonic() >= until:
                self._defer(job_id)
            time.sleep(1)
        return job_id

    def execute_complete(  # type: ignore[override]  # the provider's returns the job
        self, context: Context, event: dict[str, Any], job_id: str = ""
    ) -> str:
        """Look for itself: the trigger only wakes the task."""
        if event["status"] == "error":
            self.log.warning("The trigger could not look: %s", event["message"])
        if not self._is_done(job_id):
            self._defer(job_id)
        return job_id

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """Go on after the trigger has fired.

        Raises:
            AirflowFailException: it has not in time.
        """
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except TaskDeferralTimeout:
            name, hours = self.body["launchParameter"]["jobName"], JOB_TIMEOUT.total_seconds() / 3600
            raise AirflowFailException(
                f"Dataflow job {name} has not ended after {hours:g} h: cancel it, then clear this task"
            ) from None

    def _defer(self, job_id: str) -> NoReturn:
        self.defer(
            timeout=JOB_TIMEOUT,
            trigger=DataflowJobEndTrigger(
                job_id=job_id,
                expected_statuses=ENDED_STATES,
                project_id=self.project_id,
                location=self.location,
                gcp_conn_id=self.gcp_conn_id,
                poll_sleep=self.settings.poll_seconds,
                impersonation_chain=self.impersonation_chain,
                total_bytes=None if self.total_bytes is None else int(self.total_bytes),
            ),
            method_name="execute_complete",
            kwargs={"job_id": job_id},
        )

    def _is_done(self, job_id: str) -> bool:
        try:
            return is_done(self.hook, job_id, project_id=self.project_id, location=self.location)
        except (HttpError, HttpLib2Error, GoogleAuthError, OSError) as error:
            if not may_pass(error):
                raise
            self.log.warning("Dataflow has not said how job %s is: %s", job_id, error)
            return False
