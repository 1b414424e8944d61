"""What a call has to be granted: https://cloud.google.com/pubsub/docs/access-control#required_permissions."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import grpc

from emulators.guard.iam import CALLER, project_resource
from emulators.pubsub.errors import PubsubError
from emulators.pubsub.wire import Message

#: Of each method the permissions, each with the field of the request that names the resource; of what is made or listed
#: that is the project.
_PERMISSIONS = {
    "Publisher/CreateTopic": (("topics.create", "name"),),
    "Publisher/DeleteTopic": (("topics.delete", "topic"),),
    "Publisher/DetachSubscription": (("topics.detachSubscription", "subscription"),),
    "Publisher/GetTopic": (("topics.get", "topic"),),
    "Publisher/ListTopicSnapshots": (("topics.get", "topic"),),
    "Publisher/ListTopicSubscriptions": (("topics.get", "topic"),),
    "Publisher/ListTopics": (("topics.list", "project"),),
    "Publisher/Publish": (("topics.publish", "topic"),),
    "Publisher/UpdateTopic": (("topics.update", "topic.name"),),
    "SchemaService/ListSchemas": (("schemas.list", "parent"),),
    "Subscriber/Acknowledge": (("subscriptions.consume", "subscription"),),
    "Subscriber/CreateSnapshot": (("snapshots.create", "name"), ("subscriptions.consume", "subscription")),
    "Subscriber/CreateSubscription": (("subscriptions.create", "name"), ("topics.attachSubscription", "topic")),
    "Subscriber/DeleteSnapshot": (("snapshots.delete", "snapshot"),),
    "Subscriber/DeleteSubscription": (("subscriptions.delete", "subscription"),),
    "Subscriber/GetSnapshot": (("snapshots.get", "snapshot"),),
    "Subscriber/GetSubscription": (("subscriptions.get", "subscription"),),
    "Subscriber/ListSnapshots": (("snapshots.list", "project"),),
    "Subscriber/ListSubscriptions": (("subscriptions.list", "project"),),
    "Subscriber/ModifyAckDeadline": (("subscriptions.consume", "subscription"),),
    "Subscriber/ModifyPushConfig": (("subscriptions.update", "subscription"),),
    "Subscriber/Pull": (("subscriptions.consume", "subscription"),),
    "Subscriber/Seek": (("subscriptions.consume", "subscription"), ("snapshots.seek", "snapshot")),
    "Subscriber/StreamingPull": (("subscriptions.consume", "subscription"),),
    "Subscriber/UpdateSnapshot": (("snapshots.update", "snapshot.name"),),
    "Subscriber/UpdateSubscription": (("subscriptions.update", "subscription.name"),),
}
_SERVICE = "//pubsub.googleapis.com/"


def permitted(method: str, answer: Callable[[Message], Awaitable[Message]]) -> Callable[[Message], Awaitable[Message]]:
    """Return a method that refuses callers without its permissions.

    Args:
        method: Its full name.
        answer: Answers the others.
    """

    async def answer_if_permitted(request: Message) -> Message:
        require(method, request)
        return await answer(request)

    return answer_if_permitted


def require(method: str, request: Message) -> None:
    """Refuse a caller who lacks a permission of a method.

    Raises:
        PubsubError: PERMISSION_DENIED.
    """
    caller = CALLER.get()
    if not caller.account:
        return
    for permission, field in _PERMISSIONS[method.removeprefix("google.pubsub.v1.")]:
        name = _value(request, field)
        if not name:
            continue  # a Seek to a time
        _, _, project_and_name = name.partition("/")
        is_of_project = permission.endswith((".create", ".list"))
        resource = project_resource(project_and_name.partition("/")[0]) if is_of_project else f"{_SERVICE}{name}"
        if not caller.may(f"pubsub.{permission}", resource):
            raise PubsubError(grpc.StatusCode.PERMISSION_DENIED, "User not authorized to perform this action.")


def _value(request: Message, field: str) -> str:
    value: Message | str = request
    for part in field.split("."):
        value = getattr(value, part)
    return f"{value}"
