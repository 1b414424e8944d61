"""Clients of Pub/Sub."""

import base64
import json
import os
import queue
import urllib.request
from functools import cache
from pathlib import Path
from typing import Any

from tests.clients.case import Client, Workspace, distribution, program

_SCRIPT = Path(__file__).with_name("pubsub_node.cjs")
_PACKAGES = Path(__file__).parents[2] / ".local/node/node_modules"


@cache
def _node_version() -> str | None:
    package = _PACKAGES / "@google-cloud/pubsub/package.json"
    return json.loads(package.read_text())["version"] if program("node", "--version")() and package.exists() else None


GCLOUD = Client("gcloud pubsub", "Pub/Sub", program("gcloud", "version"), is_slow=True)
PYTHON = Client("google-cloud-pubsub (Python)", "Pub/Sub", distribution("google-cloud-pubsub"))
NODE = Client("@google-cloud/pubsub (Node.js)", "Pub/Sub", _node_version)

CLIENTS = (GCLOUD, PYTHON, NODE)


def _gcloud(work: Workspace, *arguments: str) -> Any:
    """Run a command; what it prints as JSON."""
    return json.loads(work.run("gcloud", "pubsub", *arguments, "--format=json") or "null")


def _rest(verb: str, path: str, **body: Any) -> Any:
    """Make what a case needs, and see what it has done, at a fraction of what gcloud takes to start."""
    url = f"{os.environ['CLOUDSDK_API_ENDPOINT_OVERRIDES_PUBSUB']}v1/{path}"
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode() if body else None, headers, method=verb)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
        return json.load(answer)


def _name(collection: str, work: Workspace) -> str:
    return f"projects/{os.environ['CLOUDSDK_CORE_PROJECT']}/{collection}/{work.name}"


def _pair(work: Workspace, **settings: Any) -> tuple[str, str]:
    """A topic and a subscription of the workspace's name."""
    topic, subscription = _name("topics", work), _name("subscriptions", work)
    _rest("PUT", topic)
    _rest("PUT", subscription, topic=topic, **settings)
    return topic, subscription


def _publish(work: Workspace, data: bytes) -> None:
    _rest("POST", f"{_name('topics', work)}:publish", messages=[{"data": base64.b64encode(data).decode()}])


@GCLOUD.case("topics create, list, describe, update, delete")
def topics(work: Workspace) -> None:
    _gcloud(work, "topics", "create", work.name, "--labels=team=web", "--message-retention-duration=1d")
    assert _name("topics", work) in [topic["name"] for topic in _gcloud(work, "topics", "list")]
    _gcloud(work, "topics", "update", work.name, "--update-labels=tier=1")
    described = _gcloud(work, "topics", "describe", work.name)
    assert described["labels"] == {"team": "web", "tier": "1"}
    assert described["messageRetentionDuration"] == "86400s"
    _gcloud(work, "topics", "delete", work.name)
    assert _name("topics", work) not in work.run("gcloud", "pubsub", "topics", "list")


@GCLOUD.case("topics publish (attributes, ordering key), subscriptions pull --auto-ack")
def publish(work: Workspace) -> None:
    _pair(work, enableMessageOrdering=True)
    _gcloud(work, "topics", "publish", work.name, "--message=caf\u00e9", "--attribute=k=v", "--ordering-key=o")
    (received,) = _gcloud(work, "subscriptions", "pull", work.name, "--auto-ack", "--limit=10")
    message = received["message"]
    assert base64.b64decode(message["data"]) == "caf\u00e9".encode()
    assert (message["attributes"], message["orderingKey"]) == ({"k": "v"}, "o")


@GCLOUD.case("subscriptions pull, modify-message-ack-deadline, ack")
def acknowledgements(work: Workspace) -> None:
    _, subscription = _pair(work)
    _publish(work, b"one")
    (received,) = _gcloud(work, "subscriptions", "pull", work.name)
    ack_id = f"--ack-ids={received['ackId']}"
    _gcloud(work, "subscriptions", "modify-message-ack-deadline", work.name, ack_id, "--ack-deadline=0")
    (received,) = _rest("POST", f"{subscription}:pull", maxMessages=1)["receivedMessages"]
    _gcloud(work, "subscriptions", "ack", work.name, f"--ack-ids={received['ackId']}")
    _rest("POST", f"{subscription}:modifyAckDeadline", ackIds=[received["ackId"]], ackDeadlineSeconds=0)
    assert _rest("POST", f"{subscription}:pull", maxMessages=1, returnImmediately=True) == {}


