"""The limits of a Publish request.

cf. https://cloud.google.com/pubsub/quotas#resource_limits, read 2026-11.
"""

from __future__ import annotations

from emulators.pubsub.errors import PubsubError, invalid
from emulators.pubsub.wire import Message

MAX_MESSAGES = 1000
MAX_REQUEST_BYTES = 10_000_000
MAX_ATTRIBUTES = 100
MAX_KEY_BYTES = 256
MAX_VALUE_BYTES = 1024
MAX_ORDERING_KEY_BYTES = 1024


def check_publish(request: Message) -> None:
    """Refuse a PublishRequest beyond the service's limits.

    Raises:
        PubsubError: INVALID_ARGUMENT, and nothing of the request is published.
    """
    size = request.ByteSize()
    if size > MAX_REQUEST_BYTES:
        raise _too_large("request_size", size, MAX_REQUEST_BYTES)
    if not request.messages:
        raise invalid(
            "The value for message_count is too small. You passed 0 in the request, but the minimum value is 1."
        )
    if len(request.messages) > MAX_MESSAGES:
        raise _too_large("message_count", len(request.messages), MAX_MESSAGES)
    for message in request.messages:
        attributes = message.attributes
        if attributes:
            _check_attributes(attributes)
        elif not message.data:
            raise invalid(
                "One or more messages in the publish request is empty. Each message must contain either non-empty "
                "data, or at least one attribute."
            )
        if message.ordering_key and len(message.ordering_key.encode()) > MAX_ORDERING_KEY_BYTES:
            raise _too_large("ordering_key_size", len(message.ordering_key.encode()), MAX_ORDERING_KEY_BYTES)


def _check_attributes(attributes: Message) -> None:
    if len(attributes) > MAX_ATTRIBUTES:
        raise _too_large("attribute_count", len(attributes), MAX_ATTRIBUTES)
    for key, value in attributes.items():
        if not key:
            raise invalid("One or more messages in the publish request has an attribute with an empty key.")
        if key.startswith("goog"):
            raise invalid(f"The attribute key {key} is reserved: keys must not start with goog.")
        # A character takes at most four bytes: only long texts need to be encoded to be measured.
        if len(key) * 4 > MAX_KEY_BYTES and len(key.encode()) > MAX_KEY_BYTES:
            raise _too_large("attribute_key_size", len(key.encode()), MAX_KEY_BYTES)
        if len(value) * 4 > MAX_VALUE_BYTES and len(value.encode()) > MAX_VALUE_BYTES:
            raise _too_large("attribute_value_size", len(value.encode()), MAX_VALUE_BYTES)


def _too_large(what: str, value: int, limit: int) -> PubsubError:
    return invalid(
        f"The value for {what} is too large. You passed {value} in the request, but the maximum value is {limit}."
    )
