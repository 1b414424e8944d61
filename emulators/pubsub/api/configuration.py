"""What a topic or subscription may be configured to: defaults, limits, and which fields an update may change.

Limits as of https://cloud.google.com/pubsub/docs/reference/rpc/google.pubsub.v1, read 2026-11.
"""

from __future__ import annotations

from collections.abc import Iterable

import grpc
from google.protobuf import duration_pb2, field_mask_pb2

from emulators.pubsub.broker.policy import Policy
from emulators.pubsub.errors import PubsubError, invalid, unsupported
from emulators.pubsub.names import project_of
from emulators.pubsub.wire import Message, seconds_of

MIN_ACK_SECONDS = 10
MAX_ACK_SECONDS = 600
_DAY = 86_400
_DEFAULT_RETENTION = 7 * _DAY
_MAX_RETENTION = 31 * _DAY
_MIN_RETENTION = 600
_MAX_BACKOFF = 600
_DEFAULT_ATTEMPTS = 5
_MAX_ATTEMPTS = 100

_TOPIC_FIELDS = frozenset({"labels", "message_retention_duration", "message_storage_policy", "kms_key_name"})
_SUBSCRIPTION_FIELDS = frozenset(
    {
        "ack_deadline_seconds",
        "dead_letter_policy",
        "enable_exactly_once_delivery",
        "expiration_policy",
        "labels",
        "message_retention_duration",
        "push_config",
        "retain_acked_messages",
        "retry_policy",
    }
)
_SNAPSHOT_FIELDS = frozenset({"expire_time", "labels"})
_MUTABLE = {"Topic": _TOPIC_FIELDS, "Subscription": _SUBSCRIPTION_FIELDS, "Snapshot": _SNAPSHOT_FIELDS}


def check_topic(topic: Message) -> None:
    """Refuse a Topic the emulator cannot serve.

    Raises:
        PubsubError: INVALID_ARGUMENT, or UNIMPLEMENTED for schemas, ingestion sources and transforms.
    """
    project_of(topic.name, "topics")
    for name in ("schema_settings", "ingestion_data_source_settings"):
        if topic.HasField(name):
            raise unsupported(f"{name} of a topic")
    if topic.message_transforms:
        raise unsupported("message_transforms of a topic")
    if topic.HasField("message_retention_duration"):
        _check_retention(topic.message_retention_duration)


def complete_subscription(subscription: Message) -> None:
    """Fill a Subscription's defaults as the service does, and refuses what it cannot be.

    Raises:
        PubsubError: INVALID_ARGUMENT, or UNIMPLEMENTED for anything but a pull subscription.
    """
    project_of(subscription.name, "subscriptions")
    for name in ("bigquery_config", "cloud_storage_config", "bigtable_config"):
        if subscription.HasField(name):
            raise unsupported(f"{name} of a subscription")
    if subscription.push_config.push_endpoint:
        raise unsupported("push subscriptions")
    if subscription.message_transforms:
        raise unsupported("message_transforms of a subscription")
    subscription.push_config.SetInParent()
    if not subscription.ack_deadline_seconds:
        subscription.ack_deadline_seconds = MIN_ACK_SECONDS
    check_ack_deadline(subscription.ack_deadline_seconds)
    if not subscription.HasField("message_retention_duration"):
        subscription.message_retention_duration.seconds = _DEFAULT_RETENTION
    _check_retention(subscription.message_retention_duration)
    _complete_expiration(subscription)
    _complete_retry(subscription)
    _complete_dead_letter(subscription)
    Policy.from_config(subscription)
    for output in ("topic_message_retention_duration", "analytics_hub_subscription_info"):
        subscription.ClearField(output)
    subscription.state = subscription.ACTIVE


def check_ack_deadline(seconds: int, least: int = MIN_ACK_SECONDS) -> None:
    """Refuse an acknowledgement deadline outside its limits.

    Raises:
        PubsubError: INVALID_ARGUMENT.
    """
    if not least <= seconds <= MAX_ACK_SECONDS:
        raise invalid(
            f"Invalid ack deadline given (ack_deadline_seconds={seconds}): it must be between {least} and "
            f"{MAX_ACK_SECONDS} seconds."
        )


