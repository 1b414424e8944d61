"""Wake Airflow when objects have arrived: notifications of a bucket, by Pub/Sub, as events of an asset."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Hashable, Sequence
from typing import Any

from airflow.providers.google.cloud.hooks.pubsub import PubSubException
from airflow.providers.google.cloud.triggers.pubsub import PubsubPullTrigger
from airflow.sdk.exceptions import AirflowException
from airflow.triggers.base import TriggerEvent
from airflow.triggers.shared_stream import AdvanceItem, SharedStreamProducer
from google.api_core.exceptions import DeadlineExceeded, GoogleAPIError, NotFound
from google.auth.exceptions import GoogleAuthError

MOST_MESSAGES = 1000
# How long a pull waits for a message; then the next one begins.
PULL_SECONDS = 60.0
# Objects that arrive together are one event: it waits until none has come for so long, and no longer than that.
QUIET_SECONDS, LONGEST_SECONDS = 3.0, 30.0
# A pull is answered with the first message there is: a pause lets more of them gather.
GATHER_SECONDS = 1.0
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 300.0
# Of the subscription: longer than the longest wait, and the time in which Airflow stores an event.
ACK_DEADLINE_SECONDS = 60


class ArrivalsTrigger(PubsubPullTrigger):
    """Fire once for all notifications that come together, and acknowledge them when Airflow has stored the event.

    The provider's trigger acknowledges before the event is stored, or never: a triggerer killed in between loses an
    arrival, or hears of it again and again. It puts every message whole into the event, ends after each, and ends with
    a traceback each second while Pub/Sub is away. See docs/decisions/0170.

    Args:
        project_id: the project of the subscription.
        subscription: its id.
        gcp_conn_id: the connection to Google Cloud.
    """

    def __init__(self, project_id: str, subscription: str, gcp_conn_id: str = "google_cloud_default") -> None:
        super().__init__(
            project_id=project_id,
            subscription=subscription,
            max_messages=MOST_MESSAGES,
            ack_messages=False,
            gcp_conn_id=gcp_conn_id,
            return_immediately=False,
        )

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Serialize class arguments and classpath."""
        _, arguments = super().serialize()
        kept = ("project_id", "subscription", "gcp_conn_id")
        return f"{type(self).__module__}.{type(self).__qualname__}", {name: arguments[name] for name in kept}

    def shared_stream_key(self) -> Hashable:
        """Return the subscription; only what shares a stream is told that its events are stored."""
        return (type(self).__qualname__, self.project_id, self.subscription)

    @classmethod
    def create_shared_stream_producer(cls, kwargs: dict[str, Any]) -> SharedStreamProducer:
        """Return what pulls and acknowledges."""
        return ArrivalsProducer(cls(**kwargs))

    async def filter_shared_stream(self, shared_stream: AsyncIterator[Any]) -> AsyncIterator[TriggerEvent]:
        """Fire for each batch of notifications."""
        async for arrived in shared_stream:
            yield TriggerEvent(arrived)  # type: ignore[no-untyped-call]


class ArrivalsProducer(SharedStreamProducer):
    """Pulls notifications of one subscription and acknowledges those whose event is stored."""

    def __init__(self, trigger: ArrivalsTrigger) -> None:
        self._trigger = trigger

    async def open_stream(self) -> AsyncIterator[tuple[dict[str, Any], list[str]]]:
        """Yield what has arrived, and the ids to acknowledge it by, as long as it is wanted."""
        pause = FIRST_PAUSE
        while True:
            try:
                received = await self._gather()
            except (PubSubException, AirflowException, GoogleAPIError, GoogleAuthError, OSError) as error:
                # The hourly sweep finds meanwhile what arrives.
                self._trigger.log.warning("No notifications, trying again in %.0f s: %s", pause, self._reason(error))
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            pause = FIRST_PAUSE
            if received:
                yield _summary(received), [one.ack_id for one in received]

    async def advance(self, batch: Sequence[AdvanceItem]) -> None:
        """Acknowledge; what cannot be acknowledged comes again, and its run finds nothing new."""
        for item in batch:
            ack_ids = item.broker_payload if item.outcome.is_clean else []
            for start in range(0, len(ack_ids), MOST_MESSAGES):
                try:
                    await self._trigger.hook.acknowledge(
                        subscription=self._trigger.subscription,
                        project_id=self._trigger.project_id,
                        ack_ids=ack_ids[start : start + MOST_MESSAGES],
                    )
                except PubSubException as error:
                    self._trigger.log.warning("Not acknowledged, to be delivered again: %s", self._reason(error))
                    return

    async def _gather(self) -> list[Any]:
        """Return the messages that come together; nothing when none has come for a while."""
        received = await self._pull(PULL_SECONDS)
        ends = time.monotonic() + LONGEST_SECONDS
        while received and (left := ends - time.monotonic()) > 0:
            await asyncio.sleep(GATHER_SECONDS)
            more = await self._pull(min(QUIET_SECONDS - GATHER_SECONDS, left))
            if not more:
                break
            received += more
        return received

    async def _pull(self, seconds: float) -> list[Any]:
        try:
            return list(
                await self._trigger.hook.pull(
                    subscription=self._trigger.subscription,
                    project_id=self._trigger.project_id,
                    max_messages=MOST_MESSAGES,
                    return_immediately=False,
                    retry=None,
                    timeout=seconds,
                )
            )
        except PubSubException as error:
            if isinstance(error.__context__, DeadlineExceeded):
                return []
            raise

    def _reason(self, error: BaseException) -> str:
        said = error.__context__ if isinstance(error, PubSubException) and error.__context__ else error
        if isinstance(said, NotFound):
            name = f"projects/{self._trigger.project_id}/subscriptions/{self._trigger.subscription}"
            return f"{name} is missing: run the provision DAG once"
        return " ".join(str(said).split())


def _summary(received: Sequence[Any]) -> dict[str, Any]:
    """Return what Airflow keeps of notifications: it looks into the bucket itself."""
    attributes = received[0].message.attributes
    first = f"gs://{attributes.get('bucketId')}/{attributes.get('objectId')}"
    return {"notifications": len(received), "first_object": first}
