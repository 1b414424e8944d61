"""The Dataflow API itself, without a transport: requests as plain values, jobs in the API's JSON form."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from emulators.dataflow.api import permissions
from emulators.dataflow.api.paging import mark_of, page_size_of, token_of
from emulators.dataflow.errors import (
    already_active,
    failed_precondition,
    invalid_argument,
    project_denied,
    too_many_jobs,
    traced,
)
from emulators.dataflow.jobs import messages
from emulators.dataflow.jobs.ending import request_end
from emulators.dataflow.jobs.job import VIEWS, Job, new_resource, timestamp
from emulators.dataflow.jobs.metrics import metric_updates
from emulators.dataflow.jobs.states import JobState, JobType
from emulators.dataflow.jobs.store import FILTERS, JobStore
from emulators.dataflow.jobs.updating import update_fields
from emulators.dataflow.launch.confinement import Confinement
from emulators.dataflow.launch.labels import check_labels
from emulators.dataflow.launch.options import command, pipeline_options
from emulators.dataflow.launch.request import Launch
from emulators.dataflow.launch.template import Template, read_local_template, read_template
from emulators.dataflow.process.follower import JobFollower
from emulators.guard.iam import Access

#: Requests that name no location mean this one, cf. `projects.jobs.list`: "the list of jobs running in us-central1".
DEFAULT_LOCATION = "us-central1"

#: `Job.name`: "a job name must match the regular expression"; the length is that of the console's check.
_JOB_NAME = re.compile(r"[a-z]([-a-z0-9]{0,1022}[a-z0-9])?", re.ASCII)
_LONGEST_NUMBER = 16

_NOT_EXECUTED = (
    "The Dataflow emulator stores a posted pipeline and does not execute it: launch the job's Flex Template, or run it "
    "with --runner=FnApiRunner."
)


class DataflowService:
    """What the API does, for one project.

    Args:
        project: Requests for any other project are refused.
        store: The jobs.
        follower: Runs them.
        images: Entry point modules by image name.
        confinement: The limits of every launch.
        template_folders: Folders of this machine that hold what is in a bucket of templates, by its name.
        python: The interpreter of the jobs.
        most_jobs: Jobs that may be active at once.
        access: Judges the service accounts of jobs.
    """

    def __init__(
        self,
        project: str,
        store: JobStore,
        follower: JobFollower,
        images: Mapping[str, str],
        confinement: Confinement,
        *,
        template_folders: Mapping[str, Path],
        python: str,
        most_jobs: int,
        access: Access,
    ) -> None:
        self._project = project
        self._store = store
        self._follower = follower
        self._images = images
        self._confinement = confinement
        self._template_folders = template_folders
        self._python = python
        self._most_jobs = most_jobs
        self._access = access

    def launch(self, project: str, location: str, launch: Launch, *, validate_only: bool = False) -> dict[str, Any]:
        """Serve `projects.locations.flexTemplates.launch`.

        Returns:
            The job as the real service answers: without its state and type, which are not known before it starts.
            Nothing where only validation was asked for.

        Raises:
            ApiError: The request is wrong, the name is taken, or the caller may not launch it.
        """
        self._check_project(project, location)
        permissions.require_creating(project)
        if launch.update:
            permissions.require("dataflow.jobs.updateContents", project)
        _check_name(launch.job_name)
        self._confinement.check_spec(launch.spec_uri)
        bucket, _, name = launch.spec_uri.removeprefix("gs://").partition("/")
        defaults = {}
        if folder := self._template_folders.get(bucket):
            template = read_local_template(folder, name)
            defaults["tempLocation"] = "tmp"  # in the job's own folder: there is no such bucket
        else:
            template = read_template(launch.spec_uri, project)
        environment = defaults | template.environment | launch.environment
        self._confinement.check(template, launch.parameters, environment)
        account = permissions.account_of_workers(environment)
        permissions.require_acting_as(account, project)
        resource = new_resource(project, location, launch.job_name, template.job_type(launch.parameters))
        options = pipeline_options(resource, launch.spec_uri, launch.parameters, environment)
        if labels := environment.get("additionalUserLabels"):
            check_labels(labels)
            resource["labels"] = labels
        resource["environment"] = {
            "userAgent": {"name": "Dataflow emulator"},
            "sdkPipelineOptions": {"options": options},
            "tempStoragePrefix": options.get("temp_location", ""),
            **({"serviceAccountEmail": account} if environment.get("serviceAccountEmail") else {}),
        }
        if validate_only:
            return {}
        job = Job(resource)
        if module := self._images.get(template.image_name):
            job.command = command(module, options, environment, self._python)
        with self._store.transaction():
            if launch.update:
                self._replace_active(job)
            else:
                self._check_quota()
            self._store.add(job)
            if not job.command:
                self._fail_for_the_image(job, template)
            elif not permissions.is_worker(self._access, account, project):
                self._fail(job, permissions.NO_WORKER.format(account=account))
        self._follower.wake()
        return {"job": _as_answered(job, "currentState", "type", "labels", "environment")}

    def create_job(self, project: str, location: str, posted: dict[str, Any]) -> dict[str, Any]:
        """Serve `projects.locations.jobs.create`, which Beam's DataflowRunner calls: the job is stored, not executed.

        The emulator runs entry points, not posted pipelines. The job is FAILED from the start, so that nobody
        waits for it, with the reason among its messages. `get` with JOB_VIEW_ALL returns what was posted.
        """
        self._check_project(project, location)
        permissions.require_creating(project)
        name = str(posted.get("name", ""))
        _check_name(name)
        job_type = JobType.STREAMING if posted.get("type") in (JobType.STREAMING, 2) else JobType.BATCH
        job = Job({**posted, **new_resource(project, location, name, job_type)})
        job.enter(JobState.FAILED)
        with self._store.transaction():
            active = self._store.active_named(project, location, name)
            if active and active.id != posted.get("replaceJobId"):
                raise already_active(name)
            self._store.add(job)
            self._store.add_messages(job.id, [(messages.ERROR, _NOT_EXECUTED)])
        self._follower.wake()
        return _as_answered(job, "currentState")

    def get_job(self, project: str, location: str, job_id: str, view: str = "") -> dict[str, Any]:
        """Serve `projects.locations.jobs.get`."""
        permissions.require("dataflow.jobs.get", project)
        return self._get(project, location, job_id).seen(_given(view) or "JOB_VIEW_DESCRIPTION")

    def list_jobs(
        self,
        project: str,
        location: str | None,
        *,
        job_filter: str = "",
        name: str | None = None,
        view: str = "",
        page_size: int = 0,
        page_token: str = "",
    ) -> dict[str, Any]:
        """Serve `projects.locations.jobs.list`; without a location `projects.jobs.aggregated`.

        Raises:
            ApiError: 400, the filter, view or page does not exist.
        """
        self._check_project(project, location or DEFAULT_LOCATION)
        permissions.require("dataflow.jobs.list", project)
        job_filter = "ALL" if job_filter in ("", "UNKNOWN") else job_filter
        view = _given(view) or "JOB_VIEW_SUMMARY"
        if job_filter not in FILTERS:
            raise invalid_argument(f"Invalid value at 'filter': {job_filter!r} is none of {', '.join(FILTERS)}.")
        if view not in VIEWS:
            raise invalid_argument(f"Invalid value at 'view': {view!r} is none of {', '.join(VIEWS)}.")
        size = page_size_of(page_size)
        jobs, following = self._store.page(project, location, job_filter, name or None, mark_of(page_token), size)
        response: dict[str, Any] = {"jobs": [job.seen(view) for job in jobs]} if jobs else {}
        return response | ({"nextPageToken": token_of(following)} if following else {})

    def update_job(
        self, project: str, location: str, job_id: str, wanted: Mapping[str, Any], update_mask: str = ""
    ) -> dict[str, Any]:
        """Serve `projects.locations.jobs.update`.

        A job is asked to end (`requestedState`), has the fields of the mask changed, or is given new `labels`.

        Raises:
            ApiError: 404, no such job; 400, nothing is asked for, a state and a mask are, or the job cannot get there.
        """
        is_cancelled = wanted.get("requestedState") == JobState.CANCELLED
        permissions.require("dataflow.jobs.cancel" if is_cancelled else "dataflow.jobs.updateContents", project)
        job = self._get(project, location, job_id)
        if update_mask and "requestedState" in wanted:
            raise invalid_argument(traced("The job update holds both a requestedState and an updateMask."))
        if update_mask:
            job = self._change(job_id, lambda one: update_fields(one, update_mask, wanted))
        elif "requestedState" in wanted:
            job = self._change(job_id, lambda one: request_end(one, wanted["requestedState"]))
            self._follower.wake()
        elif isinstance(wanted.get("labels"), dict):
            check_labels(wanted["labels"])
            job = self._store.change(job_id, lambda one: one.resource.update(labels=wanted["labels"]))
        else:
            raise invalid_argument(traced("The job update holds neither a requestedState nor labels."))
        return job.resource

    def list_messages(
        self,
        project: str,
        location: str,
        job_id: str,
        *,
        minimum_importance: str = "",
        start_time: str = "",
        end_time: str = "",
        page_size: int = 0,
        page_token: str = "",
    ) -> dict[str, Any]:
        """Serve `projects.locations.jobs.messages.list`; the times are RFC 3339."""
        permissions.require("dataflow.messages.list", project)
        self._get(project, location, job_id)
        mark = mark_of(page_token) or "0"
        if not (mark.isdecimal() and len(mark) < _LONGEST_NUMBER):
            raise invalid_argument("Invalid value at 'pageToken'.")
        found, more = self._store.messages(
            job_id,
            messages.at_least(minimum_importance),
            _instant(start_time) if start_time else "",
            _instant(end_time) if end_time else "9999",
            int(mark),
            page_size_of(page_size),
        )
        shown = [
            {
                "id": f"JOB_MESSAGE_{one.number:07}",
                "time": one.time,
                "messageText": one.text,
                "messageImportance": one.importance,
            }
            for one in found
        ]
        response: dict[str, Any] = {"jobMessages": shown} if shown else {}
        return response | ({"nextPageToken": token_of(str(found[-1].number))} if more else {})

    def get_metrics(self, project: str, location: str, job_id: str) -> dict[str, Any]:
        """Serve `projects.locations.jobs.getMetrics`."""
        permissions.require("dataflow.metrics.get", project)
        self._get(project, location, job_id)
        child = self._follower.child(job_id)
        ended = child.exit()
        updates = metric_updates(child.metrics, ended.cpu_seconds if ended and ended.code is not None else None)
        return {"metricTime": timestamp(), "metrics": updates}

    def _get(self, project: str, location: str, job_id: str) -> Job:
        self._check_project(project, location)
        return self._store.get(project, location, job_id)

    def _change(self, job_id: str, change: Callable[[Job], str]) -> Job:
        """Change a job, and write what the change returns among its messages."""
        said: list[str] = []
        with self._store.transaction():
            job = self._store.change(job_id, lambda one: said.append(change(one)))
            self._store.add_messages(job_id, [(messages.BASIC, text) for text in said])
        return job

    def _check_project(self, project: str, location: str) -> None:
        if project != self._project:
            raise project_denied(project, location)

    def _check_quota(self) -> None:
        active = len(self._store.active())
        if active >= self._most_jobs:
            raise too_many_jobs(self._project, active)

    def _fail_for_the_image(self, job: Job, template: Template) -> None:
        known = ", ".join(sorted(self._images)) or "none"
        reason = (
            f"Image {template.image} stands for no entry point here: the emulator knows {known}. Start it with --image "
            f"{template.image_name}=MODULE."
        )
        self._fail(job, reason)

    def _fail(self, job: Job, reason: str) -> None:
        self._store.add_messages(job.id, [(messages.ERROR, reason)])
        self._store.change(job.id, lambda one: one.enter(JobState.FAILED))

    def _replace_active(self, job: Job) -> None:
        resource = job.resource
        old = self._store.active_named(resource["projectId"], resource["location"], job.name)
        if old is None or old.state is not JobState.RUNNING:
            raise failed_precondition(f"There is no running job named {job.name} to update.")
        if not (old.is_streaming and job.is_streaming):
            raise failed_precondition(f"Job {old.id} cannot be updated: only streaming jobs can.")
        resource["replaceJobId"] = old.id

        def hand_over(one: Job) -> None:
            one.resource["replacedByJobId"] = job.id
            one.asked_for = JobState.UPDATED

        self._store.change(old.id, hand_over)


def _as_answered(job: Job, *unknown_yet: str) -> dict[str, Any]:
    """Return a new job as the real service answers: its state comes with the first `get`."""
    shown = {key: value for key, value in job.resource.items() if key not in unknown_yet}
    return shown | {"currentStateTime": "1970-01-01T00:00:00Z"}


def _check_name(name: str) -> None:
    if not _JOB_NAME.fullmatch(name):
        raise invalid_argument(
            traced(
                f"Invalid job name {name!r}: the name must consist of only the characters [-a-z0-9], starting with a "
                "letter and ending with a letter or number."
            )
        )


def _given(view: str) -> str:
    return "" if view == "JOB_VIEW_UNKNOWN" else view


def _instant(text: str) -> str:
    try:
        instant = datetime.fromisoformat(text)
        if instant.tzinfo is None:
            raise ValueError("no offset from UTC")
        return timestamp(instant)
    except (ValueError, OverflowError) as error:
        raise invalid_argument(f"Invalid time {text!r}: expected RFC 3339, such as 2026-11-22T13:53:07Z.") from error