def updated(current: Message, update: Message, paths: Iterable[str]) -> Message:
    """Copy a resource with the fields of an update mask replaced; a field that the update leaves empty is cleared.

    Raises:
        PubsubError: INVALID_ARGUMENT for an empty mask, an unknown field or one that cannot be changed.
    """
    kind = current.DESCRIPTOR.name
    mask = field_mask_pb2.FieldMask(paths=paths)
    if not mask.paths:
        raise invalid(
            f"The update_mask in the Update{kind}Request must be set, and must contain a non-empty paths list."
        )
    for path in mask.paths:
        name = path.partition(".")[0]
        if not field_mask_pb2.FieldMask(paths=[path]).IsValidForDescriptor(current.DESCRIPTOR):
            raise invalid(
                f"Invalid update_mask provided in the Update{kind}Request: {path} is not a known {kind} field."
            )
        if name not in _MUTABLE[kind]:
            raise invalid(
                f"Invalid update_mask provided in the Update{kind}Request: the {name} field in the {kind} is not "
                "mutable."
            )
    result = type(current)()
    result.CopyFrom(current)
    mask.MergeMessage(update, result, replace_message_field=True, replace_repeated_field=True)
    return result


def _check_retention(duration: duration_pb2.Duration) -> None:
    if not _MIN_RETENTION <= seconds_of(duration) <= _MAX_RETENTION:
        raise invalid(
            f"Invalid message_retention_duration given ({seconds_of(duration):.0f}s): it must be between 10 minutes "
            "and 31 days."
        )


def _complete_expiration(subscription: Message) -> None:
    if not subscription.HasField("expiration_policy"):
        subscription.expiration_policy.ttl.seconds = _MAX_RETENTION
    elif subscription.expiration_policy.HasField("ttl") and seconds_of(subscription.expiration_policy.ttl) < _DAY:
        raise invalid("Invalid expiration_policy given: its ttl must be at least 1 day.")


def _complete_retry(subscription: Message) -> None:
    if not subscription.HasField("retry_policy"):
        return
    retry = subscription.retry_policy
    if not retry.HasField("minimum_backoff"):
        retry.minimum_backoff.seconds = 10
    if not retry.HasField("maximum_backoff"):
        retry.maximum_backoff.seconds = _MAX_BACKOFF
    for name in ("minimum_backoff", "maximum_backoff"):
        value = seconds_of(getattr(retry, name))
        if not 0 <= value <= _MAX_BACKOFF:
            raise invalid(
                f"The value for {name} is out of bounds. You passed {value:g}s in the request, but the value must be "
                f"between 0s and {_MAX_BACKOFF}s."
            )
    least, most = seconds_of(retry.minimum_backoff), seconds_of(retry.maximum_backoff)
    if most < least:
        raise invalid(
            f"The value for maximum_backoff is too small. You passed {most:g}s in the request, but the minimum value "
            f"is {least:g}s."
        )


def _complete_dead_letter(subscription: Message) -> None:
    if not subscription.HasField("dead_letter_policy"):
        return
    policy = subscription.dead_letter_policy
    project_of(policy.dead_letter_topic, "topics")
    if not policy.max_delivery_attempts:
        policy.max_delivery_attempts = _DEFAULT_ATTEMPTS
    attempts, size = policy.max_delivery_attempts, ""
    if attempts < _DEFAULT_ATTEMPTS:
        size = f"small. You passed {attempts} in the request, but the minimum value is {_DEFAULT_ATTEMPTS}."
    elif attempts > _MAX_ATTEMPTS:
        size = f"large. You passed {attempts} in the request, but the maximum value is {_MAX_ATTEMPTS}."
    if size:
        raise PubsubError(grpc.StatusCode.OUT_OF_RANGE, f"The value for max_delivery_attempts is too {size}")
