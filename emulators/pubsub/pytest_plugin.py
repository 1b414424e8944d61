"""Fixtures for pytest: an emulator for the test run, empty for each test."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

_PROJECT = "pubsub_emulator_project"
_STOP_SECONDS = 10


@dataclass(frozen=True)
class PubsubEmulator:
    """A running emulator.

    Attributes:
        host: HOST:PORT, as in PUBSUB_EMULATOR_HOST.
        project: The project it serves; all others are NOT_FOUND.
    """

    host: str
    project: str

    def reset(self) -> None:
        """Delete all topics, subscriptions and snapshots of the project."""
        # Not before: every run of pytest loads this module.
        import grpc
        from google.pubsub_v1 import PublisherClient, SubscriberClient
        from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
        from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

        project = f"projects/{self.project}"
        with grpc.insecure_channel(self.host) as channel:
            publisher = PublisherClient(transport=PublisherGrpcTransport(channel=channel))
            subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
            for snapshot in list(subscriber.list_snapshots(project=project)):
                subscriber.delete_snapshot(snapshot=snapshot.name)
            for subscription in list(subscriber.list_subscriptions(project=project)):
                subscriber.delete_subscription(subscription=subscription.name)
            for topic in list(publisher.list_topics(project=project)):
                publisher.delete_topic(topic=topic.name)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the setting."""
    parser.addini(_PROJECT, "the project that the Pub/Sub emulator serves", default="test-project")


@pytest.fixture(scope="session")
def pubsub_emulator_session(pytestconfig: pytest.Config) -> Iterator[PubsubEmulator]:
    """Run an emulator until the tests have ended, with Google's clients pointed at it by the environment."""
    with _running(pytestconfig.getini(_PROJECT)) as emulator, pytest.MonkeyPatch.context() as environment:
        environment.setenv("PUBSUB_EMULATOR_HOST", emulator.host)
        environment.setenv("GOOGLE_CLOUD_PROJECT", emulator.project)
        yield emulator


@pytest.fixture
def pubsub_emulator(pubsub_emulator_session: PubsubEmulator) -> Iterator[PubsubEmulator]:
    """Lend the emulator of the run to one test, and empty it afterwards."""
    yield pubsub_emulator_session
    pubsub_emulator_session.reset()


@contextmanager
def _running(project: str) -> Iterator[PubsubEmulator]:
    # -P: a module of the tests' folder must not take the place of one that the emulator imports. A group of its own:
    # Ctrl-C interrupts the tests, which still need the emulator to clean up.
    command = [sys.executable, "-P", "-m", str(__package__), "--port=0", f"--project={project}"]
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, process_group=0) as process,
    ):
        try:
            assert process.stdout
            started = re.search(r"listening on (\S+),", process.stdout.readline())
            if started is None:
                process.wait()
                errors.seek(0)
                raise RuntimeError(f"the Pub/Sub emulator did not start: {errors.read().strip()}")
            yield PubsubEmulator(started[1], project)
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
