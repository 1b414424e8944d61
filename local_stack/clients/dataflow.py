"""The Dataflow API, as far as the demo and the tests need it: plain HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import requests

from local_stack.config import StackConfig, StackError
from local_stack.credentials import access_token
from logline_cli.rest import RestClient, reason_of

RUNNING = "JOB_STATE_RUNNING"
ENDED = frozenset(f"JOB_STATE_{name}" for name in ("DONE", "FAILED", "CANCELLED", "UPDATED", "DRAINED"))


class DataflowError(StackError):
    """Dataflow refused a request; the text is one line."""


@dataclass(frozen=True)
class DataflowJob:
    """A job.

    Attributes:
        id: Its id.
        name: Its name.
        state: ``JOB_STATE_...``.
    """

    id: str
    name: str
    state: str

    @property
    def is_active(self) -> bool:
        """Whether it has not ended."""
        return self.state not in ENDED


class DataflowApi(RestClient):
    """A client for the jobs of one project and region; use it as a context manager."""

    def __init__(self, url: str, *, project: str, region: str, token: str) -> None:
        super().__init__(f"{url}/v1b3/projects/{project}/locations/{region}")
        self._session.headers["Authorization"] = f"Bearer {token}"

    @classmethod
    def of(cls, config: StackConfig) -> Self:
        """Return a client for the Dataflow emulator of a stack."""
        token = access_token(config)
        return cls(config.url("dataflow"), project=config.project, region=config.region, token=token)

    def jobs(self, name: str) -> list[DataflowJob]:
        """Return all jobs of exactly this name, the newest first.

        Raises:
            DataflowError: Dataflow does not answer.
        """
        answer = self._request("GET", "/jobs", params={"filter": "ALL", "name": name, "view": "JOB_VIEW_ALL"})
        found = [job for job in answer.get("jobs", []) if job["name"] == name]
        found.sort(key=lambda job: str(job["createTime"]), reverse=True)
        return [DataflowJob(job["id"], job["name"], job["currentState"]) for job in found]

    def launch(self, parameters: Mapping[str, Any]) -> str:
        """Launch a Flex Template.

        Args:
            parameters: ``launchParameter`` of the API.

        Returns:
            The job's id.

        Raises:
            DataflowError: Dataflow refuses, or does not answer.
        """
        answer = self._request("POST", "/flexTemplates:launch", json={"launchParameter": dict(parameters)})
        return str(answer["job"]["id"])

    def drain(self, job_id: str) -> None:
        """Ask a streaming job to finish what it has read and to end.

        Raises:
            DataflowError: Dataflow refuses, or does not answer.
        """
        self._request("PUT", f"/jobs/{job_id}", json={"requestedState": "JOB_STATE_DRAINED"})

    def counters(self, job_id: str) -> dict[str, int]:
        """Return a job's counters, by the metrics' names.

        Raises:
            DataflowError: Dataflow does not answer.
        """
        metrics = self._request("GET", f"/jobs/{job_id}/metrics").get("metrics", [])
        return {
            metric["name"]["name"]: int(metric["scalar"])
            for metric in metrics
            if "tentative" not in metric["name"]["context"]
        }

    def _request(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        try:
            response = self._send(method, path, **options)
        except requests.RequestException as error:
            raise DataflowError(f"Dataflow does not answer at {self._url} ({type(error).__name__})") from error
        if not response.ok:
            raise DataflowError(
                f"Dataflow refused {method} {path} ({response.status_code}): {reason_of(response, 'error', 'message')}"
            )
        answer: dict[str, Any] = response.json()
        return answer
