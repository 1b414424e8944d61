"""Heartbeats of the stream: messages that come through it without being lines.

How long the last one took to land is how far the stream is behind; one that does not land tells a stream that is dead
from one that has nothing to do. `beam_jobs/stream/heartbeats.py` is the other side.
"""

from __future__ import annotations

from datetime import UTC, datetime

from logline.service_errors import TIMEOUT_SECONDS, answering
from logline.settings import Settings

HEARTBEAT_ATTRIBUTE = "logline_heartbeat"


def publish_heartbeat(settings: Settings) -> datetime:
    """Publish a heartbeat to the topic of the lines, and return the time by which it is known.

    Raises:
        AirflowException: Pub/Sub does not answer, or refuses to.
    """
    from airflow.providers.google.cloud.hooks.pubsub import PubSubHook  # seconds to import

    topic = f"projects/{settings.project}/topics/{settings.topic}"
    missing = f"{topic} is missing: run the provision DAG once"
    at = datetime.now(UTC)
    with answering("Pub/Sub", missing=missing, refused=f"no heartbeat can be published to {topic}"):
        # Without data: a job of an earlier release takes it for a blank line.
        messages = [{"attributes": {HEARTBEAT_ATTRIBUTE: at.isoformat()}}]
        PubSubHook().get_conn().api.publish(topic=topic, messages=messages, retry=None, timeout=TIMEOUT_SECONDS)
    return at