@GCLOUD.case("subscriptions create, list, describe, update, delete")
def subscriptions(work: Workspace) -> None:
    _rest("PUT", _name("topics", work))
    _gcloud(
        work,
        *("subscriptions", "create", work.name, f"--topic={work.name}", "--ack-deadline=20", "--retain-acked-messages"),
        *("--message-filter=attributes:k", "--min-retry-delay=10s", "--enable-exactly-once-delivery"),
    )
    assert _name("subscriptions", work) in [one["name"] for one in _gcloud(work, "subscriptions", "list")]
    _gcloud(work, "subscriptions", "update", work.name, "--ack-deadline=30", "--update-labels=team=web")
    described = _gcloud(work, "subscriptions", "describe", work.name)
    assert (described["ackDeadlineSeconds"], described["filter"]) == (30, "attributes:k")
    assert described["retryPolicy"]["minimumBackoff"] == "10s"
    assert _gcloud(work, "topics", "list-subscriptions", work.name) == [_name("subscriptions", work)]
    _gcloud(work, "subscriptions", "delete", work.name)
    assert _rest("GET", f"{_name('topics', work)}/subscriptions") == {}


@GCLOUD.case("topics detach-subscription")
def detach(work: Workspace) -> None:
    _, subscription = _pair(work)
    _gcloud(work, "topics", "detach-subscription", work.name)
    assert _rest("GET", subscription)["detached"]


@GCLOUD.case("snapshots create, list, describe, delete; subscriptions seek")
def snapshots(work: Workspace) -> None:
    _, subscription = _pair(work)
    _publish(work, b"one")
    _gcloud(work, "snapshots", "create", work.name, f"--subscription={work.name}")
    assert work.name in work.run("gcloud", "pubsub", "snapshots", "list")
    assert _gcloud(work, "snapshots", "describe", work.name)["topic"] == _name("topics", work)
    _gcloud(work, "subscriptions", "seek", work.name, "--time=2100-01-01T00:00:00Z")
    assert _rest("POST", f"{subscription}:pull", maxMessages=1, returnImmediately=True) == {}
    _gcloud(work, "subscriptions", "seek", work.name, f"--snapshot={work.name}")
    assert len(_rest("POST", f"{subscription}:pull", maxMessages=1)["receivedMessages"]) == 1
    _gcloud(work, "snapshots", "delete", work.name)


@GCLOUD.case("schemas list")
def schemas(work: Workspace) -> None:
    assert _gcloud(work, "schemas", "list") == []


@GCLOUD.case("schemas create", not_offered="does not support the method google.pubsub.v1.SchemaService/CreateSchema")
def schema(work: Workspace) -> None:
    definition = {"type": "record", "name": "Line", "fields": [{"name": "line", "type": "string"}]}
    _gcloud(work, "schemas", "create", work.name, "--type=avro", f"--definition={json.dumps(definition)}")


@GCLOUD.case("subscriptions create --push-endpoint", not_offered="does not support push subscriptions")
def push(work: Workspace) -> None:
    _rest("PUT", _name("topics", work))
    endpoint = "--push-endpoint=https://example.com/"
    _gcloud(work, "subscriptions", "create", work.name, f"--topic={work.name}", endpoint)


@GCLOUD.case("topics get-iam-policy", not_offered="does not support the method google.iam.v1.IAMPolicy/GetIamPolicy")
def policy(work: Workspace) -> None:
    _rest("PUT", _name("topics", work))
    _gcloud(work, "topics", "get-iam-policy", work.name)


