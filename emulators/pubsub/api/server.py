"""The gRPC server: which method is which coroutine, and errors as status codes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from typing import Any

import grpc

from emulators.pubsub.api.publisher import Publisher
from emulators.pubsub.api.schemas import Schemas
from emulators.pubsub.api.service import Service
from emulators.pubsub.api.streaming import StreamingPull
from emulators.pubsub.api.subscriber import Subscriber
from emulators.pubsub.broker.broker import Broker
from emulators.pubsub.errors import PubsubError, unsupported
from emulators.pubsub.wire import Message, type_of

_MAX_REQUEST_BYTES = 32 * 1024 * 1024
_OPTIONS = (
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", _MAX_REQUEST_BYTES),
    ("grpc.max_send_message_length", -1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
)

_PUBLISHER = {
    "CreateTopic": "Topic",
    "UpdateTopic": "UpdateTopicRequest",
    "GetTopic": "GetTopicRequest",
    "ListTopics": "ListTopicsRequest",
    "ListTopicSubscriptions": "ListTopicSubscriptionsRequest",
    "ListTopicSnapshots": "ListTopicSnapshotsRequest",
    "DeleteTopic": "DeleteTopicRequest",
    "DetachSubscription": "DetachSubscriptionRequest",
    "Publish": "PublishRequest",
}
_SUBSCRIBER = {
    "CreateSubscription": "Subscription",
    "GetSubscription": "GetSubscriptionRequest",
    "UpdateSubscription": "UpdateSubscriptionRequest",
    "ListSubscriptions": "ListSubscriptionsRequest",
    "DeleteSubscription": "DeleteSubscriptionRequest",
    "ModifyAckDeadline": "ModifyAckDeadlineRequest",
    "ModifyPushConfig": "ModifyPushConfigRequest",
    "Acknowledge": "AcknowledgeRequest",
    "Pull": "PullRequest",
    "CreateSnapshot": "CreateSnapshotRequest",
    "GetSnapshot": "GetSnapshotRequest",
    "ListSnapshots": "ListSnapshotsRequest",
    "UpdateSnapshot": "UpdateSnapshotRequest",
    "DeleteSnapshot": "DeleteSnapshotRequest",
    "Seek": "SeekRequest",
}
_SCHEMAS = {"ListSchemas": "ListSchemasRequest"}


def create_server(broker: Broker, projects: Collection[str] = ()) -> grpc.aio.Server:
    """Return a server of the services, not yet bound to an address."""
    server = grpc.aio.server(options=_OPTIONS)
    publisher = {name: _unary(Publisher(broker, projects), name, kind) for name, kind in _PUBLISHER.items()}
    subscriber = {name: _unary(Subscriber(broker, projects), name, kind) for name, kind in _SUBSCRIBER.items()}
    subscriber["StreamingPull"] = _streaming_pull(broker)
    schemas = {name: _unary(Schemas(broker, projects), name, kind) for name, kind in _SCHEMAS.items()}
    server.add_generic_rpc_handlers(
        [
            grpc.method_handlers_generic_handler("google.pubsub.v1.Publisher", publisher),
            grpc.method_handlers_generic_handler("google.pubsub.v1.Subscriber", subscriber),
            grpc.method_handlers_generic_handler("google.pubsub.v1.SchemaService", schemas),
            _Unimplemented(),
        ]
    )
    return server


class _Unimplemented:
    """Answers what no handler before it has: UNIMPLEMENTED, with the name of the method."""

    def service(self, call: grpc.HandlerCallDetails) -> Any:
        """Return the handler of a method, as a grpc.GenericRpcHandler does."""
        error = unsupported(f"the method {call.method.removeprefix('/')}")

        async def refuse(_: AsyncIterator[bytes], context: grpc.aio.ServicerContext) -> None:
            await context.abort(error.code, error.message)

        # On the wire a unary call is a stream of one message: this serves every kind of method.
        return grpc.stream_stream_rpc_method_handler(refuse)


def _unary(service: Service, name: str, request_type: str) -> Any:
    method = getattr(service, "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)[1:])

    async def answer(request: Message, context: grpc.aio.ServicerContext) -> Message:
        try:
            return await method(request, context)
        except PubsubError as error:
            await context.abort(error.code, error.message, error.trailing_metadata())

    return grpc.unary_unary_rpc_method_handler(
        answer, request_deserializer=type_of[request_type].FromString, response_serializer=_serialised
    )


def _streaming_pull(broker: Broker) -> Any:
    async def answer(requests: AsyncIterator[Message], context: grpc.aio.ServicerContext) -> None:
        try:
            first = await anext(requests, None)
            if first is not None:
                await StreamingPull(broker, first).run(first, requests, context.write)
        except PubsubError as error:
            await context.abort(error.code, error.message, error.trailing_metadata())

    return grpc.stream_stream_rpc_method_handler(
        answer, request_deserializer=type_of["StreamingPullRequest"].FromString, response_serializer=_serialised
    )


def _serialised(message: Message) -> bytes:
    serialised: bytes = message.SerializeToString()
    return serialised
