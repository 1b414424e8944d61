"""What Pull and StreamingPull share: responses, and who may receive."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import grpc

from emulators.pubsub.broker.broker import Broker
from emulators.pubsub.broker.delivery import Delivery
from emulators.pubsub.broker.resources import Subscription
from emulators.pubsub.errors import PubsubError, not_found
from emulators.pubsub.log.message_log import Batch
from emulators.pubsub.wire import Message

MAX_RESPONSE_MESSAGES = 1000
MAX_RESPONSE_BYTES = 3_000_000
"""Size from which a response takes no further message: plain gRPC clients refuse more than 4 MiB."""


def fill(response: Message, subscription: Subscription, deliveries: Iterable[Delivery]) -> None:
    """Add deliveries to a PullResponse or StreamingPullResponse."""
    log = subscription.topic.log
    shows_attempt = subscription.backlog.policy.max_attempts > 0
    batch: Batch | None = None
    messages: Sequence[Message] = ()
    for delivery in deliveries:
        if delivery.batch is not batch:
            batch = delivery.batch
            messages = log.messages(batch)
        received = response.received_messages.add()
        received.ack_id = delivery.ack_id
        received.message.CopyFrom(messages[delivery.id - delivery.batch.first_id])
        if shows_attempt:
            received.delivery_attempt = delivery.attempt


def require_readable(broker: Broker, subscription: Subscription) -> None:
    """Refuse a subscription that was deleted (NOT_FOUND) or detached (FAILED_PRECONDITION)."""
    name = subscription.config.name
    if broker.subscriptions.get(name) is not subscription:
        raise not_found(name)
    if subscription.config.detached:
        raise PubsubError(grpc.StatusCode.FAILED_PRECONDITION, f"Subscription is detached (resource={name}).")


def stale_ack_ids(subscription: Subscription, ack_ids: Iterable[str]) -> set[str]:
    """Return the ack ids that an exactly-once subscription refuses because their lease has ended; else none.

    Raises:
        PubsubError: INVALID_ARGUMENT for a text that is not an ack id of this subscription.
    """
    if not subscription.is_exactly_once:
        return set()
    return {ack_id for ack_id in ack_ids if subscription.backlog.is_stale(ack_id)}
