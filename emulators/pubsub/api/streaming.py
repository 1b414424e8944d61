"""StreamingPull: messages out, acknowledgements in, over one stream."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import grpc

from emulators.pubsub import wire
from emulators.pubsub.api.configuration import check_ack_deadline
from emulators.pubsub.api.receiving import (
    MAX_RESPONSE_BYTES,
    MAX_RESPONSE_MESSAGES,
    fill,
    require_readable,
    stale_ack_ids,
)
from emulators.pubsub.broker.broker import Broker
from emulators.pubsub.broker.delivery import Consumer
from emulators.pubsub.errors import PubsubError, invalid
from emulators.pubsub.names import project_of
from emulators.pubsub.wire import Message

Write = Callable[[Message], Coroutine[Any, Any, None]]


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
        self._subscription = broker.subscription(request.subscription)
        require_readable(broker, self._subscription)
        check_ack_deadline(request.stream_ack_deadline_seconds)
        self._ack_seconds: int = request.stream_ack_deadline_seconds
        self._max_messages: int = request.max_outstanding_messages
        self._max_bytes: int = request.max_outstanding_bytes
        self._consumer = Consumer()
        self._confirmations: deque[Message] = deque()

    async def run(self, first: Message, requests: AsyncIterator[Message], write: Write) -> None:
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
                require_readable(self._broker, self._subscription)
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
            return self._described(self._confirmations.popleft())
        room = MAX_RESPONSE_MESSAGES
        if self._max_messages > 0:
            room = min(room, self._max_messages - self._consumer.messages)
        size = MAX_RESPONSE_BYTES
        if self._max_bytes > 0:
            size = min(size, self._max_bytes - self._consumer.bytes)
        if room <= 0 or size <= 0:
            return None
        deliveries = self._subscription.take(self._consumer, room, size, self._ack_seconds)
        if not deliveries:
            return None
        response = wire.StreamingPullResponse()
        fill(response, self._subscription, deliveries)
        return self._described(response)

    def _described(self, response: Message) -> Message:
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
        if request.modify_deadline_ack_ids:
            self._modify(request.modify_deadline_ack_ids, request.modify_deadline_seconds)
        if request.ack_ids:
            await self._acknowledge(request.ack_ids)

    def _modify(self, ack_ids: Message, seconds: Message) -> None:
        stale = stale_ack_ids(self._subscription, ack_ids)
        known = {ack_id: length for ack_id, length in zip(ack_ids, seconds, strict=True) if ack_id not in stale}
        result = self._subscription.modify(list(known), list(known.values()))
        self._broker.record_failed(self._subscription, result.failed)
        if self._subscription.is_exactly_once:
            confirmation = wire.StreamingPullResponse()
            confirmation.modify_ack_deadline_confirmation.ack_ids.extend(known)
            confirmation.modify_ack_deadline_confirmation.invalid_ack_ids.extend(stale)
            self._confirm(confirmation)

    async def _acknowledge(self, ack_ids: Message) -> None:
        stale = stale_ack_ids(self._subscription, ack_ids)
        result = self._subscription.backlog.acknowledge([ack_id for ack_id in ack_ids if ack_id not in stale])
        self._broker.record_acked(self._subscription, result.acked)
        if self._subscription.is_exactly_once:
            await self._broker.journal.committed()
            confirmation = wire.StreamingPullResponse()
            confirmation.acknowledge_confirmation.ack_ids.extend(result.accepted)
            confirmation.acknowledge_confirmation.invalid_ack_ids.extend(stale)
            confirmation.acknowledge_confirmation.unordered_ack_ids.extend(result.unordered)
            self._confirm(confirmation)

    def _confirm(self, confirmation: Message) -> None:
        self._confirmations.append(confirmation)
        self._subscription.notify()
