"""The bucket's notifications of new logs: made by `provision`, or by Terraform before it."""

from __future__ import annotations

import logging

from airflow.providers.google.cloud.hooks.gcs import GCSHook

from logline.arrivals.source import LogObjects
from logline.service_errors import NEVER, TIMEOUT_SECONDS, answering
from logline.settings import Settings

log = logging.getLogger(__name__)

# Told of every new generation, by its name alone: what it is, the listing says.
EVENT_TYPES = ["OBJECT_FINALIZE"]
PAYLOAD_FORMAT = "NONE"


def notify_of_logs(settings: Settings) -> str:
    """Let the bucket of the logs tell the topic of `arrivals` of new objects, and return the id of what does that.

    What exists and is right is kept; what tells the same topic of other objects is replaced.
    """
    logs = LogObjects.of(settings).any_day
    topic = f"projects/{settings.project}/topics/{settings.arrivals_topic}"
    refused = (
        f"gs://{logs.bucket} cannot tell {topic} of new objects; the project's Cloud Storage service agent needs "
        "roles/pubsub.publisher on that topic (docs/deploy.md)"
    )
    missing = f"bucket {logs.bucket} does not exist: correct LOGLINE_SOURCE"
    with answering("Cloud Storage", missing=missing, refused=refused):
        bucket = GCSHook().get_conn().bucket(logs.bucket)
        wanted = bucket.notification(
            topic_name=settings.arrivals_topic,
            topic_project=settings.project,
            event_types=EVENT_TYPES,
            blob_name_prefix=logs.prefix or None,
            payload_format=PAYLOAD_FORMAT,
        )
        for found in bucket.list_notifications(retry=NEVER, timeout=TIMEOUT_SECONDS):
            if (found.topic_name, found.topic_project) != (wanted.topic_name, wanted.topic_project):
                continue
            if found.blob_name_prefix == wanted.blob_name_prefix and set(EVENT_TYPES) <= set(found.event_types or ()):
                log.info("Notification %s is there already", found.notification_id)
                return str(found.notification_id)
            found.delete(retry=NEVER, timeout=TIMEOUT_SECONDS)
            log.info("Notification %s is deleted: it told of %s", found.notification_id, found.blob_name_prefix)
        wanted.create(retry=NEVER, timeout=TIMEOUT_SECONDS)
    return str(wanted.notification_id)
