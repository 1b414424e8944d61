"""The gRPC server: methods as handlers, and errors as status codes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import grpc

from emulators.guard.iam import Access, calling
from emulators.pubsub.api.methods import STREAMING_PULL, Method
from emulators.pubsub.api.permissions import require
from emulators.pubsub.api.streaming import StreamingPull
from emulators.pubsub.broker.broker import Broker
from emulators.pubsub.errors import PubsubError, unsupported_method
from emulators.pubsub.wire import Message, type_of

_OPTIONS = (
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", 32 * 1024 * 1024),
    ("grpc.max_send_message_length", -1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
)


def create_server(broker: Broker, methods: Mapping[str, Method], access: Access) -> grpc.aio.Server:
    """Return a server of StreamingPull and of the unary methods, not yet bound to an address."""
    server = grpc.aio.server(options=_OPTIONS)
    handlers = {f"/{name}": _unary(method, access) for name, method in methods.items()}
    handlers[f"/{STREAMING_PULL}"] = _streaming_pull(broker, access)
    server.add_generic_rpc_handlers([_Handlers(handlers)])
    return server


class _Handlers:
    """Finds the handler of a method, as a grpc.GenericRpcHandler does; any other is UNIMPLEMENTED by its name."""

    def __init__(self, handlers: Mapping[str, Any]) -> None:
        self._handlers = handlers

    def service(self, call: grpc.HandlerCallDetails) -> Any:
        """Return the handler of a call."""
        return self._handlers.get(call.method) or _refusing(unsupported_method(call.method.removeprefix("/")))


def _refusing(error: PubsubError) -> Any:
    async def refuse(_: AsyncIterator[bytes], context: grpc.aio.ServicerContext) -> None:
        await context.abort(error.code, error.message)

    # On the wire a unary call is a stream of one message: this serves every kind of method.
    return grpc.stream_stream_rpc_method_handler(refuse)


def _unary(method: Method, access: Access) -> Any:
    async def answer(request: Message, context: grpc.aio.ServicerContext) -> Message:
        try:
            with calling(access.caller_of_metadata(context.invocation_metadata())):
                return await method.answer(request)
        except PubsubError as error:
            await context.abort(error.code, error.message, error.trailing_metadata())

    return grpc.unary_unary_rpc_method_handler(
        answer, request_deserializer=method.request_type.FromString, response_serializer=_serialised
    )


def _streaming_pull(broker: Broker, access: Access) -> Any:
    async def answer(requests: AsyncIterator[Message], context: grpc.aio.ServicerContext) -> None:
        try:
            first = await anext(requests, None)
            if first is not None:
                with calling(access.caller_of_metadata(context.invocation_metadata())):
                    require(STREAMING_PULL, first)
                    await StreamingPull(broker, first).run(first, requests, context.write)
        except PubsubError as error:
            await context.abort(error.code, error.message, error.trailing_metadata())

    return grpc.stream_stream_rpc_method_handler(
        answer, request_deserializer=type_of["StreamingPullRequest"].FromString, response_serializer=_serialised
    )


def _serialised(message: Message) -> bytes:
    serialised: bytes = message.SerializeToString()
    return serialised
