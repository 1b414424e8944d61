"""A job as the emulator keeps it: the API's own job resource, and what it takes to run it."""

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from emulators.clock import Clock
from emulators.dataflow.errors import invalid_argument
from emulators.dataflow.jobs.states import TERMINAL, JobState, JobType, may_follow

#: All times of the emulator are this clock's.
CLOCK = Clock()
#: The fields of JOB_VIEW_SUMMARY and what JOB_VIEW_DESCRIPTION adds, cf. `projects.jobs.get#JobView`.
_SUMMARY = frozenset(
    {
        "id",
        "projectId",
        "name",
        "type",
        "currentState",
        "currentStateTime",
        "requestedState",
        "createTime",
        "startTime",
        "location",
        "jobMetadata",
        "replaceJobId",
        "replacedByJobId",
    }
)
_DESCRIPTION = _SUMMARY | {"labels", "environment", "runtimeUpdatableParams", "transformNameMapping"}
VIEWS: dict[str, frozenset[str] | None] = {
    "JOB_VIEW_SUMMARY": _SUMMARY,
    "JOB_VIEW_DESCRIPTION": _DESCRIPTION,
    "JOB_VIEW_ALL": None,
}


@dataclass
class Job:
    """One job.

    Attributes:
        resource: The job as the REST API shows it with JOB_VIEW_ALL.
        command: The argument list of its entry point; empty for a job that is stored and never run.
        asked_for: The end state that a request (or the emulator's shutdown) asked for.
        reason: Why, as an ERROR message to write when the job ends; empty where the state says it all.
        stderr_offset: How many bytes of the job's stderr have become messages.
    """

    resource: dict[str, Any]
    command: list[str] = field(default_factory=list)
    asked_for: JobState | None = None
    reason: str = ""
    stderr_offset: int = 0

    @property
    def id(self) -> str:
        """The job's id, such as `2026-11-22_13_53_07-4711081512345678901`."""
        return str(self.resource["id"])

    @property
    def name(self) -> str:
        """The job's name: unique among the active jobs of a project and location."""
        return str(self.resource["name"])

    @property
    def state(self) -> JobState:
        """The current state."""
        return JobState(self.resource["currentState"])

    @property
    def is_streaming(self) -> bool:
        """Whether it is a streaming job."""
        return JobType(self.resource["type"]) is JobType.STREAMING

    @property
    def is_terminal(self) -> bool:
        """Whether it has ended."""
        return self.state in TERMINAL

    def enter(self, state: JobState) -> None:
        """Change the state.

        Raises:
            ValueError: This state cannot follow the current one.
        """
        if not may_follow(self.state, state):
            raise ValueError(f"job {self.id} cannot go from {self.state} to {state}")
        self.resource["currentState"] = str(state)
        self.resource["currentStateTime"] = timestamp()

    def seen(self, view: str) -> dict[str, Any]:
        """Return the resource in a view of the API.

        Raises:
            ApiError: 400, no such view.
        """
        if view not in VIEWS:
            raise invalid_argument(f"Invalid value at 'view': {view!r} is none of {', '.join(VIEWS)}.")
        fields = VIEWS[view]
        return {key: value for key, value in self.resource.items() if fields is None or key in fields}


def new_resource(project: str, location: str, name: str, job_type: JobType) -> dict[str, Any]:
    """Return a queued job with a new id, made like the real service's: the start time and 19 or 20 digits."""
    now = CLOCK.now()
    created = timestamp(now)
    return {
        "id": f"{now:%Y-%m-%d_%H_%M_%S}-{secrets.randbelow(17 * 10**18) + 10**18}",
        "projectId": project,
        "name": name,
        "type": str(job_type),
        "currentState": str(JobState.QUEUED),
        "currentStateTime": created,
        "createTime": created,
        "startTime": created,
        "location": location,
    }


def timestamp(instant: datetime | None = None) -> str:
    """RFC 3339 in UTC with microseconds: sorts as text in the order of time."""
    return f"{(instant or CLOCK.now()).astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
