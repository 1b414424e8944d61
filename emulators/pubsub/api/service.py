"""What the services share."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable

from emulators.pubsub.broker.broker import Broker
from emulators.pubsub.errors import require_between
from emulators.pubsub.names import check_project, project_of, require_served
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

    def _require_served(self, name: str, collection: str) -> None:
        require_served(project_of(name, collection), self._projects)

    def _require_project(self, name: str) -> None:
        require_served(check_project(name), self._projects)

    def _page_of_project(self, request: Message, names: Iterable[str]) -> tuple[list[str], str]:
        """Return the page of a project's resources that a List request asks for, and the token of the next."""
        self._require_project(request.project)
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
