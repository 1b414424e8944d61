"""A bucket's notifications reach Pub/Sub, by Google's clients, whatever happens to either."""

import json
import os
import signal
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.api_core.exceptions import Forbidden, NotFound
from google.cloud import storage
from google.pubsub_v1 import PublisherClient, SubscriberClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport
from google.pubsub_v1.types import PubsubMessage
from starlette.testclient import TestClient

from emulators.storage.api import application
from emulators.storage.store import ObjectStore
from local_stack.running import RunningStack, running_stack
from local_stack.waiting import wait_for

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """Emulators of this module alone: some are killed, some are frozen."""
    with running_stack(tmp_path_factory.mktemp("notifications"), airflow=False) as running:
        yield running


@pytest.fixture
def bucket(stack: RunningStack) -> Iterator[storage.Bucket]:
    with stack.storage() as client:
        yield client.create_bucket(f"notified-{uuid.uuid4().hex[:8]}")


class Topic:
    """A topic with a subscription of the same name."""

    def __init__(self, stack: RunningStack, channel: grpc.Channel) -> None:
        self.name = f"objects-{uuid.uuid4().hex[:8]}"
        self._subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
        self._subscription = f"projects/{stack.project}/subscriptions/{self.name}"
        topic = f"projects/{stack.project}/topics/{self.name}"
        PublisherClient(transport=PublisherGrpcTransport(channel=channel)).create_topic(name=topic)
        self._subscriber.create_subscription(name=self._subscription, topic=topic)

    def pull(self) -> list[PubsubMessage]:
        """Take what is there."""
        pulled = self._subscriber.pull(subscription=self._subscription, max_messages=1000, return_immediately=True)
        received = pulled.received_messages
        if received:
            self._subscriber.acknowledge(subscription=self._subscription, ack_ids=[one.ack_id for one in received])
        return [one.message for one in received]

    def messages(self, number: int) -> list[PubsubMessage]:
        """Wait for at least so many messages."""
        found: list[PubsubMessage] = []

        def enough() -> bool:
            found.extend(self.pull())
            return len(found) >= number

        wait_for(enough, seconds=120, what=f"{number} messages of {self.name}", pause=0.1)
        return found


@pytest.fixture
def topic(stack: RunningStack) -> Iterator[Topic]:
    with grpc.insecure_channel(stack.config.pubsub_host) as channel:
        yield Topic(stack, channel)


def test_googles_client_makes_finds_and_deletes_a_config(bucket: storage.Bucket, topic: Topic) -> None:
    made = bucket.notification(
        topic_name=topic.name,
        custom_attributes={"k": "v"},
        event_types=["OBJECT_FINALIZE", "OBJECT_DELETE"],
        blob_name_prefix="logs/",
        payload_format="JSON_API_V1",
    )
    made.create()
    (listed,) = bucket.list_notifications()
    assert listed.notification_id == made.notification_id
    assert (listed.topic_name, listed.topic_project) == (topic.name, bucket.client.project)
    found = bucket.get_notification(made.notification_id)
    assert (found.event_types, found.blob_name_prefix) == (["OBJECT_FINALIZE", "OBJECT_DELETE"], "logs/")
    assert (found.custom_attributes, found.payload_format) == ({"k": "v"}, "JSON_API_V1")
    assert found.exists()
    found.delete()
    assert not found.exists()
    assert list(bucket.list_notifications()) == []
    assert bucket.client.get_service_account_email().endswith("@gs-project-accounts.iam.gserviceaccount.com")


def test_a_topic_or_a_bucket_that_is_not_there_is_refused(bucket: storage.Bucket, topic: Topic) -> None:
    with pytest.raises(Forbidden, match="or that topic does not exist"):
        bucket.notification(topic_name="no-such-topic").create()
    assert list(bucket.list_notifications()) == []
    with pytest.raises(NotFound):
        bucket.client.bucket("no-such-bucket").notification(topic_name=topic.name).create()


@pytest.mark.parametrize("way", ["one request", "in chunks", "composed", "copied"])
def test_every_way_to_write_an_object_is_told(bucket: storage.Bucket, topic: Topic, way: str) -> None:
    source = bucket.blob("source")
    source.upload_from_string(b"12")
    bucket.notification(topic_name=topic.name, payload_format="JSON_API_V1").create()
    target = bucket.blob("logs/é 1")
    if way == "one request":
        target.upload_from_string(b"12")
    elif way == "in chunks":
        with target.open("wb", chunk_size=262_144, ignore_flush=True) as file:
            file.write(b"12" * 200_000)
    elif way == "composed":
        target.compose([source, source])
    else:
        target = bucket.copy_blob(source, bucket, "logs/é 1")
    target.reload()
    (message,) = topic.messages(1)
    told = {name: message.attributes[name] for name in ("eventType", "bucketId", "objectId", "objectGeneration")}
    assert told == {
        "eventType": "OBJECT_FINALIZE",
        "bucketId": bucket.name,
        "objectId": "logs/é 1",
        "objectGeneration": str(target.generation),
    }
    assert json.loads(message.data)["size"] == str(target.size)


def test_nothing_is_lost_when_either_is_killed(stack: RunningStack, bucket: storage.Bucket, topic: Topic) -> None:
    bucket.notification(topic_name=topic.name, payload_format="NONE").create()
    pubsub = stack.component("pubsub").pid
    os.kill(pubsub, signal.SIGSTOP)
    try:
        for number in range(30):
            bucket.blob(f"frozen/{number}").upload_from_string(b"x", timeout=30)
        stack.kill("storage")
        for number in range(30):
            bucket.blob(f"again/{number}").upload_from_string(b"x", timeout=30)
    finally:
        os.kill(pubsub, signal.SIGCONT)
    stack.kill("pubsub")
    wanted = {f"{folder}/{number}" for folder in ("frozen", "again") for number in range(30)}
    found: set[str] = set()
    deadline = time.monotonic() + 120
    while not wanted <= found and time.monotonic() < deadline:
        found |= {message.attributes["objectId"] for message in topic.pull()}
        time.sleep(0.1)
    assert found == wanted


def test_a_topic_that_is_gone_holds_up_no_other(stack: RunningStack, bucket: storage.Bucket, topic: Topic) -> None:
    with grpc.insecure_channel(stack.config.pubsub_host) as channel:
        gone = Topic(stack, channel)
        bucket.notification(topic_name=gone.name).create()
        bucket.notification(topic_name=topic.name).create()
        PublisherClient(transport=PublisherGrpcTransport(channel=channel)).delete_topic(
            topic=f"projects/{stack.project}/topics/{gone.name}"
        )
    for number in range(5):
        bucket.blob(str(number)).upload_from_string(b"x")
    assert {message.attributes["objectId"] for message in topic.messages(5)} == set("01234")


def test_without_pubsub_no_config_is_taken(tmp_path: Path) -> None:
    store = ObjectStore(tmp_path)
    store.create_bucket("logs", {})
    config = {"topic": "//pubsub.googleapis.com/projects/p/topics/t", "payload_format": "NONE"}
    refused = TestClient(application(store, None)).post("/storage/v1/b/logs/notificationConfigs", json=config)
    store.close()
    assert (refused.status_code, refused.json()["error"]["message"]) == (
        501,
        "The Cloud Storage emulator was started without --pubsub.",
    )
