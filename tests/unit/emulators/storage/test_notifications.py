"""Which changes are recorded for whom, and what a kill leaves of them."""

import json
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulators.storage.errors import StorageError
from emulators.storage.records import UNCONDITIONAL
from emulators.storage.store import ObjectStore

BUCKET, TOPIC = "logs", "projects/p/topics/t"
CONFIG = {"topic": f"//pubsub.googleapis.com/{TOPIC}", "payload_format": "NONE"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ObjectStore]:
    store = ObjectStore(tmp_path)
    store.create_bucket(BUCKET, {})
    yield store
    store.close()


def put(store: ObjectStore, name: str) -> int:
    return store.put(BUCKET, name, store.receive(b"x"), {"contentType": "text/plain"}, UNCONDITIONAL).generation


def recorded(store: ObjectStore) -> list[dict[str, Any]]:
    return [one.message for one in store.notifications.pending(TOPIC, 1000)]


def attributes(store: ObjectStore) -> list[dict[str, str]]:
    return [message["attributes"] for message in recorded(store)]


def test_each_change_is_recorded(store: ObjectStore) -> None:
    store.notifications.create(BUCKET, CONFIG)
    first = put(store, "a")
    second = put(store, "a")
    store.update(BUCKET, "a", lambda old: old | {"metadata": {"k": "v"}}, None, UNCONDITIONAL)
    store.delete(BUCKET, "a", None, UNCONDITIONAL)
    others = ("overwroteGeneration", "overwrittenByGeneration")
    assert [
        (one["eventType"], one["objectGeneration"], *(one.get(name) for name in others)) for one in attributes(store)
    ] == [
        ("OBJECT_FINALIZE", str(first), None, None),
        ("OBJECT_FINALIZE", str(second), str(first), None),
        ("OBJECT_DELETE", str(first), None, str(second)),
        ("OBJECT_METADATA_UPDATE", str(second), None, None),
        ("OBJECT_DELETE", str(second), None, None),
    ]
    assert all("data" not in message for message in recorded(store))


def test_only_what_is_wanted(store: ObjectStore) -> None:
    wanted = {"event_types": ["OBJECT_FINALIZE"], "object_name_prefix": "logs/", "custom_attributes": {"k": "v"}}
    store.notifications.create(BUCKET, CONFIG | wanted)
    put(store, "logs/a")
    put(store, "staging/logs/a")
    store.delete(BUCKET, "logs/a", None, UNCONDITIONAL)
    (only,) = attributes(store)
    assert (only["objectId"], only["k"]) == ("logs/a", "v")


def test_the_payload_is_the_object(store: ObjectStore) -> None:
    created = store.notifications.create(BUCKET, CONFIG | {"payload_format": "JSON_API_V1"})
    generation = put(store, "a b")
    (message,) = recorded(store)
    resource = json.loads(b64decode(message["data"]))
    assert (resource["name"], resource["generation"], resource["size"]) == ("a b", str(generation), "1")
    assert resource["contentType"] == "text/plain"
    assert message["attributes"] == {
        "notificationConfig": f"projects/_/buckets/{BUCKET}/notificationConfigs/{created['id']}",
        "eventType": "OBJECT_FINALIZE",
        "payloadFormat": "JSON_API_V1",
        "bucketId": BUCKET,
        "objectId": "a b",
        "objectGeneration": str(generation),
        "eventTime": message["attributes"]["eventTime"],
    }


def test_a_topic_without_its_service_is_the_same(store: ObjectStore) -> None:
    assert store.notifications.create(BUCKET, CONFIG | {"topic": TOPIC})["topic"] == CONFIG["topic"]


def test_a_refused_change_is_not_recorded(store: ObjectStore) -> None:
    store.notifications.create(BUCKET, CONFIG)
    with pytest.raises(StorageError):
        store.delete(BUCKET, "absent", None, UNCONDITIONAL)
    with pytest.raises(StorageError):
        store.put(BUCKET, "a", store.receive(b"x"), {"md5Hash": "wrong"}, UNCONDITIONAL)
    assert recorded(store) == []


def test_a_kill_loses_nothing(store: ObjectStore, tmp_path: Path) -> None:
    store.notifications.create(BUCKET, CONFIG)
    put(store, "a")
    put(store, "b")
    again = ObjectStore(tmp_path)
    pending = again.notifications.pending(TOPIC, 1)
    assert [one.message["attributes"]["objectId"] for one in pending] == ["a"]
    again.notifications.delivered(pending)
    assert [one["objectId"] for one in attributes(again)] == ["b"]
    assert [one["topic"] for one in again.notifications.of_bucket(BUCKET)] == [CONFIG["topic"]]
    again.close()


def test_configs_come_and_go(store: ObjectStore) -> None:
    first, second = (store.notifications.create(BUCKET, CONFIG) for _ in range(2))
    assert store.notifications.get(BUCKET, first["id"]) == first
    store.notifications.delete(BUCKET, first["id"])
    assert store.notifications.of_bucket(BUCKET) == [second]
    with pytest.raises(StorageError) as missing:
        store.notifications.delete(BUCKET, first["id"])
    assert missing.value.status == 404
    store.delete_bucket(BUCKET, UNCONDITIONAL)
    store.create_bucket(BUCKET, {})
    assert store.notifications.of_bucket(BUCKET) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"topic": "t"},
        {"topic": "//pubsub.googleapis.com/projects/p/subscriptions/t"},
        {"payload_format": "JSON"},
        {"payload_format": None},
        {"event_types": ["OBJECT_FINALISE"]},
        {"custom_attributes": {str(number): "v" for number in range(6)}},
        {"custom_attributes": {"k": "v" * 1025}},
    ],
)
def test_a_wrong_config_is_refused(store: ObjectStore, wrong: dict[str, Any]) -> None:
    with pytest.raises(StorageError) as error:
        store.notifications.create(BUCKET, CONFIG | wrong)
    assert error.value.status == 400
    assert store.notifications.of_bucket(BUCKET) == []


def test_a_bucket_has_a_hundred_configs_at_most(store: ObjectStore) -> None:
    for _ in range(100):
        store.notifications.create(BUCKET, CONFIG)
    with pytest.raises(StorageError) as error:
        store.notifications.create(BUCKET, CONFIG)
    assert error.value.status == 409
