"""The protobuf classes of google.pubsub.v1, taken raw from the installed google-cloud-pubsub.

The proto-plus wrappers around them cost several times the message itself, so the emulator works on the classes beneath:
`wire.Topic`, `wire.PublishRequest` and so on.
"""

from __future__ import annotations

from typing import Any

import proto
from google.protobuf import duration_pb2
from google.pubsub_v1.types import pubsub, schema

type_of = {
    name: kind.pb()
    for module in (pubsub, schema)
    for name in module.__protobuf__.manifest
    if issubclass(kind := getattr(module, name), proto.Message)
}
"""Message class by its name in google.pubsub.v1."""

Message = Any
"""Any protobuf message; the generated classes carry no type information."""


def __getattr__(name: str) -> Any:
    try:
        return type_of[name]
    except KeyError:
        raise AttributeError(f"no message {name} in google.pubsub.v1") from None


def seconds_of(duration: duration_pb2.Duration) -> float:
    """Convert a protobuf Duration to seconds."""
    return float(duration.ToNanoseconds() / 1e9)
