"""The trigger of `arrivals` on the local Pub/Sub, driven by the part of Airflow's triggerer that drives it."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import DeadlineExceeded
from google.cloud import pubsub_v1

from emulators.guard.authorized_user import authorized_user
from local_stack.config import REPOSITORY
from local_stack.waiting import wait_for
from tests.integration.emulators.pubsub.targets import Emulator, running_emulator

pytestmark = pytest.mark.integration

PROJECT = "logline-local"


def heard(folder: Path, emulator: Emulator, **options: Any) -> dict[str, Any]:
    """Let the trigger listen in a process of its own, which the endpoint switches point at the emulator."""
    extra = {"credential_config_file": authorized_user("token"), "project": PROJECT}
    paths = [str(REPOSITORY), str(REPOSITORY / "plugins"), str(REPOSITORY / "local_stack" / "airflow")]
    run = subprocess.run(
        [sys.executable, "-P", __file__, json.dumps(options, default=str)],
        env={
            **os.environ,
            "AIRFLOW_HOME": str(folder),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__UNIT_TEST_MODE": "True",
            "AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT": json.dumps({"conn_type": "google_cloud_platform", "extra": extra}),
            "PYTHONPATH": os.pathsep.join(paths),
            "NO_GCE_CHECK": "true",
            "PUBSUB_EMULATOR_HOST": emulator.address,
        },
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=240,
    )
    result: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return result


class Subscription:
    """A topic and its subscription of the same name."""

    def __init__(self, name: str, monkeypatch: pytest.MonkeyPatch, emulator: Emulator) -> None:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", emulator.address)
        self._publisher, self._subscriber = pubsub_v1.PublisherClient(), pubsub_v1.SubscriberClient()
        self.name = name
        self._topic, self._path = f"projects/{PROJECT}/topics/{name}", f"projects/{PROJECT}/subscriptions/{name}"

    def create(self) -> None:
        self._publisher.create_topic(name=self._topic)
        self._subscriber.create_subscription(name=self._path, topic=self._topic, ack_deadline_seconds=10)

    def notify(self, number: int) -> None:
        sent = [
            self._publisher.publish(self._topic, b"", bucketId="logs", objectId=f"logs/{index}.log")
            for index in range(number)
        ]
        assert all(future.result() for future in sent)

    def left(self) -> int:
        """Count what is delivered within the longest lease and a little more."""
        try:
            # Answered with what one moment has: the leases of one pull end together.
            pulled = self._subscriber.pull(subscription=self._path, max_messages=1000, timeout=15, retry=None)
        except DeadlineExceeded:
            return 0
        return len(pulled.received_messages)


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    with running_emulator(tmp_path / "pubsub") as running:
        yield running


def test_what_arrives_together_is_one_event_and_acknowledged(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscription = Subscription("burst", monkeypatch, emulator)
    subscription.create()
    subscription.notify(2500)
    result = heard(tmp_path, emulator, subscription="burst", stored=True)
    assert result["events"] == [{"notifications": 2500, "first_object": result["events"][0]["first_object"]}]
    assert result["events"][0]["first_object"].startswith("gs://logs/logs/")
    assert subscription.left() == 0


def test_what_is_not_stored_comes_again(emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subscription = Subscription("lost", monkeypatch, emulator)
    subscription.create()
    subscription.notify(3)
    assert heard(tmp_path, emulator, subscription="lost", stored=False)["events"] != []
    assert subscription.left() > 0


def test_a_subscription_that_is_missing_is_waited_for(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ThreadPoolExecutor(1) as pool:
        hearing = pool.submit(heard, tmp_path, emulator, subscription="late", stored=True, tells=tmp_path / "refused")
        wait_for((tmp_path / "refused").exists, seconds=120, what="the first refused pull")
        subscription = Subscription("late", monkeypatch, emulator)
        subscription.create()
        subscription.notify(1)
        result = hearing.result()
    assert result["failed"] is None
    assert [event["notifications"] for event in result["events"]] == [1]
    said = (tmp_path / "refused").read_text()
    assert said == f"projects/{PROJECT}/subscriptions/late is missing: run the provision DAG once"


async def listen(subscription: str, *, stored: bool, tells: str | None = None) -> dict[str, Any]:
    """Play the triggerer until there is an event; `tells` is a file that takes the last reason of a refused pull."""
    from airflow.triggers.shared_stream import SharedStreamManager

    from logline.arrivals.trigger import ArrivalsProducer, ArrivalsTrigger

    class TellingProducer(ArrivalsProducer):
        def _reason(self, error: BaseException) -> str:
            reason = super()._reason(error)
            if tells:
                Path(f"{tells}.part").write_text(reason)
                Path(f"{tells}.part").replace(tells)
            return reason

    class TellingTrigger(ArrivalsTrigger):
        @classmethod
        def create_shared_stream_producer(cls, kwargs: dict[str, Any]) -> TellingProducer:
            return TellingProducer(cls(**kwargs))

    manager, trigger = SharedStreamManager(), TellingTrigger(PROJECT, subscription)
    key = trigger.shared_stream_key()
    events: list[Any] = []
    first = asyncio.Event()

    async def subscribe() -> None:
        async for event in trigger.filter_shared_stream(manager.subscribe(trigger_id=1, trigger=trigger, key=key)):
            events.append(event.payload)
            sequence = manager.bind_pending_event(trigger_id=1, key=key)
            assert sequence is not None
            if stored:
                manager.confirm_persisted([sequence])
            first.set()

    task = asyncio.create_task(subscribe())
    await asyncio.wait([task, asyncio.create_task(first.wait())], timeout=120, return_when=asyncio.FIRST_COMPLETED)
    failed = repr(task.exception()) if task.done() else None
    if stored:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await manager.unsubscribe(1, key)
    return {"events": events, "failed": failed}


if __name__ == "__main__":
    import airflow_local_settings  # noqa: F401 (what Airflow imports at its start)

    options = json.loads(sys.argv[1])
    print("\n" + json.dumps(asyncio.run(listen(options.pop("subscription"), **options))))
    sys.stdout.flush()
    os._exit(0)  # as a triggerer that is killed
