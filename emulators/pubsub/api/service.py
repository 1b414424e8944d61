"""What the two services share."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from emulators.pubsub.api.paging import page_of
from emulators.pubsub.broker.broker import Broker
from emulators.pubsub.names import check_project, project_of, require_served
from emulators.pubsub.wire import Message


class Service:
    """A service over the broker; one coroutine per method.

    Args:
        broker: The state of the emulator.
        projects: The projects that are served; all where it is empty.
    """

    def __init__(self, broker: Broker, projects: Collection[str] = ()) -> None:
        self._broker = broker
        self._projects = projects

    def _require_served(self, name: str, collection: str) -> None:
        require_served(project_of(name, collection), self._projects)

    def _page_of_project(self, request: Message, names: Iterable[str]) -> tuple[list[str], str]:
        """Return the page of a project's resources that a List request asks for, and the token of the next."""
        require_served(check_project(request.project), self._projects)
        inside = (name for name in names if name.startswith(f"{request.project}/"))
        return page_of(inside, request.page_size, request.page_token)
