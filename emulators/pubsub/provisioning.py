"""Topics and subscriptions that are there from the start."""

from __future__ import annotations

import grpc

from emulators.pubsub import wire
from emulators.pubsub.api.publisher import Publisher
from emulators.pubsub.api.subscriber import Subscriber
from emulators.pubsub.broker.broker import Broker
from emulators.pubsub.errors import PubsubError, failed_precondition


async def provision(broker: Broker, project: str, topic: str, subscription: str | None) -> None:
    """Create a topic, and a subscription to it where one is given; what exists is left as it is.

    Args:
        broker: The state of the emulator.
        project: Its id.
        topic: Its id.
        subscription: Its id.

    Raises:
        PubsubError: An id is malformed, or the subscription belongs to another topic.
    """
    topic_name = f"projects/{project}/topics/{topic}"
    try:
        await Publisher(broker).create_topic(wire.Topic(name=topic_name))
    except PubsubError as error:
        _require_exists(error)
    if subscription is None:
        return
    name = f"projects/{project}/subscriptions/{subscription}"
    try:
        await Subscriber(broker).create_subscription(wire.Subscription(name=name, topic=topic_name))
    except PubsubError as error:
        _require_exists(error)
        if (other := broker.subscriptions[name].described().topic) != topic_name:
            raise failed_precondition(f"The subscription {name} belongs to {other}: give another name.") from error


def _require_exists(error: PubsubError) -> None:
    if error.code is not grpc.StatusCode.ALREADY_EXISTS:
        raise error
