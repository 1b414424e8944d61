"""The service google.pubsub.v1.Subscriber, StreamingPull aside."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

import grpc
from google.protobuf import empty_pb2

from emulators.pubsub import wire
from emulators.pubsub.api.configuration import check_ack_deadline, complete_subscription, updated
from emulators.pubsub.api.receiving import (
    MAX_RESPONSE_BYTES,
    MAX_RESPONSE_MESSAGES,
    fill,
    require_readable,
    stale_ack_ids,
)
from emulators.pubsub.api.service import Service
from emulators.pubsub.broker.delivery import Consumer
from emulators.pubsub.broker.resources import Subscription, now_us
from emulators.pubsub.errors import PubsubError, invalid, unsupported
from emulators.pubsub.names import project_of
from emulators.pubsub.wire import Message

PULL_WAIT_SECONDS = 30.0
"""How long a Pull waits for a first message before it is answered empty."""

_SNAPSHOT_US = 7 * 86_400 * 1_000_000


class Subscriber(Service):
    """Subscriptions, snapshots and the unary ways to receive."""

    async def create_subscription(self, request: Message, _: grpc.aio.ServicerContext) -> Message:
        """Serve CreateSubscription."""
        self._require_served(request.name, "subscriptions")
        complete_subscription(request)
        request.detached = False
        topic = self._broker.topic(request.topic)
        self._require_dead_letter_topic(request)
        subscription = self._broker.create_subscription(request, topic)
        await self._broker.journal.committed()
        return subscription.described()

    async def get_subscription(self, request: Message, _: grpc.aio.ServicerContext) -> Message:
        """Serve GetSubscription."""
        project_of(request.subscription, "subscriptions")
        return self._broker.subscription(request.subscription).described()

    async def update_subscription(self, request: Message, _: grpc.aio.ServicerContext) -> Message:
        """Serve UpdateSubscription."""
        subscription = self._broker.subscription(request.subscription.name)
        config = updated(subscription.config, request.subscription, request.update_mask.paths)
        complete_subscription(config)
        self._require_dead_letter_topic(config)
        self._broker.update_subscription(subscription, config)
        await self._broker.journal.committed()
        return subscription.described()

    async def list_subscriptions(self, request: Message, _: grpc.aio.ServicerContext) -> Message:
        """Serve ListSubscriptions."""
        names, token = self._page_of_project(request, self._broker.subscriptions)
        return wire.ListSubscriptionsResponse(
            subscriptions=[self._broker.subscriptions[name].described() for name in names], next_page_token=token
        )

    async def delete_subscription(self, request: Message, _: grpc.aio.ServicerContext) -> Message:
        """Serve DeleteSubscription."""
        self._broker.delete_subscription(self._broker.subscription(request.subscription))
        await self._broker.journal.committed()
        return empty_pb2.Empty()

    async def modify_push_config(self, request: Message, _: grpc.aio.ServicerContext) -> Message:
        """Serve ModifyPushConfig: a subscription here is always pulled."""
        self._broker.subscription(request.subscription)
        if request.push_config.push_endpoint:
            raise unsupported("push subscriptions")
        return empty_pb2.Empty()

    async def pull(self, request: Message, _: grpc.aio.ServicerContext) -> Message:
        """Serve Pull: answered with at least one message, or empty after a while (at once with return_immediately)."""
        subscription = self._readable(request.subscription)
        if request.max_messages <= 0:
            raise invalid(
                f"The value for max_messages is too small. You passed {request.max_messages} in the request, but the "
                "minimum value is 1."
            )
        limit = min(request.max_messages, MAX_RESPONSE_MESSAGES)
        response = wire.PullResponse()
        consumer = Consumer()
        ends = asyncio.get_running_loop().time() + (0 if request.return_immediately else PULL_WAIT_SECONDS)
        while True:
            deliveries = subscription.take(
                consumer, limit, MAX_RESPONSE_BYTES, subscription.config.ack_deadline_seconds
            )
            if deliveries:
                fill(response, subscription, deliveries)
                return response
            left = ends - asyncio.get_running_loop().time()
            if left <= 0 or self._broker.is_closing:
                return response
            changed = subscription.changed()
            try:
                await asyncio.wait([changed], timeout=left)
            finally:
                changed.cancel()
            require_readable(self._broker, subscription)

    async def acknowledge(self, request: Message, _: grpc.aio.ServicerContext) -> Message:
        """Serve Acknowledge: answered once it is durable."""
        subscription = self._readable(request.subscription)
        ack_ids = _some(request.ack_ids)
        stale = stale_ack_ids(subscription, ack_ids)
        result = subscription.backlog.acknowledge([ack_id for ack_id in ack_ids if ack_id not in stale])
        self._broker.record_acked(subscription, result.acked)
        await self._broker.journal.committed()
        _refuse(stale, result.unordered if subscription.is_exactly_once else ())
        return empty_pb2.Empty()

    async def modify_ack_deadline(self, request: Message, _: grpc.aio.ServicerContext) -> Message:
        """Serve ModifyAckDeadline: 0 seconds give the messages back at once."""
        subscription = self._readable(request.subscription)
        ack_ids = _some(request.ack_ids)
        check_ack_deadline(request.ack_deadline_seconds, least=0)
        stale = stale_ack_ids(subscription, ack_ids)
        known = [ack_id for ack_id in ack_ids if ack_id not in stale]
        result = subscription.modify(known, [request.ack_deadline_seconds] * len(known))
        self._broker.record_failed(subscription, result.failed)
        _refuse(stale)
        return empty_pb2.Empty()

    async def create_snapshot(self, request: Message, _: grpc.aio.ServicerContext) -> Message:
        """Serve CreateSnapshot."""
        self._require_served(request.name, "snapshots")
        subscription = self._readable(request.subscription)
        config = wire.Snapshot(name=request.name, topic=subscription.topic.name, labels=request.labels)
        config.expire_time.FromMicroseconds(now_us() + _SNAPSHOT_US)
        self._broker.create_snapshot(config, subscription)
        await self._broker.journal.committed()
        return config

    async def get_snapshot(self, request: Message, _: grpc.aio.ServicerContext) -> Message:
        """Serve GetSnapshot."""
        return self._broker.snapshot(request.snapshot).config

    async def list_snapshots(self, request: Message, _: grpc.aio.ServicerContext) -> Message:
        """Serve ListSnapshots."""
        names, token = self._page_of_project(request, self._broker.snapshots)
        return wire.ListSnapshotsResponse(
            snapshots=[self._broker.snapshots[name].config for name in names], next_page_token=token
        )

    async def update_snapshot(self, request: Message, _: grpc.aio.ServicerContext) -> Message:
        """Serve UpdateSnapshot."""
        snapshot = self._broker.snapshot(request.snapshot.name)
        config = updated(snapshot.config, request.snapshot, request.update_mask.paths)
        self._broker.update_snapshot(snapshot, config)
        await self._broker.journal.committed()
        return config

    async def delete_snapshot(self, request: Message, _: grpc.aio.ServicerContext) -> Message:
        """Serve DeleteSnapshot."""
        self._broker.delete_snapshot(self._broker.snapshot(request.snapshot))
        await self._broker.journal.committed()
        return empty_pb2.Empty()

    async def seek(self, request: Message, _: grpc.aio.ServicerContext) -> Message:
        """Serve Seek, to a time or a snapshot: every lease ends."""
        subscription = self._readable(request.subscription)
        target = request.WhichOneof("target")
        if target == "time":
            subscription.seek_time(request.time.ToMicroseconds())
        elif target == "snapshot":
            snapshot = self._broker.snapshot(request.snapshot)
            if snapshot.topic is not subscription.topic:
                raise PubsubError(
                    grpc.StatusCode.FAILED_PRECONDITION,
                    f"The snapshot {snapshot.config.name} and the subscription {subscription.config.name} are not of "
                    "the same topic.",
                )
            subscription.backlog.seek(snapshot.position)
        else:
            raise invalid("No target was specified in the SeekRequest. Must specify either a time or a snapshot.")
        self._broker.compact(subscription)
        subscription.schedule()
        subscription.notify()
        await self._broker.journal.committed()
        return wire.SeekResponse()

    def _readable(self, name: str) -> Subscription:
        project_of(name, "subscriptions")
        subscription = self._broker.subscription(name)
        require_readable(self._broker, subscription)
        return subscription

    def _require_dead_letter_topic(self, config: Message) -> None:
        if config.HasField("dead_letter_policy"):
            self._broker.topic(config.dead_letter_policy.dead_letter_topic)


def _some(ack_ids: Sequence[str]) -> Sequence[str]:
    if not ack_ids:
        raise invalid("The request must name at least one ack ID (argument=ack_ids).")
    return ack_ids


def _refuse(stale: Iterable[str], unordered: Iterable[str] = ()) -> None:
    invalid_ids = dict.fromkeys(stale, "PERMANENT_FAILURE_INVALID_ACK_ID")
    failures = invalid_ids | dict.fromkeys(unordered, "TRANSIENT_FAILURE_UNORDERED_ACK_ID")
    if failures:
        raise PubsubError(
            grpc.StatusCode.FAILED_PRECONDITION,
            "Some acknowledgement ids in the request were invalid. This could be because the acknowledgement ids have "
            "expired or the acknowledgement ids were malformed."
            if invalid_ids
            else "Some acknowledgement ids in the request were out of order: earlier messages of their ordering keys "
            "are not acknowledged yet.",
            failures,
        )
