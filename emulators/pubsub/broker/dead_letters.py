"""What a message becomes when it is forwarded to a dead-letter topic."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from emulators.pubsub import wire
from emulators.pubsub.broker.delivery import Delivery
from emulators.pubsub.broker.resources import Subscription
from emulators.pubsub.wire import Message

_PREFIX = "CloudPubSubDeadLetterSource"


def dead_letters(subscription: Subscription, exhausted: Iterable[Delivery]) -> Message:
    """Return a PublishRequest of these messages of a subscription, with the attributes that name their origin."""
    _, project, _, short_id = subscription.config.name.split("/")
    request = wire.PublishRequest()
    for delivery in exhausted:
        published = datetime.fromtimestamp(delivery.batch.publish_us / 1e6, UTC)
        message = request.messages.add()
        message.CopyFrom(subscription.topic.log.messages(delivery.batch)[delivery.id - delivery.batch.first_id])
        message.attributes[f"{_PREFIX}DeliveryCount"] = str(delivery.attempt)
        message.attributes[f"{_PREFIX}Subscription"] = short_id
        message.attributes[f"{_PREFIX}SubscriptionProject"] = project
        message.attributes[f"{_PREFIX}TopicPublishTime"] = published.isoformat(timespec="milliseconds")
    return request
