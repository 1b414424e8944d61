"""Steady traffic, all of it acknowledged: neither memory nor the state file grows, counted in objects and pages."""

import asyncio
import gc
import os
import types
from array import array
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from emulators.pubsub.broker import backlog, broker
from emulators.pubsub.log.store import Changes, Store
from tests.unit.emulators.pubsub.in_process import TOPIC, Emulator, emulator

ROUNDS = 25
KINDS = {
    "plain": {},
    "ordered": {"enable_message_ordering": True},
    "exactly_once": {"enable_exactly_once_delivery": True},
    "both": {"enable_message_ordering": True, "enable_exactly_once_delivery": True},
    "filtered": {"filter": "attributes:kept"},
    "dead_letters": {"dead_letter_policy": {"dead_letter_topic": TOPIC, "max_delivery_attempts": 5}},
    "retry": {"retry_policy": {"minimum_backoff": {"seconds": 1}, "maximum_backoff": {"seconds": 1}}},
}
OUTSIDE = (type, types.ModuleType, types.FunctionType, types.FrameType, types.CodeType, asyncio.AbstractEventLoop)


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulator]:
    monkeypatch.setattr(broker, "COMPACT_AFTER", 500)
    monkeypatch.setattr(backlog, "MAX_CONFIRMED", 500)
    with emulator() as started:
        started.create_topic()
        yield started


def reachable(root: object) -> int:
    """How many objects are held by one, elements of arrays counted."""
    seen, found, count = {id(root)}, [root], 0
    while found:
        one = found.pop()
        count += 1 + (len(one) if isinstance(one, array) else 0)
        for referent in gc.get_referents(one):
            if id(referent) not in seen and not isinstance(referent, OUTSIDE):
                seen.add(id(referent))
                found.append(referent)
    return count


def traffic(running: Emulator, rounds: int) -> None:
    for number in range(rounds):
        for _ in range(4):
            key = {"ordering_key": f"key-{number % 7}"}
            messages: list[dict[str, Any]] = [{"data": b"x" * 200, **key} for _ in range(25)]
            running.call(running.publisher, "publish", "PublishRequest", topic=TOPIC, messages=messages)
        if taken := running.pull(10):
            running.nack(*[message.ack_id for message in taken])
        while received := running.pull():
            running.acknowledge(*[message.ack_id for message in received])
        running.advance(1.1)


def sizes(running: Emulator) -> dict[str, int]:
    running.settle()
    pages = running.store._writer.execute("PRAGMA page_count").fetchone()[0]
    return {
        "objects": reachable(running.broker),
        "pages": pages,
        **{table: running.stored(table) for table in ("batches", "progress", "subscriptions")},
    }


@pytest.mark.parametrize("settings", KINDS.values(), ids=KINDS)
def test_nothing_grows(running: Emulator, settings: dict[str, Any]) -> None:
    running.create_subscription(ack_deadline_seconds=10, **settings)
    traffic(running, ROUNDS)
    before = sizes(running)
    traffic(running, 3 * ROUNDS)
    after = sizes(running)
    assert {name: size for name, size in after.items() if size > 1.2 * before[name] + 30} == {}


def test_state_file_stays_small(tmp_path: Path) -> None:
    """120 MB pass through, a megabyte at a time: what is deleted is used again, and the write-ahead log is cut."""
    with closing(Store(tmp_path)) as store:
        for number in range(1, 121):
            body = os.urandom(1_000_000)
            gone = ("DELETE FROM batches WHERE first_id = ?", (number - 1,))
            store.commit(Changes([gone, ("INSERT INTO batches VALUES (?, 1, 1, 0, ?)", (number, body))]))
        assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 70_000_000
