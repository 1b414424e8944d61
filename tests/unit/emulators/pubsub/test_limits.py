"""Limits of requests that no client here comes near: see docs/service-rules.md."""

from collections.abc import Callable, Iterator

import pytest

from emulators.pubsub.errors import PubsubError
from tests.unit.emulators.pubsub.in_process import Emulator, emulator


@pytest.fixture
def running() -> Iterator[Emulator]:
    with emulator() as started:
        started.create_topic()
        started.create_subscription()
        yield started


@pytest.mark.parametrize("call", [Emulator.acknowledge, Emulator.nack])
def test_acknowledgements_have_at_most_half_a_mebibyte(running: Emulator, call: Callable[..., None]) -> None:
    running.publish(b"kept")
    (received,) = running.pull()
    with pytest.raises(PubsubError, match="request_size is too large"):
        call(running, received.ack_id, *("x" * 200 for _ in range(2600)))
    running.acknowledge(received.ack_id)
    assert running.pull() == []
