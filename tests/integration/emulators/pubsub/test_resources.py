"""Topics, subscriptions and snapshots: create, get, list, update, delete."""

import grpc
import pytest
from google.api_core import exceptions
from google.pubsub_v1.types import Subscription

from tests.integration.emulators.pubsub.targets import CALL, OURS, Target


def test_topic_lives_and_dies(target: Target) -> None:
    name = target.name("topics")
    created = target.publisher.create_topic(request={"name": name, "labels": {"team": "web"}}, **CALL)
    assert created.name == name
    assert target.publisher.get_topic(topic=name, **CALL).labels == {"team": "web"}
    assert name in [topic.name for topic in target.publisher.list_topics(project=target.project, **CALL)]
    target.publisher.delete_topic(topic=name, **CALL)
    with pytest.raises(exceptions.NotFound):
        target.publisher.get_topic(topic=name, **CALL)
    assert name not in [topic.name for topic in target.publisher.list_topics(project=target.project, **CALL)]


def test_topic_retention_is_updated(target: Target) -> None:
    topic = target.topic()
    request = {
        "topic": {"name": topic, "message_retention_duration": {"seconds": 3600}},
        "update_mask": {"paths": ["message_retention_duration"]},
    }
    updated = target.publisher.update_topic(request=request, **CALL)
    assert updated.message_retention_duration.seconds == 3600
    assert target.publisher.get_topic(topic=topic, **CALL) == updated


def test_topic_labels_are_updated(target: Target) -> None:
    topic = target.topic(labels={"old": "1"})
    request = {"topic": {"name": topic, "labels": {"new": "2"}}, "update_mask": {"paths": ["labels"]}}
    assert target.publisher.update_topic(request=request, **CALL).labels == {"new": "2"}


def test_subscription_has_the_service_defaults(target: Target) -> None:
    topic, subscription = target.pair()
    found = target.subscriber.get_subscription(subscription=subscription, **CALL)
    assert (found.topic, found.ack_deadline_seconds) == (topic, 10)
    assert found.message_retention_duration.total_seconds() == 7 * 86_400
    assert not found.retain_acked_messages


def test_subscriptions_are_listed_by_project_and_by_topic(target: Target) -> None:
    topic, first = target.pair()
    second = target.subscription(topic)
    other_topic, other = target.pair()
    by_topic = set(target.publisher.list_topic_subscriptions(topic=topic, **CALL))
    by_project = {found.name for found in target.subscriber.list_subscriptions(project=target.project, **CALL)}
    assert by_topic == {first, second}
    assert {first, second, other} <= by_project
    assert set(target.publisher.list_topic_subscriptions(topic=other_topic, **CALL)) == {other}


def test_lists_come_in_pages(target: Target) -> None:
    topic = target.topic()
    names = {target.subscription(topic) for _ in range(5)}
    pager = target.publisher.list_topic_subscriptions(request={"topic": topic, "page_size": 2}, **CALL)
    pages = [list(page.subscriptions) for page in pager.pages]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert {name for page in pages for name in page} == names


def test_update_changes_the_masked_fields_only(target: Target) -> None:
    topic, subscription = target.pair(labels={"a": "b"}, ack_deadline_seconds=20)
    request = {
        "subscription": {"name": subscription, "topic": topic, "ack_deadline_seconds": 30, "labels": {"x": "y"}},
        "update_mask": {"paths": ["ack_deadline_seconds"]},
    }
    updated = target.subscriber.update_subscription(request=request, **CALL)
    assert (updated.ack_deadline_seconds, dict(updated.labels)) == (30, {"a": "b"})


def test_update_clears_a_policy(target: Target) -> None:
    _, subscription = target.pair(retry_policy={"minimum_backoff": {"seconds": 1}})
    request = {"subscription": {"name": subscription}, "update_mask": {"paths": ["retry_policy"]}}
    updated = target.subscriber.update_subscription(request=request, **CALL)
    assert "retry_policy" not in updated
    assert "retry_policy" not in target.subscriber.get_subscription(subscription=subscription, **CALL)


@pytest.mark.parametrize("field", ["topic", "filter", "enable_message_ordering", "no_such_field"])
def test_update_refuses_other_fields(target: Target, field: str) -> None:
    _, subscription = target.pair()
    request = {"subscription": {"name": subscription}, "update_mask": {"paths": [field]}}
    with pytest.raises(exceptions.InvalidArgument):
        target.subscriber.update_subscription(request=request, **CALL)


def test_update_needs_a_mask(target: Target) -> None:
    topic, subscription = target.pair()
    with pytest.raises(exceptions.InvalidArgument, match="update_mask"):
        target.subscriber.update_subscription(request={"subscription": {"name": subscription}}, **CALL)
    with pytest.raises(exceptions.InvalidArgument, match="update_mask"):
        target.publisher.update_topic(request={"topic": {"name": topic}}, **CALL)


