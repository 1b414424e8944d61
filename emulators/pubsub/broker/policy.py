"""The delivery settings of a subscription."""

from __future__ import annotations

from dataclasses import dataclass

from emulators.pubsub.broker.filters import FilterError, Predicate, parse_filter
from emulators.pubsub.errors import invalid
from emulators.pubsub.wire import Message, seconds_of


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings of a subscription that decide about deliveries.

    Attributes:
        matches: The filter; None delivers every message.
        is_ordered: Whether messages with an ordering key are delivered in order.
        is_exactly_once: Whether an ack id that cannot end its message at once is an error.
        max_attempts: Delivery attempts before a message goes to the dead-letter topic; 0 without one.
        min_backoff: Seconds before the first redelivery, doubled for each further one; 0 redelivers at once.
        max_backoff: The most seconds between two attempts.
    """

    matches: Predicate | None = None
    is_ordered: bool = False
    is_exactly_once: bool = False
    max_attempts: int = 0
    min_backoff: float = 0.0
    max_backoff: float = 0.0

    @classmethod
    def from_config(cls, subscription: Message) -> Policy:
        """Read the policy of a complete Subscription.

        Raises:
            PubsubError: INVALID_ARGUMENT for a filter that breaks the grammar.
        """
        try:
            matches = parse_filter(subscription.filter)
        except FilterError as error:
            raise invalid(f"Invalid filter given: {error}.") from None
        # Without a policy both are 0 seconds.
        retry = subscription.retry_policy
        return cls(
            matches=matches,
            is_ordered=subscription.enable_message_ordering,
            is_exactly_once=subscription.enable_exactly_once_delivery,
            max_attempts=subscription.dead_letter_policy.max_delivery_attempts,
            min_backoff=seconds_of(retry.minimum_backoff),
            max_backoff=seconds_of(retry.maximum_backoff),
        )

    def backoff(self, failures: int) -> float:
        """Return the seconds to wait before the next attempt after this many failed ones."""
        return min(self.min_backoff * 2.0 ** min(failures - 1, 64), self.max_backoff)
