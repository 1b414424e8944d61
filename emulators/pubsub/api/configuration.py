"""What a topic or subscription may be configured to: defaults, limits, and which fields an update may change.

Limits as of https://cloud.google.com/pubsub/docs/reference/rpc/google.pubsub.v1, read 2026-11.
"""

from __future__ import annotations

from collections.abc import Iterable

import grpc
from google.protobuf import field_mask_pb2

from emulators.pubsub.broker.policy import Policy
from emulators.pubsub.errors import invalid, require_between, unsupported
from emulators.pubsub.names import project_of
from emulators.pubsub.wire import Message, seconds_of

_MIN_ACK_SECONDS, _MAX_ACK_SECONDS = 10, 600
_DAY = 86_400
_DEFAULT_RETENTION = 7 * _DAY
_MIN_RETENTION, _MAX_RETENTION = 600, 31 * _DAY
_DEFAULT_MIN_BACKOFF, _MAX_BACKOFF = 10, 600
_DEFAULT_ATTEMPTS, _MAX_ATTEMPTS = 5, 100

_MUTABLE = {
    "Topic": {"labels", "message_retention_duration", "message_storage_policy", "kms_key_name"},
    "Subscription": {
        "ack_deadline_seconds",
        "dead_letter_policy",
        "enable_exactly_once_delivery",
        "expiration_policy",
        "labels",
        "message_retention_duration",
        "push_config",
        "retain_acked_messages",
        "retry_policy",
    },
    "Snapshot": {"expire_time", "labels"},
}
"""The fields that an update may change, by the kind of resource."""


def check_topic(topic: Message) -> None:
    """Refuse a Topic the emulator cannot serve.

    Raises:
        PubsubError: INVALID_ARGUMENT, or UNIMPLEMENTED for schemas, ingestion sources and transforms.
    """
    project_of(topic.name, "topics")
    _require_absent(topic, "schema_settings", "ingestion_data_source_settings", "message_transforms")
    if topic.HasField("message_retention_duration"):
        _check_retention(topic)


def complete_subscription(subscription: Message) -> None:
    """Fill a Subscription's defaults as the service does, and refuse what it cannot be.

    Raises:
        PubsubError: INVALID_ARGUMENT, or UNIMPLEMENTED for anything but a pull subscription.
    """
    project_of(subscription.name, "subscriptions")
    _require_absent(subscription, "bigquery_config", "cloud_storage_config", "bigtable_config", "message_transforms")
    if subscription.push_config.push_endpoint:
        raise unsupported("push subscriptions")
    subscription.push_config.SetInParent()
    if not subscription.ack_deadline_seconds:
        subscription.ack_deadline_seconds = _MIN_ACK_SECONDS
    check_ack_deadline(subscription.ack_deadline_seconds)
    if not subscription.HasField("message_retention_duration"):
        subscription.message_retention_duration.seconds = _DEFAULT_RETENTION
    _check_retention(subscription)
    if not subscription.HasField("expiration_policy"):
        subscription.expiration_policy.ttl.seconds = _MAX_RETENTION
    elif subscription.expiration_policy.HasField("ttl"):
        ttl = seconds_of(subscription.expiration_policy.ttl)
        require_between("expiration_policy.ttl", ttl, _DAY, float("inf"), "s")
    if subscription.HasField("retry_policy"):
        _complete_retry(subscription.retry_policy)
    if subscription.HasField("dead_letter_policy"):
        _complete_dead_letter(subscription.dead_letter_policy)
    Policy.from_config(subscription)
    for output in ("topic_message_retention_duration", "analytics_hub_subscription_info"):
        subscription.ClearField(output)
    subscription.state = subscription.ACTIVE


def check_ack_deadline(seconds: int, least: int = _MIN_ACK_SECONDS) -> None:
    """Refuse an acknowledgement deadline outside its limits.

    Raises:
        PubsubError: INVALID_ARGUMENT.
    """
    require_between("ack_deadline_seconds", seconds, least, _MAX_ACK_SECONDS)


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


def _require_absent(config: Message, *names: str) -> None:
    present = {field.name for field, _ in config.ListFields()}
    for name in names:
        if name in present:
            raise unsupported(f"{name} of a {config.DESCRIPTOR.name.lower()}")


def _check_retention(config: Message) -> None:
    seconds = seconds_of(config.message_retention_duration)
    require_between("message_retention_duration", seconds, _MIN_RETENTION, _MAX_RETENTION, "s")


def _complete_retry(retry: Message) -> None:
    if not retry.HasField("minimum_backoff"):
        retry.minimum_backoff.seconds = _DEFAULT_MIN_BACKOFF
    if not retry.HasField("maximum_backoff"):
        retry.maximum_backoff.seconds = _MAX_BACKOFF
    least, most = seconds_of(retry.minimum_backoff), seconds_of(retry.maximum_backoff)
    require_between("minimum_backoff", least, 0, _MAX_BACKOFF, "s")
    require_between("maximum_backoff", most, least, _MAX_BACKOFF, "s")


def _complete_dead_letter(policy: Message) -> None:
    project_of(policy.dead_letter_topic, "topics")
    if not policy.max_delivery_attempts:
        policy.max_delivery_attempts = _DEFAULT_ATTEMPTS
    attempts = policy.max_delivery_attempts
    code = grpc.StatusCode.OUT_OF_RANGE
    require_between("max_delivery_attempts", attempts, _DEFAULT_ATTEMPTS, _MAX_ATTEMPTS, code=code)