def test_subscription_outlives_its_topic(target: Target) -> None:
    topic, subscription = target.pair()
    target.publish(topic, b"before")
    target.publisher.delete_topic(topic=topic, **CALL)
    assert target.subscriber.get_subscription(subscription=subscription, **CALL).topic == "_deleted-topic_"
    (received,) = target.pull(subscription, 1)
    assert received.message.data == b"before"


def test_topic_made_anew_is_another_topic(target: Target) -> None:
    topic, old = target.pair()
    target.publisher.delete_topic(topic=topic, **CALL)
    target.publisher.create_topic(name=topic, **CALL)
    new = target.subscription(topic)
    target.publish(topic, b"new")
    target.ack(new, target.pull(new, 1))
    assert target.pull_once(old) == []
    assert list(target.publisher.list_topic_subscriptions(topic=topic, **CALL)) == [new]


def test_deleted_subscription_is_gone(target: Target) -> None:
    topic, subscription = target.pair()
    target.publish(topic, b"lost with it")
    target.subscriber.delete_subscription(subscription=subscription, **CALL)
    with pytest.raises(exceptions.NotFound):
        target.pull_once(subscription)
    target.subscriber.create_subscription(name=subscription, topic=topic, **CALL)
    assert target.pull_once(subscription) == []


def test_detached_subscription_keeps_only_its_settings(target: Target) -> None:
    topic, subscription = target.pair()
    target.publish(topic, b"dropped")
    target.publisher.detach_subscription(request={"subscription": subscription}, **CALL)
    found = target.subscriber.get_subscription(subscription=subscription, **CALL)
    assert isinstance(found, Subscription)
    assert found.detached
    with pytest.raises(exceptions.FailedPrecondition):
        target.pull_once(subscription)
    assert list(target.publisher.list_topic_subscriptions(topic=topic, **CALL)) == []


def test_snapshot_lives_and_dies(target: Target) -> None:
    topic, subscription = target.pair()
    name = target.name("snapshots")
    created = target.subscriber.create_snapshot(name=name, subscription=subscription, **CALL)
    assert (created.name, created.topic) == (name, topic)
    assert target.subscriber.get_snapshot(snapshot=name, **CALL).expire_time == created.expire_time
    assert name in [kept.name for kept in target.subscriber.list_snapshots(project=target.project, **CALL)]
    with pytest.raises(exceptions.AlreadyExists):
        target.subscriber.create_snapshot(name=name, subscription=subscription, **CALL)
    target.subscriber.delete_snapshot(snapshot=name, **CALL)
    with pytest.raises(exceptions.NotFound):
        target.subscriber.get_snapshot(snapshot=name, **CALL)


def test_schema_service_is_unimplemented(target: Target) -> None:
    from google.pubsub_v1 import SchemaServiceClient
    from google.pubsub_v1.services.schema_service.transports import SchemaServiceGrpcTransport

    client = SchemaServiceClient(transport=SchemaServiceGrpcTransport(channel=target.publisher.transport.grpc_channel))
    name = target.name("schemas")
    calls = {
        "CreateSchema": lambda: client.create_schema(parent=target.project, schema={}, schema_id="ab1", **CALL),
        "GetSchema": lambda: client.get_schema(name=name, **CALL),
        "CommitSchema": lambda: client.commit_schema(name=name, schema={}, **CALL),
    }
    for method, call in calls.items():
        with pytest.raises(exceptions.MethodNotImplemented, match=rf"google\.pubsub\.v1\.SchemaService/{method}\b"):
            call()


def test_no_schemas_are_listed(target: Target) -> None:
    from google.pubsub_v1 import SchemaServiceClient
    from google.pubsub_v1.services.schema_service.transports import SchemaServiceGrpcTransport

    transport = SchemaServiceGrpcTransport(channel=target.publisher.transport.grpc_channel)
    assert list(SchemaServiceClient(transport=transport).list_schemas(parent=target.project, **CALL)) == []


@OURS
def test_unknown_methods_are_named(target: Target) -> None:
    channel = target.publisher.transport.grpc_channel
    for method in ("google.iam.v1.IAMPolicy/GetIamPolicy", "google.pubsub.v1.Publisher/NoSuchMethod"):
        calls = (
            lambda method=method: channel.unary_unary(f"/{method}")(b"", timeout=15),
            lambda method=method: list(channel.unary_stream(f"/{method}")(b"", timeout=15)),
            lambda method=method: list(channel.stream_stream(f"/{method}")(iter([b""]), timeout=15)),
        )
        for call in calls:
            with pytest.raises(grpc.RpcError) as refused:
                call()
            assert refused.value.code() == grpc.StatusCode.UNIMPLEMENTED
            assert method in refused.value.details()
