"""The service google.pubsub.v1.Subscriber, StreamingPull aside."""

from __future__ import annotations

import asyncio
import contextlib

import grpc
from google.protobuf import empty_pb2

from emulators.pubsub import wire
from emulators.pubsub.api.configuration import check_ack_deadline, complete_subscription, updated
from emulators.pubsub.api.service import Service
from emulators.pubsub.broker.delivery import AckResult, Consumer
from emulators.pubsub.broker.resources import Subscription
from emulators.pubsub.errors import PubsubError, failed_precondition, invalid, require_between, unsupported
from emulators.pubsub.names import project_of
from emulators.pubsub.wire import Message

PULL_WAIT_SECONDS = 30.0
"""How long a Pull waits for a first message before it is answered empty."""

#: Of an AcknowledgeRequest or a ModifyAckDeadlineRequest, cf. https://cloud.google.com/pubsub/quotas#resource_limits.
_MAX_ACKNOWLEDGEMENT_BYTES = 524_288


class Subscriber(Service):
    """Subscriptions, snapshots and the unary ways to receive."""

    async def create_subscription(self, request: Message) -> Message:
        """Serve CreateSubscription."""
        self._require_served(project_of(request.name, "subscriptions"))
        complete_subscription(request)
        request.detached = False
        topic = self._broker.topics[request.topic]
        self._require_dead_letter_topic(request)
        subscription = self._broker.create_subscription(request, topic)
        await self._broker.journal.committed()
        return subscription.described()

    async def get_subscription(self, request: Message) -> Message:
        """Serve GetSubscription."""
        project_of(request.subscription, "subscriptions")
        return self._broker.subscriptions[request.subscription].described()

    async def update_subscription(self, request: Message) -> Message:
        """Serve UpdateSubscription."""
        subscription = self._broker.subscriptions[request.subscription.name]
        config = updated(subscription.config, request.subscription, request.update_mask.paths)
        complete_subscription(config)
        self._require_dead_letter_topic(config)
        self._broker.update(subscription, config)
        await self._broker.journal.committed()
        return subscription.described()

    async def list_subscriptions(self, request: Message) -> Message:
        """Serve ListSubscriptions."""
        names, token = self._page_of_project(request, self._broker.subscriptions)
        return wire.ListSubscriptionsResponse(
            subscriptions=[self._broker.subscriptions[name].described() for name in names], next_page_token=token
        )

    async def delete_subscription(self, request: Message) -> Message:
        """Serve DeleteSubscription."""
        self._broker.delete_subscription(self._broker.subscriptions[request.subscription])
        await self._broker.journal.committed()
        return empty_pb2.Empty()

    async def modify_push_config(self, request: Message) -> Message:
        """Serve ModifyPushConfig: a subscription here is always pulled."""
        self._broker.subscriptions[request.subscription]  # NOT_FOUND where there is none
        if request.push_config.push_endpoint:
            raise unsupported("push subscriptions")
        return empty_pb2.Empty()

    async def pull(self, request: Message) -> Message:
        """Serve Pull: answered with at least one message, or empty after a while (at once with return_immediately)."""
        subscription = self._readable(request.subscription)
        require_between("max_messages", request.max_messages, 1, float("inf"))
        response = wire.PullResponse()
        consumer = Consumer()
        clock = asyncio.get_running_loop().time
        ends = clock() + (0 if request.return_immediately else PULL_WAIT_SECONDS)
        while not subscription.deliver(response, consumer, max_messages=request.max_messages):
            left = ends - clock()
            if left <= 0 or self._broker.is_closing:
                break
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(subscription.changed(), left)
            self._broker.require_readable(subscription)
        return response

    async def acknowledge(self, request: Message) -> Message:
        """Serve Acknowledge: answered once it is durable."""
        subscription = self._readable(request.subscription)
        _check_acknowledgement(request)
        result = self._broker.acknowledge(subscription, request.ack_ids)
        await self._broker.journal.committed()
        _require_accepted(subscription, result)
        return empty_pb2.Empty()

    async def modify_ack_deadline(self, request: Message) -> Message:
        """Serve ModifyAckDeadline: 0 seconds give the messages back at once."""
        subscription = self._readable(request.subscription)
        ack_ids = request.ack_ids
        _check_acknowledgement(request)
        check_ack_deadline(request.ack_deadline_seconds, least=0)
        result = self._broker.modify(subscription, ack_ids, [request.ack_deadline_seconds] * len(ack_ids))
        _require_accepted(subscription, result)
        return empty_pb2.Empty()

    async def create_snapshot(self, request: Message) -> Message:
        """Serve CreateSnapshot."""
        self._require_served(project_of(request.name, "snapshots"))
        subscription = self._readable(request.subscription)
        config = wire.Snapshot(name=request.name, topic=subscription.topic.name, labels=request.labels)
        self._broker.create_snapshot(config, subscription)
        await self._broker.journal.committed()
        return config

    async def get_snapshot(self, request: Message) -> Message:
        """Serve GetSnapshot."""
        return self._broker.snapshots[request.snapshot].config

    async def list_snapshots(self, request: Message) -> Message:
        """Serve ListSnapshots."""
        names, token = self._page_of_project(request, self._broker.snapshots)
        return wire.ListSnapshotsResponse(
            snapshots=[self._broker.snapshots[name].config for name in names], next_page_token=token
        )

    async def update_snapshot(self, request: Message) -> Message:
        """Serve UpdateSnapshot."""
        snapshot = self._broker.snapshots[request.snapshot.name]
        config = updated(snapshot.config, request.snapshot, request.update_mask.paths)
        self._broker.update(snapshot, config)
        await self._broker.journal.committed()
        return config

    async def delete_snapshot(self, request: Message) -> Message:
        """Serve DeleteSnapshot."""
        self._broker.delete_snapshot(self._broker.snapshots[request.snapshot])
        await self._broker.journal.committed()
        return empty_pb2.Empty()

    async def seek(self, request: Message) -> Message:
        """Serve Seek, to a time or a snapshot: every lease ends."""
        subscription = self._readable(request.subscription)
        target = request.WhichOneof("target")
        if target == "time":
            position = subscription.position_at(request.time.ToMicroseconds())
        elif target == "snapshot":
            snapshot = self._broker.snapshots[request.snapshot]
            if snapshot.topic is not subscription.topic:
                raise failed_precondition(
                    f"The snapshot {snapshot.config.name} and the subscription {subscription.config.name} are not of "
                    "the same topic."
                )
            position = snapshot.position
        else:
            raise invalid("No target was specified in the SeekRequest. Must specify either a time or a snapshot.")
        self._broker.seek(subscription, position)
        await self._broker.journal.committed()
        return wire.SeekResponse()

    def _readable(self, name: str) -> Subscription:
        project_of(name, "subscriptions")
        subscription = self._broker.subscriptions[name]
        self._broker.require_readable(subscription)
        return subscription

    def _require_dead_letter_topic(self, config: Message) -> None:
        if config.HasField("dead_letter_policy"):
            self._broker.topics[config.dead_letter_policy.dead_letter_topic]  # NOT_FOUND where there is none


def _require_accepted(subscription: Subscription, result: AckResult) -> None:
    """Refuse with the reason of each ack id; only exactly-once delivery tells.

    cf. https://cloud.google.com/pubsub/docs/exactly-once-delivery and googleapis/nodejs-pubsub#1951, read 2026-11.
    """
    if not subscription.config.enable_exactly_once_delivery:
        return
    reasons = dict.fromkeys(result.stale, "PERMANENT_FAILURE_INVALID_ACK_ID")
    reasons |= dict.fromkeys(result.unordered, "TRANSIENT_FAILURE_UNORDERED_ACK_ID")
    if result.stale:
        raise PubsubError(
            grpc.StatusCode.INVALID_ARGUMENT,
            "Some acknowledgement ids in the request were invalid. This could be because the acknowledgement ids have "
            "expired or the acknowledgement ids were malformed.",
            reasons,
        )
    if result.unordered:
        raise failed_precondition("Some acknowledgement ids in the request were sent out of order.", reasons)


def _check_acknowledgement(request: Message) -> None:
    require_between("ack_ids", len(request.ack_ids), 1, float("inf"))
    require_between("request_size", request.ByteSize(), 0, _MAX_ACKNOWLEDGEMENT_BYTES)