@PYTHON.case("publish in batches, subscribe with a callback")
def stream(work: Workspace) -> None:
    from google.cloud import pubsub_v1

    topic, subscription = _pair(work)
    bodies = {b"%d" % number for number in range(500)}
    received: queue.Queue[Any] = queue.Queue()
    with pubsub_v1.SubscriberClient() as subscriber:
        pulling = subscriber.subscribe(subscription, received.put)
        publisher = pubsub_v1.PublisherClient()
        for future in [publisher.publish(topic, body, number=body.decode()) for body in bodies]:
            future.result(timeout=60)
        publisher.stop()
        seen = set()
        while seen != bodies:
            message = received.get(timeout=60)
            assert message.attributes["number"].encode() == message.data
            message.ack()
            seen.add(message.data)
        pulling.cancel()
        pulling.result(timeout=60)


@PYTHON.case("ordering keys and exactly-once delivery")
def ordered(work: Workspace) -> None:
    from google.cloud import pubsub_v1

    topic, subscription = _pair(work, enableMessageOrdering=True, enableExactlyOnceDelivery=True)
    received: queue.Queue[Any] = queue.Queue()
    with pubsub_v1.SubscriberClient() as subscriber:
        pulling = subscriber.subscribe(subscription, received.put)
        publisher = pubsub_v1.PublisherClient(
            publisher_options=pubsub_v1.types.PublisherOptions(enable_message_ordering=True)
        )
        for number in range(20):
            publisher.publish(topic, b"%d" % number, ordering_key="k")
        publisher.stop()
        for number in range(20):
            message = received.get(timeout=60)
            assert message.data == b"%d" % number
            message.ack_with_response().result(timeout=60)
        pulling.cancel()
        pulling.result(timeout=60)


@PYTHON.case("pull, dead letters, snapshots and seek")
def dead_letters(work: Workspace) -> None:
    from google.cloud import pubsub_v1

    dead = Workspace(work.folder, f"{work.name}-dead")
    dead_topic, dead_subscription = _pair(dead)
    policy = {"deadLetterTopic": dead_topic, "maxDeliveryAttempts": 5}
    _, subscription = _pair(work, deadLetterPolicy=policy)
    snapshot = _name("snapshots", work)
    with pubsub_v1.SubscriberClient() as subscriber:
        subscriber.create_snapshot(name=snapshot, subscription=dead_subscription)
        _publish(work, b"poison")
        for attempt in range(1, 6):
            (received,) = subscriber.pull(subscription=subscription, max_messages=1, timeout=60).received_messages
            assert received.delivery_attempt == attempt
            subscriber.modify_ack_deadline(subscription=subscription, ack_ids=[received.ack_id], ack_deadline_seconds=0)
        for _ in range(2):
            pulled = subscriber.pull(subscription=dead_subscription, max_messages=1, timeout=60).received_messages
            assert [one.message.data for one in pulled] == [b"poison"]
            subscriber.acknowledge(subscription=dead_subscription, ack_ids=[pulled[0].ack_id])
            subscriber.seek(request={"subscription": dead_subscription, "snapshot": snapshot})


@PYTHON.case("schemas", not_offered="does not support the method google.pubsub.v1.SchemaService/GetSchema")
def python_schema(work: Workspace) -> None:
    import grpc
    from google.pubsub_v1 import SchemaServiceClient

    with grpc.insecure_channel(os.environ["PUBSUB_EMULATOR_HOST"]) as channel:
        transport = SchemaServiceClient.get_transport_class("grpc")(channel=channel)
        SchemaServiceClient(transport=transport).get_schema(name=_name("schemas", work))


def _node(work: Workspace, operation: str) -> None:
    work.run("node", _SCRIPT, str(_PACKAGES), os.environ["CLOUDSDK_CORE_PROJECT"], operation, work.name)


@NODE.case("topics and subscriptions: create, get, list, setMetadata, delete")
def node_resources(work: Workspace) -> None:
    _node(work, "resources")


@NODE.case("publishMessage, subscription.on('message')")
def node_stream(work: Workspace) -> None:
    _node(work, "stream")


@NODE.case("ordering keys, exactly-once delivery with ackWithResponse")
def node_ordered(work: Workspace) -> None:
    _node(work, "ordered")


@NODE.case("snapshots, seek")
def node_snapshots(work: Workspace) -> None:
    _node(work, "snapshots")


@NODE.case("createSchema", not_offered="does not support the method google.pubsub.v1.SchemaService/CreateSchema")
def node_schema(work: Workspace) -> None:
    _node(work, "schema")
