"""The REST API, on the port of gRPC: by Google's own REST clients, and by requests that those never send."""

import base64
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.pubsub_v1 import PublisherClient, SubscriberClient

from emulators.pubsub.api.http_rules import RULES
from tests.integration.emulators.pubsub.targets import CALL, OURS, Target, data_of

pytestmark = [pytest.mark.integration, OURS]

NOT_OFFERED = [rule for rule in RULES if "Schema" in rule.method or "IAM" in rule.method]


class Rest:
    """Plain requests to the emulator of a target."""

    def __init__(self, target: Target) -> None:
        self.address = target.address
        self.session = requests.Session()
        self.session.trust_env = False

    def send(self, verb: str, path: str, **body: Any) -> requests.Response:
        answer = self.session.request(verb, f"http://{self.address}/v1/{path}", timeout=60, **body)
        assert answer.headers["Content-Type"] == "application/json; charset=UTF-8"
        return answer

    def __call__(self, verb: str, path: str, body: Any = None) -> dict[str, Any]:
        answer = self.send(verb, path, json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def refusal(self, verb: str, path: str, **body: Any) -> tuple[int, str, str]:
        """The HTTP status, the canonical status and the message."""
        answer = self.send(verb, path, **body)
        error = answer.json()["error"]
        assert (answer.json().keys(), error["code"]) == ({"error"}, answer.status_code)
        assert "\n" not in error["message"]
        return answer.status_code, error["status"], error["message"]


@pytest.fixture
def rest(target: Target) -> Iterator[Rest]:
    made = Rest(target)
    yield made
    made.session.close()


def google_client(kind: Any, target: Target) -> Any:
    transport = kind.get_transport_class("rest")
    return kind(transport=transport(credentials=AnonymousCredentials(), host=target.address, url_scheme="http"))


def test_googles_rest_clients(target: Target) -> None:
    publisher, subscriber = google_client(PublisherClient, target), google_client(SubscriberClient, target)
    topic, subscription = target.name("topics"), target.name("subscriptions")
    assert publisher.create_topic(request={"name": topic, "labels": {"a": "1"}}, **CALL).state.name == "ACTIVE"
    subscriber.create_subscription(request={"name": subscription, "topic": topic, "ack_deadline_seconds": 20}, **CALL)
    messages = [{"data": b"one", "attributes": {"k": "v"}}, {"data": b"\x00\xff"}]
    ids = publisher.publish(topic=topic, messages=messages, **CALL).message_ids
    received = subscriber.pull(subscription=subscription, max_messages=10, **CALL).received_messages
    assert [message.message.message_id for message in received] == list(ids)
    assert (data_of(received), dict(received[0].message.attributes)) == ([b"one", b"\x00\xff"], {"k": "v"})
    subscriber.acknowledge(subscription=subscription, ack_ids=[received[0].ack_id], **CALL)
    subscriber.modify_ack_deadline(
        subscription=subscription, ack_ids=[received[1].ack_id], ack_deadline_seconds=0, **CALL
    )
    assert data_of(target.pull(subscription, 1)) == [b"\x00\xff"]
    update = {"subscription": {"name": subscription, "labels": {"x": "y"}}, "update_mask": {"paths": ["labels"]}}
    assert subscriber.update_subscription(request=update, **CALL).labels == {"x": "y"}
    pager = publisher.list_topic_subscriptions(request={"topic": topic, "page_size": 1}, **CALL)
    assert list(pager) == [subscription]
    subscriber.delete_subscription(subscription=subscription, **CALL)
    publisher.delete_topic(topic=topic, **CALL)
    with pytest.raises(exceptions.NotFound):
        publisher.get_topic(topic=topic, **CALL)


def test_json_is_that_of_protobuf(target: Target, rest: Rest) -> None:
    topic, subscription = target.name("topics"), target.name("subscriptions")
    created = rest("PUT", topic, {"messageRetentionDuration": "86400s", "labels": {"a": "b"}})
    assert created == {
        "name": topic,
        "labels": {"a": "b"},
        "messageRetentionDuration": "86400s",
        "state": "ACTIVE",
    }
    created = rest("PUT", subscription, {"topic": topic, "retry_policy": {"minimumBackoff": "1.5s"}})
    assert created["retryPolicy"] == {"minimumBackoff": "1.500s", "maximumBackoff": "600s"}
    data = base64.b64encode(b"caf\xe9").decode()
    published = rest("POST", f"{topic}:publish", {"messages": [{"data": data, "orderingKey": "k"}]})
    assert published["messageIds"][0].isdecimal()
    (received,) = rest("POST", f"{subscription}:pull", {"maxMessages": 5})["receivedMessages"]
    assert (received["message"]["data"], received["message"]["orderingKey"]) == (data, "k")
    assert rest("POST", f"{subscription}:acknowledge", {"ackIds": [received["ackId"]]}) == {}
    masked = {"topic": {"labels": {"c": "d"}}, "updateMask": "labels"}
    assert rest("PATCH", topic, masked)["labels"] == {"c": "d"}
    numbers = rest("GET", f"{topic}?$alt=json;enum-encoding=int&prettyPrint=false&key=x")
    assert numbers["state"] == 1


def test_lists_come_in_pages(target: Target, rest: Rest) -> None:
    topic = target.topic()
    names = sorted(target.subscription(topic) for _ in range(3))
    first = rest("GET", f"{topic}/subscriptions?pageSize=2")
    last = rest("GET", f"{topic}/subscriptions?pageSize=2&pageToken={first['nextPageToken']}")
    assert first["subscriptions"] + last["subscriptions"] == names
    assert "nextPageToken" not in last


def test_errors_have_googles_form(target: Target, rest: Rest) -> None:
    topic, subscription = target.pair()
    missing = target.name("topics", "missing")
    assert rest.refusal("GET", missing) == (404, "NOT_FOUND", "Resource not found (resource=missing).")
    status, name, _ = rest.refusal("PUT", topic)
    assert (status, name) == (409, "ALREADY_EXISTS")
    for body, why in (
        ({"messages": [{"data": "eA=="}, {"data": "GET / 200"}]}, "Invalid value at 'messages[1].data' (TYPE_BYTES)"),
        ({"message": []}, 'no field named "message"'),
        ([], "Invalid JSON payload received."),
        ({"messages": []}, "message_count"),
    ):
        status, name, message = rest.refusal("POST", f"{topic}:publish", json=body)
        assert (status, name) == (400, "INVALID_ARGUMENT")
        assert why in message
    assert rest.refusal("GET", f"{target.project}/topics?pageSize=x")[0] == 400
    assert rest.refusal("GET", f"{target.project}/topics?page=1")[0] == 400
    assert rest.refusal("POST", f"{topic}:publish?messages=1", json={})[0] == 400
    assert rest.refusal("POST", f"{subscription}:publish", json={})[:2] == (404, "NOT_FOUND")
    push = {"topic": topic, "pushConfig": {"pushEndpoint": "https://example.com"}}
    status, name, message = rest.refusal("PUT", target.name("subscriptions"), json=push)
    assert (status, name) == (501, "UNIMPLEMENTED")
    assert "push subscriptions" in message


JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "body",
    [b"{", b"\xff\xfe", b'{"labels": {"a": "1"}, "labels": {}}', b"[" * 100_000, b'{"labels": {"a": NaN}}', b"null"],
    ids=["cut", "bytes", "twice", "deep", "nan", "null"],
)
def test_malformed_json(target: Target, rest: Rest, body: bytes) -> None:
    status, name, message = rest.refusal("PUT", target.name("topics"), data=body, headers=JSON)
    assert (status, name) == (400, "INVALID_ARGUMENT")
    assert message.startswith("Invalid JSON payload received. ")


