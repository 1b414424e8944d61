"""The state file."""

import sqlite3
from array import array
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from emulators.pubsub.log.message_log import Batch, Position
from emulators.pubsub.log.store import ACKED, FAILED, Changes, StateError, Store


def subscription_row(number: int = 1, cursor: int = 10, pending: tuple[int, ...] = ()) -> tuple[str, list[object]]:
    packed = array("q", pending).tobytes()
    return "INSERT INTO subscriptions VALUES (?, ?, 1, x'', ?, ?)", [number, f"s{number}", cursor, packed]


def published(batch: Batch, request: bytes) -> list[tuple[str, list[object]]]:
    row = [batch.first_id, 1, batch.count, batch.publish_us, request]
    return [
        ("INSERT INTO batches VALUES (?, ?, ?, ?, ?)", row),
        ("UPDATE next_message SET id = ?", [batch.last_id + 1]),
    ]


def test_what_is_committed_is_read_back(tmp_path: Path) -> None:
    batch = Batch(101, 3, 5_000_000, 4)
    progress = {(1, ACKED): array("q", [4, 12, 13]), (1, FAILED): array("q", [6, 6, 12])}
    with closing(Store(tmp_path)) as store:
        store.commit(Changes([subscription_row(pending=(4, 6, 8)), *published(batch, b"body")], progress))
    with closing(Store(tmp_path)) as store:
        assert list(store.batches()) == [(1, batch)]
        assert store.request(101) == b"body"
        ((_, _, _, position),) = store.subscriptions()
    assert position.cursor == 10
    assert position.pending == (6, 8)
    assert sorted(position.acked) == [12, 13]
    assert position.failures == {6: 2}


@pytest.mark.parametrize("in_memory", [False, True])
def test_failed_commit_leaves_nothing(tmp_path: Path, in_memory: bool) -> None:
    batch = Batch(1, 1, 0, 1)
    with closing(Store(None if in_memory else tmp_path)) as store:
        store.commit(Changes(published(batch, b"x")))
        with pytest.raises(sqlite3.IntegrityError):
            store.commit(Changes([subscription_row(), *published(batch, b"again")]))
        assert list(store.subscriptions()) == []
        store.commit(Changes([subscription_row()]))
        assert [position for *_, position in store.subscriptions()] == [Position(10)]


def test_a_state_in_memory_is_read_while_it_is_written() -> None:
    with closing(Store(None)) as store, ThreadPoolExecutor(1) as writer:
        for first_id in range(1, 500):
            writing = writer.submit(store.commit, Changes(published(Batch(first_id, 1, 0, 1), b"%d" % first_id)))
            while not writing.done():
                assert [store.request(known) for known in range(1, first_id)] == [b"%d" % n for n in range(1, first_id)]
            writing.result()
        assert len(list(store.batches())) == 499
    with closing(Store(None)) as store:
        assert list(store.batches()) == []


def test_numbers_are_not_used_twice(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        assert store.next_subscription_id() == 1
        first = store.next_message_id()
        far = Batch(first + 10**12, 5, 0, 1)
        store.commit(Changes([subscription_row(), *published(far, b"x")]))
        store.commit(Changes([("DELETE FROM subscriptions", []), ("DELETE FROM batches", [])]))
    with closing(Store(tmp_path)) as store:
        assert store.next_subscription_id() == 2
        assert store.next_message_id() == far.last_id + 1


def test_commits_are_flushed_to_the_disk(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        assert store._writer.execute("PRAGMA synchronous").fetchone() == (2,)
        assert store._writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_refused_folder_is_not_held(tmp_path: Path) -> None:
    file = tmp_path / "pubsub.sqlite3"
    file.write_bytes(b"x" * 5000)
    for _ in range(2):
        with pytest.raises(StateError, match="cannot use the state file"):
            Store(tmp_path)
    file.unlink()
    with closing(Store(tmp_path)), pytest.raises(StateError, match="another Pub/Sub emulator"):
        Store(tmp_path)
