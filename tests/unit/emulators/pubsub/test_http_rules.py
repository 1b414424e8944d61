"""The HTTP rules are Google's, and a path finds its rule."""

import inspect
from collections.abc import Iterator
from typing import Any

import pytest
from google.pubsub_v1.services.publisher.transports import rest_base as publisher
from google.pubsub_v1.services.schema_service.transports import rest_base as schemas
from google.pubsub_v1.services.subscriber.transports import rest_base as subscriber

from emulators.pubsub.api.http_rules import RULES, Router

SERVICES = {
    "Publisher": publisher._BasePublisherRestTransport,
    "Subscriber": subscriber._BaseSubscriberRestTransport,
    "SchemaService": schemas._BaseSchemaServiceRestTransport,
}


def googles_rules() -> Iterator[tuple[str, str, str, str]]:
    """The rules in Google's generated REST clients, which come from the annotations."""
    for service, transport in SERVICES.items():
        for name, rpc in inspect.getmembers(transport, inspect.isclass):
            options: Any = getattr(rpc, "_get_http_options", None)
            method = name.removeprefix("_Base")
            owner = "google.iam.v1.IAMPolicy" if "Iam" in method else f"google.pubsub.v1.{service}"
            for rule in options() if options else ():
                yield f"{owner}/{method}", rule["method"].upper(), rule["uri"], rule.get("body", "")


def test_the_rules_are_those_of_googles_clients() -> None:
    assert {(rule.method, rule.verb, rule.pattern, rule.body) for rule in RULES} == set(googles_rules())


@pytest.mark.parametrize(
    ("verb", "path", "method", "fields"),
    [
        ("PUT", "/v1/projects/p/topics/t", "Publisher/CreateTopic", {"name": "projects/p/topics/t"}),
        ("POST", "/v1/projects/p/topics/t:publish", "Publisher/Publish", {"topic": "projects/p/topics/t"}),
        ("PATCH", "/v1/projects/p/topics/t", "Publisher/UpdateTopic", {"topic.name": "projects/p/topics/t"}),
        ("GET", "/v1/projects/example.com:p/topics", "Publisher/ListTopics", {"project": "projects/example.com:p"}),
        ("GET", "/v1/projects/p/topics/a%25b~c", "Publisher/GetTopic", {"topic": "projects/p/topics/a%b~c"}),
        ("GET", "/v1/projects/p/topics/t:getIamPolicy", "GetIamPolicy", {"resource": "projects/p/topics/t"}),
        ("POST", "/v1/projects/p/schemas:validate", "SchemaService/ValidateSchema", {"parent": "projects/p"}),
    ],
)
def test_a_path_finds_its_rule(verb: str, path: str, method: str, fields: dict[str, str]) -> None:
    found = Router().find(verb, path)
    assert found is not None
    assert found[0].method.endswith(method)
    assert found[1] == fields


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", "/"),
        ("GET", "/v1/projects/p/topics/a/b"),
        ("GET", "/v2/projects/p/topics/t"),
        ("POST", "/v1/projects/p/topics/t"),
        ("GET", "http://127.0.0.1/v1/projects/p/topics"),
    ],
)
def test_other_paths_have_none(verb: str, path: str) -> None:
    assert Router().find(verb, path) is None
