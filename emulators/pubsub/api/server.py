"""The gRPC server: which method is which coroutine, and errors as status codes."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from typing import Any

import grpc

from emulators.pubsub.api.publisher import Publisher, SchemaService
from emulators.pubsub.api.service import Service
from emulators.pubsub.api.streaming import StreamingPull
from emulators.pubsub.api.subscriber import Subscriber
from emulators.pubsub.broker.broker import Broker
from emulators.pubsub.errors import PubsubError, unsupported
from emulators.pubsub.wire import Message, type_of

_OPTIONS = (
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", 32 * 1024 * 1024),
    ("grpc.max_send_message_length", -1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
)


def create_server(broker: Broker, projects: Collection[str] = ()) -> grpc.aio.Server:
    """Return a server of the services, not yet bound to an address."""
    server = grpc.aio.server(options=_OPTIONS)
    for service in (Publisher, Subscriber, SchemaService):
        handlers = _unary_handlers(service(broker, projects))
        if service is Subscriber:
            handlers["StreamingPull"] = _streaming_pull(broker)
        handler = grpc.method_handlers_generic_handler(f"google.pubsub.v1.{service.__name__}", handlers)
        server.add_generic_rpc_handlers([handler])
    server.add_generic_rpc_handlers([_Unimplemented()])
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


def _unary_handlers(service: Service) -> dict[str, Any]:
    handlers = {}
    for name, method in inspect.getmembers(service, inspect.iscoroutinefunction):
        rpc = name.title().replace("_", "")
        # CreateTopic and CreateSubscription take the resource itself.
        request_type = type_of.get(f"{rpc}Request") or type_of[rpc.removeprefix("Create")]
        handlers[rpc] = grpc.unary_unary_rpc_method_handler(
            _answering(method), request_deserializer=request_type.FromString, response_serializer=_serialised
        )
    return handlers


def _answering(method: Callable[[Message], Awaitable[Message]]) -> Any:
    async def answer(request: Message, context: grpc.aio.ServicerContext) -> Message:
        try:
            return await method(request)
        except PubsubError as error:
            await context.abort(error.code, error.message, error.trailing_metadata())

    return answer


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