def test_a_body_beyond_the_limit(target: Target, rest: Rest) -> None:
    body = b" " * (33 * 1024 * 1024)
    assert rest.refusal("PUT", target.name("topics"), data=body, headers=JSON)[:2] == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize("rule", NOT_OFFERED, ids=lambda rule: f"{rule.verb} {rule.pattern}")
def test_what_is_not_offered_is_named(target: Target, rest: Rest, rule: Any) -> None:
    path = rule.pattern.removeprefix("/v1/")
    field = path[path.index("{") : path.index("}") + 1]
    path = path.replace(field, field.partition("=")[2].rstrip("}").replace("*", "p-1"))
    if rule.method.endswith("ListSchemas"):
        assert rest("GET", path) == {}
        return
    message = f"The Pub/Sub emulator does not support the method {rule.method}; its documentation lists what it offers."
    assert rest.refusal(rule.verb, path) == (501, "UNIMPLEMENTED", message)


def test_exactly_once_tells_which_ack_failed(target: Target, rest: Rest) -> None:
    topic, subscription = target.pair(enable_exactly_once_delivery=True)
    target.publish(topic, b"x")
    (first,) = target.pull(subscription, 1)
    target.nack(subscription, [first])
    (second,) = target.pull(subscription, 1)
    ack_ids = {"ackIds": [first.ack_id, second.ack_id]}
    error = rest.send("POST", f"{subscription}:acknowledge", json=ack_ids).json()["error"]
    assert error["status"] == "INVALID_ARGUMENT"
    (detail,) = error["details"]
    assert detail["@type"] == "type.googleapis.com/google.rpc.ErrorInfo"
    assert detail["metadata"] == {first.ack_id: "PERMANENT_FAILURE_INVALID_ACK_ID"}


