"""StreamingPull: messages out, acknowledgements in, over one stream."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable

import grpc

from emulators.pubsub import wire
from emulators.pubsub.api.configuration import check_ack_deadline
from emulators.pubsub.broker.broker import Broker
from emulators.pubsub.broker.delivery import AckResult, Consumer
from emulators.pubsub.errors import PubsubError, invalid
from emulators.pubsub.names import project_of
from emulators.pubsub.wire import Message


class StreamingPull:
    """One stream of one subscription.

    A message counts against the stream's flow control from when it is sent until it is acknowledged, given back or its
    lease ends.

    Args:
        broker: The state of the emulator.
        request: The first request, which names the subscription and the limits.

    Raises:
        PubsubError: NOT_FOUND, or INVALID_ARGUMENT for limits that make no sense.
    """

    def __init__(self, broker: Broker, request: Message) -> None:
        project_of(request.subscription, "subscriptions")
        self._broker = broker
        self._subscription = broker.subscriptions[request.subscription]
        broker.require_readable(self._subscription)
        check_ack_deadline(request.stream_ack_deadline_seconds)
        self._ack_seconds: int = request.stream_ack_deadline_seconds
        self._max_messages: int = request.max_outstanding_messages
        self._max_bytes: int = request.max_outstanding_bytes
        self._consumer = Consumer()
        self._confirmations: deque[Message] = deque()

    async def run(
        self, first: Message, requests: AsyncIterator[Message], write: Callable[[Message], Awaitable[None]]
    ) -> None:
        """Serve the stream until the client ends it.

        Raises:
            PubsubError: The subscription is gone, a request is wrong, or the emulator stops (UNAVAILABLE).
        """
        await self._apply_acks(first)
        reader = asyncio.create_task(self._read(requests))
        reader.add_done_callback(lambda _: self._subscription.notify())
        try:
            while not reader.done():
                # Before each wait: what happens while a response is written wakes nobody.
                self._broker.require_readable(self._subscription)
                if self._broker.is_closing:
                    raise PubsubError(grpc.StatusCode.UNAVAILABLE, "The Pub/Sub emulator stops.")
                response = self._next_response()
                if response is not None:
                    await write(response)
                    continue
                await self._subscription.changed()
            await reader
        finally:
            reader.cancel()

    def _next_response(self) -> Message | None:
        if self._confirmations:
            response = self._confirmations.popleft()
        else:
            response = wire.StreamingPullResponse()
            is_any = self._subscription.deliver(
                response,
                self._consumer,
                max_messages=self._max_messages - self._consumer.messages if self._max_messages > 0 else None,
                max_bytes=self._max_bytes - self._consumer.bytes if self._max_bytes > 0 else None,
                ack_seconds=self._ack_seconds,
            )
            if not is_any:
                return None
        config = self._subscription.config
        response.subscription_properties.exactly_once_delivery_enabled = config.enable_exactly_once_delivery
        response.subscription_properties.message_ordering_enabled = config.enable_message_ordering
        return response

    async def _read(self, requests: AsyncIterator[Message]) -> None:
        async for request in requests:
            if request.subscription:
                raise invalid("Only the first request of a stream may name the subscription.")
            if request.max_outstanding_messages or request.max_outstanding_bytes:
                raise invalid("Flow control can only be set in the first request of a stream.")
            if request.stream_ack_deadline_seconds:
                check_ack_deadline(request.stream_ack_deadline_seconds)
                self._ack_seconds = request.stream_ack_deadline_seconds
            await self._apply_acks(request)

    async def _apply_acks(self, request: Message) -> None:
        if len(request.modify_deadline_ack_ids) != len(request.modify_deadline_seconds):
            raise invalid("modify_deadline_seconds and modify_deadline_ack_ids must have the same length.")
        for seconds in request.modify_deadline_seconds:
            check_ack_deadline(seconds, least=0)
        modified, acked = AckResult(), AckResult()
        if request.modify_deadline_ack_ids:
            modified = self._broker.modify(
                self._subscription, request.modify_deadline_ack_ids, request.modify_deadline_seconds
            )
        if request.ack_ids:
            acked = self._broker.acknowledge(self._subscription, request.ack_ids)
        if self._subscription.config.enable_exactly_once_delivery:
            await self._confirm(modified, acked)

    async def _confirm(self, modified: AckResult, acked: AckResult) -> None:
        response = wire.StreamingPullResponse()
        if modified.accepted or modified.stale:
            response.modify_ack_deadline_confirmation.ack_ids.extend(modified.accepted)
            response.modify_ack_deadline_confirmation.invalid_ack_ids.extend(modified.stale)
        if acked.accepted or acked.stale or acked.unordered:
            response.acknowledge_confirmation.ack_ids.extend(acked.accepted)
            response.acknowledge_confirmation.invalid_ack_ids.extend(acked.stale)
            response.acknowledge_confirmation.unordered_ack_ids.extend(acked.unordered)
            await self._broker.journal.committed()
        if response.ListFields():
            self._confirmations.append(response)
            self._subscription.notify()
