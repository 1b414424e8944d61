"""Group commit: what the event loop decides, one writer thread makes durable.

Changes collect in an open group while the one before it is being written; the whole group is one transaction. So a
single request waits for one flush to the disk, and a thousand concurrent ones share it. A group that cannot be written
ends the emulator: what is in memory would no longer be what is stored.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from array import array
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from emulators.pubsub.errors import PubsubError
from emulators.pubsub.log.message_log import Position
from emulators.pubsub.log.store import ACKED, FAILED, Changes, StateError, Store


class _Group:
    def __init__(self) -> None:
        self.changes = Changes()
        self.effects: list[Callable[[], None]] = []
        self.outcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def finish(self) -> None:
        last_in_line = asyncio.shield(self.outcome)
        self.outcome.set_result(None)
        # Who waits goes on first: a Publish is answered before its messages are delivered.
        await last_in_line
        for effect in self.effects:
            effect()

    def fail(self, error: StateError) -> None:
        self.outcome.set_exception(PubsubError(grpc.StatusCode.UNAVAILABLE, f"The Pub/Sub emulator stops: {error}."))
        self.outcome.exception()


class Journal:
    """Records changes and tells when they are durable; used from the event loop only.

    Args:
        store: The open state file.

    Attributes:
        task: Runs until `close`. It ends earlier, with a StateError, where the state file cannot be written.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="pubsub-writer")
        self._open = _Group()
        self._has_work = asyncio.Event()
        self.task = asyncio.create_task(self._write())

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._has_work.wait()
            self._has_work.clear()
            group, self._open = self._open, _Group()
            try:
                await loop.run_in_executor(self._writer, self._store.commit, group.changes)
            except sqlite3.Error as error:
                failure = StateError(f"the state file cannot be written ({error}): is the disk full?")
                group.fail(failure)
                self._open.fail(failure)
                raise failure from error
            await group.finish()

    async def committed(self) -> None:
        """Wait until everything recorded so far is durable.

        Raises:
            PubsubError: UNAVAILABLE, it could not be written and the emulator stops.
        """
        self._has_work.set()
        await asyncio.shield(self._open.outcome)

    def when_committed(self, effect: Callable[[], None]) -> None:
        """Call a function once everything recorded so far is durable, after those who wait for that have gone on.

        Functions are called in the order they were given.
        """
        self._has_work.set()
        self._open.effects.append(effect)

    def statement(self, sql: str, parameters: Sequence[Any]) -> None:
        """Record a statement."""
        self._has_work.set()
        self._open.changes.statements.append((sql, parameters))

    def progress(self, subscription: int, kind: str, message_ids: Iterable[int]) -> None:
        """Record messages that were acknowledged (ACKED) or whose delivery attempt failed (FAILED)."""
        self._has_work.set()
        self._open.changes.progress.setdefault((subscription, kind), array("q")).extend(message_ids)

    def forget_progress(self, subscription: int) -> None:
        """Record that the progress recorded so far no longer counts."""
        for kind in (ACKED, FAILED):
            self._open.changes.progress.pop((subscription, kind), None)
        self.statement("DELETE FROM progress WHERE subscription = ?", (subscription,))

    def position(self, subscription: int, position: Position) -> None:
        """Record where a subscription stands, in place of all its progress recorded before."""
        self.forget_progress(subscription)
        self.statement(
            "UPDATE subscriptions SET cursor = ?, pending = ? WHERE id = ?",
            (position.cursor, position.packed_pending(), subscription),
        )
        if position.acked:
            self.progress(subscription, ACKED, position.acked)
        failures = [message_id for message_id, count in position.failures.items() for _ in range(count)]
        if failures:
            self.progress(subscription, FAILED, failures)

    async def close(self) -> None:
        """Write what is recorded, and end the writer."""
        with contextlib.suppress(PubsubError):
            await self.committed()
        self.task.cancel()
        with contextlib.suppress(asyncio.CancelledError, StateError):
            await self.task
        self._writer.shutdown()
