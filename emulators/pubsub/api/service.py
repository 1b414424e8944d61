"""What the services share."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable

import grpc

from emulators.pubsub.broker.broker import Broker
from emulators.pubsub.errors import PubsubError, require_between
from emulators.pubsub.names import project_id
from emulators.pubsub.wire import Message

_MAX_PAGE = 1000


class Service:
    """A service over the broker: each public coroutine is the method of its name in CamelCase.

    Args:
        broker: The state of the emulator.
        projects: The projects that are served; all where it is empty.
    """

    def __init__(self, broker: Broker, projects: Collection[str] = ()) -> None:
        self._broker = broker
        self._projects = projects

    def _require_served(self, project: str) -> None:
        if self._projects and project not in self._projects:
            raise PubsubError(
                grpc.StatusCode.NOT_FOUND,
                f"Requested project not found or user does not have access to it (project={project}). "
                "Make sure to specify the unique project identifier and not the Google Cloud Console display name.",
            )

    def _page_of_project(self, request: Message, names: Iterable[str]) -> tuple[list[str], str]:
        """Return the page of a project's resources that a List request asks for, and the token of the next."""
        self._require_served(project_id(request.project))
        return page_of((name for name in names if name.startswith(f"{request.project}/")), request)


def page_of(names: Iterable[str], request: Message) -> tuple[list[str], str]:
    """Return the page of names that a List request asks for, and the token of the next page (empty after the last).

    Raises:
        PubsubError: INVALID_ARGUMENT for a negative page size.
    """
    require_between("page_size", request.page_size, 0, float("inf"))
    ordered = sorted(names)
    start = bisect_right(ordered, request.page_token)
    size = min(request.page_size or _MAX_PAGE, _MAX_PAGE)
    page = ordered[start : start + size]
    return page, page[-1] if start + size < len(ordered) else ""
