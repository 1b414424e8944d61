"""The state file: one SQLite database, written by one thread, in WAL mode; or the same in memory.

A published request is one row; acknowledgements are appended as arrays of message ids and compacted into the
subscription's row from time to time. Every commit is flushed to the disk (synchronous=FULL), so an answered Publish
survives SIGKILL and power loss alike; group commit (journal.py) pays for it once for all requests that wait.
"""

from __future__ import annotations

import contextlib
import fcntl
import sqlite3
import threading
import time
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from emulators.pubsub.log.message_log import Batch, Position

FILE_NAME = "pubsub.sqlite3"
SCHEMA_VERSION = 1
_APPLICATION_ID = 0x6C6F6770
_SETTINGS = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA secure_delete = OFF;
PRAGMA wal_autocheckpoint = 2000;
PRAGMA journal_size_limit = 67108864;
"""
_SCHEMA = f"""
BEGIN;
CREATE TABLE next_message (id INTEGER NOT NULL);
CREATE TABLE topics (id INTEGER PRIMARY KEY, name TEXT UNIQUE, config BLOB NOT NULL);
CREATE TABLE batches (
  first_id INTEGER PRIMARY KEY, topic INTEGER NOT NULL, count INTEGER NOT NULL, publish_us INTEGER NOT NULL,
  request BLOB NOT NULL
);
CREATE TABLE subscriptions (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, topic INTEGER NOT NULL, config BLOB NOT NULL,
  cursor INTEGER NOT NULL, pending BLOB NOT NULL
);
CREATE TABLE progress (
  id INTEGER PRIMARY KEY, subscription INTEGER NOT NULL, kind TEXT NOT NULL, message_ids BLOB NOT NULL
);
CREATE INDEX progress_of_subscription ON progress (subscription);
CREATE TABLE snapshots (
  name TEXT PRIMARY KEY, topic INTEGER NOT NULL, config BLOB NOT NULL, cursor INTEGER NOT NULL, pending BLOB NOT NULL
);
PRAGMA application_id = {_APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
COMMIT;
"""

ACKED = "acked"
FAILED = "failed"


class StateError(Exception):
    """The state folder cannot be used; the message is one line for the user."""


@dataclass(slots=True)
class Changes:
    """What one transaction writes: the statements first, then the progress.

    Attributes:
        statements: SQL with its parameters.
        progress: Message ids by subscription and kind (ACKED or FAILED).
    """

    statements: list[tuple[str, Sequence[Any]]] = field(default_factory=list)
    progress: dict[tuple[int, str], array[int]] = field(default_factory=dict)


class Store:
    """The open state file.

    Commits come from one thread; reads from another, over a connection of their own.

    Args:
        folder: The state folder; it is created where missing. None keeps the state in memory, until `close`.

    Raises:
        StateError: The folder is not writable, in use by another emulator, or holds what this version cannot read.
    """

    def __init__(self, folder: Path | None) -> None:
        self._path = folder / FILE_NAME if folder else None
        self._writing = threading.Lock()
        self._opened = contextlib.ExitStack()
        if folder:
            self._opened.enter_context(_locked(folder))
        try:
            self._open()
        except (sqlite3.Error, StateError) as error:
            self._opened.close()
            if isinstance(error, StateError):
                raise
            raise StateError(f"cannot use the state file {self._path} ({error}): move it away to start empty") from None

    def _open(self) -> None:
        self._writer = self._connect()
        version = self._writer.execute("PRAGMA user_version").fetchone()[0]
        application = self._writer.execute("PRAGMA application_id").fetchone()[0]
        is_empty = self._writer.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
        if not is_empty and application != _APPLICATION_ID:
            raise StateError(f"{self._path} is not a state file of the Pub/Sub emulator: give another --state-dir")
        if version > SCHEMA_VERSION:
            raise StateError(
                f"{self._path} was written by a newer version of the Pub/Sub emulator (format {version}, this one "
                f"reads up to {SCHEMA_VERSION}): upgrade, or give another --state-dir"
            )
        if is_empty:
            self._writer.execute("PRAGMA page_size = 16384")
        self._writer.executescript(_SETTINGS)
        if is_empty:
            self._writer.executescript(_SCHEMA)
            # Ids start at the time of creation: they are unique also against those of a state that was deleted.
            self._writer.execute("INSERT INTO next_message VALUES (?)", [time.time_ns() // 1000])
        # Memory belongs to one connection. SQLite takes turns with it, and only ids that are committed are asked for.
        self._reader = self._connect() if self._path else self._writer

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path or ":memory:", isolation_level=None, check_same_thread=False)
        return self._opened.enter_context(contextlib.closing(connection))

    def close(self) -> None:
        """Close the file and let go of the folder."""
        with self._writing:
            self._opened.close()

    def commit(self, changes: Changes) -> None:
        """Write one transaction, durably.

        Raises:
            sqlite3.Error: Nothing of it was written (the disk is full, for one).
        """
        with self._writing:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                self._write(changes)
                self._writer.execute("COMMIT")
            except sqlite3.Error:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise

    def _write(self, changes: Changes) -> None:
        execute = self._writer.execute
        for statement, parameters in changes.statements:
            execute(statement, parameters)
        for (subscription, kind), ids in changes.progress.items():
            execute(
                "INSERT INTO progress (subscription, kind, message_ids) VALUES (?, ?, ?)",
                (subscription, kind, ids.tobytes()),
            )

    def request(self, first_id: int) -> bytes:
        """Return the stored PublishRequest of a batch."""
        (row,) = self._reader.execute("SELECT request FROM batches WHERE first_id = ?", (first_id,))
        return bytes(row[0])

    def next_message_id(self) -> int:
        """Return the next free message id, never below the time in microseconds."""
        stored: int = self._reader.execute("SELECT id FROM next_message").fetchone()[0]
        return max(stored, time.time_ns() // 1000)

    def next_subscription_id(self) -> int:
        """Return the next free number of a subscription; numbers are never used twice."""
        row = self._reader.execute("SELECT seq FROM sqlite_sequence WHERE name = 'subscriptions'").fetchone()
        return row[0] + 1 if row else 1

    def topics(self) -> Iterator[tuple[int, str | None, bytes]]:
        """Yield number, name (None once deleted) and stored Topic of every topic."""
        yield from self._reader.execute("SELECT id, name, config FROM topics ORDER BY id")

    def batches(self) -> Iterator[tuple[int, Batch]]:
        """Yield topic and index entry of every batch, in the order of their ids."""
        rows = self._reader.execute(
            "SELECT topic, first_id, count, publish_us, length(request) FROM batches ORDER BY first_id"
        )
        for topic, *index in rows:
            yield topic, Batch(*index)

    def subscriptions(self) -> Iterator[tuple[int, int, bytes, Position]]:
        """Yield number, topic, stored Subscription and position of every subscription."""
        for number, topic, config, cursor, pending in self._reader.execute(
            "SELECT id, topic, config, cursor, pending FROM subscriptions ORDER BY id"
        ):
            acked: set[int] = set()
            failures: Counter[int] = Counter()
            for kind, ids in self._reader.execute(
                "SELECT kind, message_ids FROM progress WHERE subscription = ?", (number,)
            ):
                (acked if kind == ACKED else failures).update(_ids(ids))
            left = tuple(message_id for message_id in _ids(pending) if message_id not in acked)
            ahead = tuple(message_id for message_id in acked if message_id > cursor)
            open_failures = {key: count for key, count in failures.items() if key not in acked}
            yield number, topic, config, Position(cursor, left, ahead, open_failures)

    def snapshots(self) -> Iterator[tuple[int, bytes, Position]]:
        """Yield topic, stored Snapshot and position of every snapshot."""
        rows = self._reader.execute("SELECT topic, config, cursor, pending FROM snapshots ORDER BY name")
        for topic, config, cursor, pending in rows:
            yield topic, config, Position(cursor, tuple(_ids(pending)))


def _locked(folder: Path) -> IO[str]:
    """Return the open lock file of a folder, which no other emulator can have until it is closed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "pubsub.lock").open("w")
    except OSError as error:
        raise StateError(
            f"cannot write to the state folder {folder} ({error.strerror}): give another one with --state-dir"
        ) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise StateError(
            f"another Pub/Sub emulator uses the state folder {folder}: stop it, or give another --state-dir"
        ) from None
    return lock


def _ids(packed: bytes) -> array[int]:
    ids = array("q")
    ids.frombytes(packed)
    return ids
