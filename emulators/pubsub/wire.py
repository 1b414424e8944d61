"""The protobuf classes of google.pubsub.v1, taken raw from the installed google-cloud-pubsub.

The proto-plus wrappers around them cost several times the message itself, so the emulator works on the classes beneath.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import duration_pb2
from google.pubsub_v1.types import pubsub, schema

type_of = {name: getattr(pubsub, name).pb() for name in pubsub.__protobuf__.manifest} | {
    "ListSchemasRequest": schema.ListSchemasRequest.pb(),
    "ListSchemasResponse": schema.ListSchemasResponse.pb(),
}
"""Message class by its name in google.pubsub.v1."""

AcknowledgeRequest: Any = type_of["AcknowledgeRequest"]
DetachSubscriptionResponse: Any = type_of["DetachSubscriptionResponse"]
ListSchemasResponse: Any = type_of["ListSchemasResponse"]
ListSnapshotsResponse: Any = type_of["ListSnapshotsResponse"]
ListSubscriptionsResponse: Any = type_of["ListSubscriptionsResponse"]
ListTopicSnapshotsResponse: Any = type_of["ListTopicSnapshotsResponse"]
ListTopicSubscriptionsResponse: Any = type_of["ListTopicSubscriptionsResponse"]
ListTopicsResponse: Any = type_of["ListTopicsResponse"]
PublishRequest: Any = type_of["PublishRequest"]
PublishResponse: Any = type_of["PublishResponse"]
PubsubMessage: Any = type_of["PubsubMessage"]
PullResponse: Any = type_of["PullResponse"]
SeekResponse: Any = type_of["SeekResponse"]
Snapshot: Any = type_of["Snapshot"]
StreamingPullResponse: Any = type_of["StreamingPullResponse"]
Subscription: Any = type_of["Subscription"]
Topic: Any = type_of["Topic"]

Message = Any
"""Any protobuf message; the generated classes carry no type information."""


def seconds_of(duration: duration_pb2.Duration) -> float:
    """Convert a protobuf Duration to seconds."""
    return float(duration.seconds) + duration.nanos / 1e9
