"""Notifications of a bucket's changes: who wants them, and those that Pub/Sub has not taken yet.

See https://cloud.google.com/storage/docs/pubsub-notifications. A notification is written in the transaction of its
change, so that neither a kill nor an absent Pub/Sub loses one, and no change waits for Pub/Sub.
"""

import json
import re
import sqlite3
import threading
import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emulators.storage.errors import StorageError, invalid, not_found
from emulators.storage.records import StoredObject, etag, object_resource, timestamp

FINALIZE, METADATA_UPDATE, DELETE = "OBJECT_FINALIZE", "OBJECT_METADATA_UPDATE", "OBJECT_DELETE"
# Buckets keep no versions here, so that nothing is ever archived.
_EVENT_TYPES = frozenset({FINALIZE, METADATA_UPDATE, DELETE, "OBJECT_ARCHIVE"})
_PAYLOAD_FORMATS = ("JSON_API_V1", "NONE")
_SERVICE = "//pubsub.googleapis.com/"
# gcloud leaves the service out.
_TOPIC = re.compile(rf"(?:{_SERVICE})?(projects/[^/\s]+/topics/[^/\s]+)")
# https://cloud.google.com/storage/quotas#buckets and .../docs/pubsub-notifications
_MOST_CONFIGS, _MOST_ATTRIBUTES = 100, 5
_MOST_NAME_BYTES, _MOST_VALUE_BYTES = 256, 1024
_KEPT_SECONDS = 7 * 24 * 3600

SCHEMA = """
CREATE TABLE IF NOT EXISTS notification_configs (
  id INTEGER PRIMARY KEY AUTOINCREMENT, bucket TEXT NOT NULL, resource TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS notification_configs_of_bucket ON notification_configs (bucket);
CREATE TABLE IF NOT EXISTS notifications (
  id INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, message TEXT NOT NULL, recorded REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS notifications_of_topic ON notifications (topic);
"""


@dataclass(frozen=True)
class Notification:
    """A message that is to be published, as Pub/Sub's REST API takes it."""

    id: int
    message: dict[str, Any]


