"""The services google.pubsub.v1.Publisher and SchemaService; of the latter only the empty list."""

from __future__ import annotations

from google.protobuf import empty_pb2

from emulators.pubsub import wire
from emulators.pubsub.api.configuration import check_topic, updated
from emulators.pubsub.api.service import Service, page_of
from emulators.pubsub.errors import failed_precondition, invalid, require_between
from emulators.pubsub.names import project_id, project_of
from emulators.pubsub.wire import Message

# cf. https://cloud.google.com/pubsub/quotas#resource_limits, read 2026-11.
_MAX_MESSAGES = 1000
_MAX_REQUEST_BYTES = 10_000_000
_MAX_ATTRIBUTES = 100
_MAX_KEY_BYTES = 256
_MAX_VALUE_BYTES = 1024
_MAX_ORDERING_KEY_BYTES = 1024


class Publisher(Service):
    """Topics and what is published to them."""

    async def create_topic(self, request: Message) -> Message:
        """Serve CreateTopic."""
        self._require_served(project_of(request.name, "topics"))
        check_topic(request)
        request.state = request.ACTIVE
        self._broker.create_topic(request)
        await self._broker.journal.committed()
        return request

    async def update_topic(self, request: Message) -> Message:
        """Serve UpdateTopic."""
        topic = self._broker.topics[request.topic.name]
        config = updated(topic.config, request.topic, request.update_mask.paths)
        check_topic(config)
        self._broker.update(topic, config)
        await self._broker.journal.committed()
        return config

    async def get_topic(self, request: Message) -> Message:
        """Serve GetTopic."""
        project_of(request.topic, "topics")
        return self._broker.topics[request.topic].config

    async def list_topics(self, request: Message) -> Message:
        """Serve ListTopics."""
        names, token = self._page_of_project(request, self._broker.topics)
        return wire.ListTopicsResponse(
            topics=[self._broker.topics[name].config for name in names], next_page_token=token
        )

    async def list_topic_subscriptions(self, request: Message) -> Message:
        """Serve ListTopicSubscriptions."""
        attached = self._broker.topics[request.topic].subscriptions
        names, token = page_of((subscription.config.name for subscription in attached), request)
        return wire.ListTopicSubscriptionsResponse(subscriptions=names, next_page_token=token)

    async def list_topic_snapshots(self, request: Message) -> Message:
        """Serve ListTopicSnapshots."""
        kept = self._broker.topics[request.topic].snapshots
        names, token = page_of((snapshot.config.name for snapshot in kept), request)
        return wire.ListTopicSnapshotsResponse(snapshots=names, next_page_token=token)

    async def delete_topic(self, request: Message) -> Message:
        """Serve DeleteTopic."""
        self._broker.delete_topic(self._broker.topics[request.topic])
        await self._broker.journal.committed()
        return empty_pb2.Empty()

    async def detach_subscription(self, request: Message) -> Message:
        """Serve DetachSubscription."""
        self._broker.detach_subscription(self._broker.subscriptions[request.subscription])
        await self._broker.journal.committed()
        return wire.DetachSubscriptionResponse()

    async def publish(self, request: Message) -> Message:
        """Serve Publish: answered once the messages are durable."""
        topic = self._broker.topics[request.topic]
        _check_publish(request)
        ids = self._broker.publish(topic, request)
        await self._broker.journal.committed()
        return wire.PublishResponse(message_ids=map(str, ids))


class SchemaService(Service):
    """The schemas of a project: none."""

    async def list_schemas(self, request: Message) -> Message:
        """Serve ListSchemas."""
        self._require_served(project_id(request.parent))
        return wire.ListSchemasResponse()


def _check_publish(request: Message) -> None:
    """Refuse a PublishRequest beyond the service's limits; nothing of it is published."""
    messages = request.messages
    require_between("request_size", request.ByteSize(), 0, _MAX_REQUEST_BYTES)
    require_between("message_count", len(messages), 1, _MAX_MESSAGES)
    key = messages[0].ordering_key
    require_between("ordering_key_size", len(key.encode()), 0, _MAX_ORDERING_KEY_BYTES)
    for message in messages:
        if message.ordering_key != key:
            raise failed_precondition(
                "In a single publish request, all messages must have no ordering key or they must all have the same "
                "ordering key."
            )
        if message.attributes:
            _check_attributes(message.attributes)
        elif not message.data:
            raise invalid(
                "One or more messages in the publish request is empty. Each message must contain either non-empty "
                "data, or at least one attribute."
            )


def _check_attributes(attributes: Message) -> None:
    require_between("attribute_count", len(attributes), 0, _MAX_ATTRIBUTES)
    for key, value in attributes.items():
        if not key:
            raise invalid("One or more messages in the publish request has an attribute with an empty key.")
        if key.startswith("goog"):
            raise invalid(f"The attribute key {key} is reserved: keys must not start with goog.")
        # A character takes at most four bytes: only long texts need to be encoded to be measured.
        if len(key) * 4 > _MAX_KEY_BYTES:
            require_between("attribute_key_size", len(key.encode()), 0, _MAX_KEY_BYTES)
        if len(value) * 4 > _MAX_VALUE_BYTES:
            require_between("attribute_value_size", len(value.encode()), 0, _MAX_VALUE_BYTES)
