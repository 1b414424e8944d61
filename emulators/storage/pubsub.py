"""Pub/Sub as Cloud Storage sees it: topics that exist, and a thread that publishes what was recorded."""

import json
import threading
from collections.abc import Sequence
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import quote

from emulators.guard.iam import Access
from emulators.storage.notifications import Notification, Notifications

_TIMEOUT_SECONDS = 10.0
_PAUSE_SECONDS = 1.0
_MOST_MESSAGES = 1000


class PubSubError(Exception):
    """Pub/Sub does not answer."""


class PubSub:
    """Pub/Sub's REST API, which its emulators serve on the port of gRPC.

    Args:
        host: HOST:PORT.
        access: Has the token of the service agent.
    """

    def __init__(self, host: str, access: Access) -> None:
        self._host = host
        self._access = access

    def has_topic(self, topic: str) -> bool:
        """Tell whether a topic exists.

        Raises:
            PubSubError: Pub/Sub does not answer.
        """
        return self._answers("GET", f"/v1/{quote(topic)}")

    def publish(self, topic: str, notifications: Sequence[Notification]) -> bool:
        """Publish as the project's service agent, and tell whether Pub/Sub has taken all of them.

        Raises:
            PubSubError: Pub/Sub does not answer.
        """
        messages = [notification.message for notification in notifications]
        token = self._access.token_of(service_agent(topic))
        return self._answers("POST", f"/v1/{quote(topic)}:publish", {"messages": messages}, token)

    def _answers(self, method: str, path: str, body: Any = None, token: str | None = None) -> bool:
        connection = HTTPConnection(self._host, timeout=_TIMEOUT_SECONDS)
        try:
            content = None if body is None else json.dumps(body)
            headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
            connection.request(method, path, content, headers)
            return connection.getresponse().status == HTTPStatus.OK
        except (OSError, HTTPException) as error:
            raise PubSubError(str(error)) from error
        finally:
            connection.close()


def service_agent(project_or_topic: str) -> str:
    """Return the e-mail address by which Cloud Storage publishes, of `projects/PROJECT` or of a topic in it."""
    return f"{project_or_topic.split('/')[1]}@gs-project-accounts.iam.gserviceaccount.com"


class Deliveries:
    """Publishes notifications from a thread of its own, in the order of the changes, until it is stopped.

    At least once: what was published when the process was killed is published again. A topic that is gone does not hold
    up the others.
    """

    def __init__(self, notifications: Notifications, pubsub: PubSub) -> None:
        self._notifications = notifications
        self._pubsub = pubsub
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="deliveries", daemon=True)

    def start(self) -> None:
        """Begin, with what an earlier process has left."""
        self._thread.start()

    def stop(self) -> None:
        """End, when the request under way has been answered; what is left is delivered at the next start."""
        self._stopping.set()
        self._notifications.recorded.set()
        self._thread.join(_TIMEOUT_SECONDS)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._notifications.recorded.clear()
            topics = self._notifications.topics()
            taken = [self._deliver(topic) for topic in topics]
            if not all(taken):
                self._notifications.give_up()
                self._stopping.wait(_PAUSE_SECONDS)
            elif not topics:
                self._notifications.recorded.wait()

    def _deliver(self, topic: str) -> bool:
        pending = self._notifications.pending(topic, _MOST_MESSAGES)
        try:
            taken = self._pubsub.publish(topic, pending)
        except PubSubError:
            return False
        if taken:
            self._notifications.delivered(pending)
        return taken