def test_a_pull_whose_client_has_gone_takes_no_message(target: Target) -> None:
    topic, subscription = target.pair(ack_deadline_seconds=600)
    body = b'{"maxMessages": 1}'
    head = f"POST /v1/{subscription}:pull HTTP/1.1\r\nHost: {target.address}\r\nContent-Type: application/json\r\n"
    for _ in range(5):
        with socket.create_connection(target.address.split(":"), timeout=30) as client:
            client.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            time.sleep(0.1)  # it waits by now; if not, the test proves less
    target.publish(topic, b"x")
    assert data_of(target.pull(subscription, 1)) == [b"x"]


def test_both_protocols_are_told_apart_however_their_first_bytes_come(target: Target) -> None:
    preface, settings = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\0\0\0\4\0\0\0\0\0"
    request = f"GET /v1/{target.project}/topics HTTP/1.1\r\nHost: {target.address}\r\n\r\n".encode()
    for sent, answer in (
        (preface + settings, b"\0\0"),  # the length of a SETTINGS frame
        (request, b"HTTP/1.1 200 "),
        (b"PRI * HTTP/1.1\r\nHost: localhost\r\n\r\n", b"HTTP/1.1 404 "),
        (b"PRI * HTTP/2.0\r\n\r\nSMALL", b"HTTP/1.1 403 "),
    ):
        with socket.create_connection(target.address.split(":"), timeout=30) as client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in sent:
                client.sendall(bytes([byte]))
            received = b""
            while len(received) < len(answer):
                some = client.recv(4096)
                assert some, received
                received += some
            assert received.startswith(answer)


def test_a_client_that_says_nothing_is_no_hindrance(target: Target, rest: Rest) -> None:
    with socket.create_connection(target.address.split(":"), timeout=30):
        topic = target.topic()
        assert rest("GET", topic)["name"] == topic


def test_large_messages_both_ways(target: Target, rest: Rest) -> None:
    topic, subscription = target.pair()
    big = base64.b64encode(b"x" * 3_000_000).decode()
    rest("POST", f"{topic}:publish", {"messages": [{"data": big}, {"data": big}]})
    assert [len(data) for data in data_of(target.pull(subscription, 2))] == [3_000_000, 3_000_000]
