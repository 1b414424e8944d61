"""The service google.pubsub.v1.Publisher."""

from __future__ import annotations

import grpc
from google.protobuf import empty_pb2

from emulators.pubsub import wire
from emulators.pubsub.api.configuration import check_topic, updated
from emulators.pubsub.api.paging import page_of
from emulators.pubsub.api.publishing import check_publish
from emulators.pubsub.api.service import Service
from emulators.pubsub.names import project_of
from emulators.pubsub.wire import Message


class Publisher(Service):
    """Topics and what is published to them."""

    async def create_topic(self, request: Message, _: grpc.aio.ServicerContext) -> Message:
        """Serve CreateTopic."""
        self._require_served(request.name, "topics")
        check_topic(request)
        request.state = request.ACTIVE
        self._broker.create_topic(request)
        await self._broker.journal.committed()
        return request

    async def update_topic(self, request: Message, _: grpc.aio.ServicerContext) -> Message:
        """Serve UpdateTopic."""
        topic = self._broker.topic(request.topic.name)
        config = updated(topic.config, request.topic, request.update_mask.paths)
        check_topic(config)
        self._broker.update_topic(topic, config)
        await self._broker.journal.committed()
        return config

    async def get_topic(self, request: Message, _: grpc.aio.ServicerContext) -> Message:
        """Serve GetTopic."""
        project_of(request.topic, "topics")
        return self._broker.topic(request.topic).config

    async def list_topics(self, request: Message, _: grpc.aio.ServicerContext) -> Message:
        """Serve ListTopics."""
        names, token = self._page_of_project(request, self._broker.topics)
        return wire.ListTopicsResponse(
            topics=[self._broker.topics[name].config for name in names], next_page_token=token
        )

    async def list_topic_subscriptions(self, request: Message, _: grpc.aio.ServicerContext) -> Message:
        """Serve ListTopicSubscriptions."""
        topic = self._broker.topic(request.topic)
        attached = (subscription.config.name for subscription in topic.subscriptions)
        names, token = page_of(attached, request.page_size, request.page_token)
        return wire.ListTopicSubscriptionsResponse(subscriptions=names, next_page_token=token)

    async def list_topic_snapshots(self, request: Message, _: grpc.aio.ServicerContext) -> Message:
        """Serve ListTopicSnapshots."""
        topic = self._broker.topic(request.topic)
        kept = (snapshot.config.name for snapshot in topic.snapshots)
        names, token = page_of(kept, request.page_size, request.page_token)
        return wire.ListTopicSnapshotsResponse(snapshots=names, next_page_token=token)

    async def delete_topic(self, request: Message, _: grpc.aio.ServicerContext) -> Message:
        """Serve DeleteTopic."""
        self._broker.delete_topic(self._broker.topic(request.topic))
        await self._broker.journal.committed()
        return empty_pb2.Empty()

    async def detach_subscription(self, request: Message, _: grpc.aio.ServicerContext) -> Message:
        """Serve DetachSubscription."""
        self._broker.detach_subscription(self._broker.subscription(request.subscription))
        await self._broker.journal.committed()
        return wire.DetachSubscriptionResponse()

    async def publish(self, request: Message, _: grpc.aio.ServicerContext) -> Message:
        """Serve Publish: answered once the messages are durable."""
        topic = self._broker.topic(request.topic)
        check_publish(request)
        ids = self._broker.publish(topic, request)
        await self._broker.journal.committed()
        return wire.PublishResponse(message_ids=map(str, ids))
