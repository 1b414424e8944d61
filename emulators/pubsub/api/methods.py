"""The methods of the services by their full names; gRPC and REST both call these."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any

from emulators.pubsub.api.permissions import permitted
from emulators.pubsub.api.publisher import Publisher, SchemaService
from emulators.pubsub.api.subscriber import Subscriber
from emulators.pubsub.broker.broker import Broker
from emulators.pubsub.wire import Message, type_of

STREAMING_PULL = "google.pubsub.v1.Subscriber/StreamingPull"
"""The one method that is a stream; only gRPC has it."""


@dataclass(frozen=True, slots=True)
class Method:
    """A unary method.

    Attributes:
        answer: Takes a request and returns the response; raises PubsubError.
        request_type: The protobuf class of the request.
    """

    answer: Callable[[Message], Awaitable[Message]]
    request_type: Any


def unary_methods(broker: Broker, projects: Collection[str] = ()) -> dict[str, Method]:
    """Return the unary methods of all services by their full names, such as `google.pubsub.v1.Publisher/Publish`."""
    methods = {}
    for service in (Publisher, Subscriber, SchemaService):
        for name, answer in inspect.getmembers(service(broker, projects), inspect.iscoroutinefunction):
            rpc = name.title().replace("_", "")
            # CreateTopic and CreateSubscription take the resource itself.
            request_type = type_of.get(f"{rpc}Request") or type_of[rpc.removeprefix("Create")]
            full_name = f"google.pubsub.v1.{service.__name__}/{rpc}"
            methods[full_name] = Method(permitted(full_name, answer), request_type)
    return methods