class Notifications:
    """Configurations and pending notifications in the index of a store.

    Args:
        index: the store's database.
        lock: held by whoever uses it.
    """

    def __init__(self, index: sqlite3.Connection, lock: threading.RLock) -> None:
        self._index = index
        self._lock = lock
        self.recorded = threading.Event()

    def create(self, bucket: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Keep a configuration and return its resource; the caller checks the bucket.

        Raises:
            StorageError: 400, it is none; 409, the bucket has too many.
        """
        resource = _checked(wanted)
        with self._lock, self._index:
            if len(self.of_bucket(bucket)) >= _MOST_CONFIGS:
                raise StorageError(409, "conflict", f"A bucket has at most {_MOST_CONFIGS} notification configs.")
            inserted = self._index.execute(
                "INSERT INTO notification_configs (bucket, resource) VALUES (?, ?)", (bucket, json.dumps(resource))
            )
            return _resource(bucket, int(inserted.lastrowid or 0), resource)

    def get(self, bucket: str, config_id: str) -> dict[str, Any]:
        """Return a configuration.

        Raises:
            StorageError: 404, there is none.
        """
        for resource in self.of_bucket(bucket):
            if resource["id"] == config_id:
                return resource
        raise not_found(f"No such notification config: {bucket}/{config_id}")

    def of_bucket(self, bucket: str) -> list[dict[str, Any]]:
        """Return the configurations of a bucket."""
        with self._lock:
            rows = self._index.execute(
                "SELECT id, resource FROM notification_configs WHERE bucket = ? ORDER BY id", (bucket,)
            ).fetchall()
        return [_resource(bucket, config_id, json.loads(resource)) for config_id, resource in rows]

    def delete(self, bucket: str, config_id: str) -> None:
        """Delete a configuration; what it has recorded is still delivered.

        Raises:
            StorageError: 404, there is none.
        """
        with self._lock, self._index:
            found = self.get(bucket, config_id)
            self._index.execute("DELETE FROM notification_configs WHERE id = ?", (int(found["id"]),))

    def delete_all(self, bucket: str) -> None:
        """Delete the configurations of a bucket, within the transaction of the caller."""
        self._index.execute("DELETE FROM notification_configs WHERE bucket = ?", (bucket,))

    def record(self, event_type: str, stored: StoredObject, **other_generation: int) -> None:
        """Write down a change for all who want it, within the transaction of the change.

        Args:
            event_type: of the API.
            stored: the object as it is now, or was until it was deleted.
            **other_generation: `overwroteGeneration` or `overwrittenByGeneration`.
        """
        for config in self.of_bucket(stored.bucket):
            if event_type not in config.get("event_types", _EVENT_TYPES):
                continue
            if not stored.name.startswith(config.get("object_name_prefix", "")):
                continue
            message = _message(config, event_type, stored, other_generation)
            self._index.execute(
                "INSERT INTO notifications (topic, message, recorded) VALUES (?, ?, ?)",
                (config["topic"].removeprefix(_SERVICE), json.dumps(message), time.time()),
            )
            self.recorded.set()

    def topics(self) -> list[str]:
        """Return the topics with pending notifications, `projects/PROJECT/topics/TOPIC`."""
        with self._lock:
            return [topic for (topic,) in self._index.execute("SELECT DISTINCT topic FROM notifications")]

    def pending(self, topic: str, limit: int) -> list[Notification]:
        """Return the oldest pending notifications of a topic."""
        with self._lock:
            rows = self._index.execute(
                "SELECT id, message FROM notifications WHERE topic = ? ORDER BY id LIMIT ?", (topic, limit)
            ).fetchall()
        return [Notification(row_id, json.loads(message)) for row_id, message in rows]

    def delivered(self, notifications: Sequence[Notification]) -> None:
        """Forget notifications that Pub/Sub has taken."""
        with self._lock, self._index:
            self._index.executemany(
                "DELETE FROM notifications WHERE id = ?", [(notification.id,) for notification in notifications]
            )

    def give_up(self) -> None:
        """Forget notifications that Pub/Sub has not taken within seven days, as the service does."""
        with self._lock, self._index:
            self._index.execute("DELETE FROM notifications WHERE recorded < ?", (time.time() - _KEPT_SECONDS,))


def topic_of(wanted: Mapping[str, Any]) -> str:
    """Return the topic that a configuration names, `projects/PROJECT/topics/TOPIC`.

    Raises:
        StorageError: 400, it names none.
    """
    found = _TOPIC.fullmatch(str(wanted.get("topic", "")))
    if not found:
        raise invalid(f"Invalid topic: {wanted.get('topic')!r}, it must be {_SERVICE}projects/PROJECT/topics/TOPIC")
    return found[1]


def _checked(wanted: Mapping[str, Any]) -> dict[str, Any]:
    topic = f"{_SERVICE}{topic_of(wanted)}"
    if wanted.get("payload_format") not in _PAYLOAD_FORMATS:
        raise invalid(f"Invalid payload_format: {wanted.get('payload_format')!r}")
    event_types = wanted.get("event_types") or []
    if unknown := [event_type for event_type in event_types if event_type not in _EVENT_TYPES]:
        raise invalid(f"Invalid event type: {unknown[0]!r}")
    attributes = wanted.get("custom_attributes") or {}
    if len(attributes) > _MOST_ATTRIBUTES:
        raise invalid(f"A notification config has at most {_MOST_ATTRIBUTES} custom attributes.")
    for name, value in attributes.items():
        if not (0 < len(str(name).encode()) <= _MOST_NAME_BYTES and len(str(value).encode()) <= _MOST_VALUE_BYTES):
            raise invalid(f"Invalid custom attribute: {name!r}")
    kept = ("payload_format", "event_types", "custom_attributes", "object_name_prefix")
    return {"topic": topic, **{name: wanted[name] for name in kept if wanted.get(name)}}


def _resource(bucket: str, config_id: int, kept: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "kind": "storage#notification",
        "id": str(config_id),
        "selfLink": f"/storage/v1/b/{bucket}/notificationConfigs/{config_id}",
        "etag": etag(config_id),
        **kept,
    }


def _message(
    config: Mapping[str, Any], event_type: str, stored: StoredObject, other_generation: Mapping[str, int]
) -> dict[str, Any]:
    attributes = {
        **config.get("custom_attributes", {}),
        "notificationConfig": f"projects/_/buckets/{stored.bucket}/notificationConfigs/{config['id']}",
        "eventType": event_type,
        "payloadFormat": config["payload_format"],
        "bucketId": stored.bucket,
        "objectId": stored.name,
        "objectGeneration": str(stored.generation),
        "eventTime": timestamp("microseconds"),
        **{name: str(generation) for name, generation in other_generation.items()},
    }
    if config["payload_format"] == "NONE":
        return {"attributes": attributes}
    resource = json.dumps(object_resource(stored), indent=2)
    return {"attributes": attributes, "data": b64encode(resource.encode()).decode()}
