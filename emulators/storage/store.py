"""Buckets and objects on disk: contents as files, everything else in an SQLite index.

A content file is named by the generation of its object and written once, so names are free of what a file system
allows. An object exists once the index has it: a kill leaves at most files that the next start deletes. Nothing is
synced to the disk: what was acknowledged outlives the process, not a power cut.
"""

import hashlib
import json
import os
import sqlite3
import threading
import time
import uuid
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import google_crc32c

from emulators.storage.errors import StorageError, not_found
from emulators.storage.names import check_bucket_name, check_object_name
from emulators.storage.notifications import DELETE, FINALIZE, METADATA_UPDATE, SCHEMA, Notifications
from emulators.storage.records import UNCONDITIONAL, Conditions, Listing, StoredObject, Upload, timestamp

_SCHEMA = """
CREATE TABLE IF NOT EXISTS buckets (name TEXT PRIMARY KEY, resource TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS objects (
  bucket TEXT, name BLOB, generation INTEGER NOT NULL, metageneration INTEGER NOT NULL, size INTEGER NOT NULL,
  properties TEXT NOT NULL, PRIMARY KEY (bucket, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uploads (
  id TEXT PRIMARY KEY, bucket TEXT NOT NULL, name TEXT NOT NULL, properties TEXT NOT NULL, conditions TEXT NOT NULL,
  started REAL NOT NULL, finished_as INTEGER
) WITHOUT ROWID;
"""
_AFTER_ALL = b"\xff"  # greater than any byte of UTF-8
_CHUNK = 1 << 20
_UPLOAD_SECONDS = 7 * 24 * 3600  # cf. https://cloud.google.com/storage/docs/resumable-uploads


class ObjectStore:
    """The buckets below one folder; safe to call from many threads.

    Attributes:
        notifications: who is told of changes, and of which.
    """

    def __init__(self, folder: Path) -> None:
        self._contents, self._incoming, self._uploads = (folder / name for name in ("contents", "incoming", "uploads"))
        for subfolder in (self._contents, self._incoming, self._uploads):
            subfolder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._index = sqlite3.connect(folder / "index.sqlite3", check_same_thread=False)
        self._index.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; {_SCHEMA} {SCHEMA}")
        self.notifications = Notifications(self._index, self._lock)
        self._delete_leftovers()
        self._last_generation = self._value("SELECT MAX(generation) FROM objects") or 0

    def close(self) -> None:
        """Close the index when the call under way has ended."""
        with self._lock:
            self._index.close()

    # Buckets.

    def create_bucket(self, name: object, resource: Mapping[str, Any]) -> dict[str, Any]:
        """Create a bucket.

        Raises:
            StorageError: 400, its name is none; 409, it exists.
        """
        name = check_bucket_name(name)
        with self._transaction():
            if self._value("SELECT 1 FROM buckets WHERE name = ?", name):
                raise StorageError(409, "conflict", f"The bucket {name} exists already.")
            return self._write_bucket(name, {**resource, "name": name, "timeCreated": timestamp()})

    def bucket(self, name: str) -> dict[str, Any]:
        """Return a bucket's resource.

        Raises:
            StorageError: 404, there is none.
        """
        with self._lock:
            resource = self._value("SELECT resource FROM buckets WHERE name = ?", name)
        if resource is None:
            raise not_found("The specified bucket does not exist.")
        return dict(json.loads(resource))

    def buckets(self, prefix: str) -> list[dict[str, Any]]:
        """Return the resources of the buckets with a prefix, by name."""
        with self._lock:
            found = self._index.execute("SELECT resource FROM buckets ORDER BY name").fetchall()
        return [bucket for (resource,) in found if (bucket := json.loads(resource))["name"].startswith(prefix)]

    def update_bucket(self, name: str, changes: Mapping[str, Any], conditions: Conditions) -> dict[str, Any]:
        """Change fields of a bucket; those that are None are removed.

        Raises:
            StorageError: 404, there is none; 412, a condition on its metageneration fails.
        """
        with self._transaction():
            old = self.bucket(name)
            conditions.check_metageneration(int(old["metageneration"]))
            changed = {key: value for key, value in {**old, **changes}.items() if value is not None}
            return self._write_bucket(name, {**changed, "name": name, "metageneration": int(old["metageneration"]) + 1})

    def delete_bucket(self, name: str, conditions: Conditions) -> None:
        """Delete a bucket.

        Raises:
            StorageError: 404, there is none; 409, it has objects; 412, a condition on its metageneration fails.
        """
        with self._transaction():
            conditions.check_metageneration(int(self.bucket(name)["metageneration"]))
            if self._value("SELECT 1 FROM objects WHERE bucket = ? LIMIT 1", name):
                raise StorageError(409, "conflict", "The bucket you tried to delete is not empty.")
            self._index.execute("DELETE FROM buckets WHERE name = ?", (name,))
            self.notifications.delete_all(name)

    # Objects.

    def receive(self, content: bytes) -> Path:
        """Write a new object's content to a file for `put`."""
        path = self._incoming / uuid.uuid4().hex
        path.write_bytes(content)
        return path

    def put(
        self,
        bucket: str,
        name: str,
        content: Path,
        properties: Mapping[str, Any],
        conditions: Conditions = UNCONDITIONAL,
        *,
        upload: Upload | None = None,
    ) -> StoredObject:
        """Make a file the content of an object, which replaces the one of that name.

        Args:
            bucket: Its bucket.
            name: Its name.
            content: A file of this store, which is moved.
            properties: Its properties; checksums among them are those that the content must have.
            conditions: What must be true of the object that is replaced.
            upload: The resumable upload that this finishes.

        Raises:
            StorageError: 400, the name or a checksum is wrong; 404, the bucket does not exist; 412, a condition fails.
        """
        check_object_name(name)
        checked = {**properties, **_checksums(content, properties)}
        if "componentCount" in checked:
            del checked["md5Hash"]  # composed objects have none
        size = content.stat().st_size
        with self._transaction():
            self.bucket(bucket)
            replaced = self._find(bucket, name)
            conditions.check(replaced)
            now = timestamp()
            checked |= {"timeCreated": now, "updated": now, "timeStorageClassUpdated": now}
            stored = StoredObject(bucket, name, self._next_generation(), 1, size, checked)
            os.link(content, self._content(stored))
            self._write(stored)
            self._notify_written(stored, replaced)
            if upload:
                self._index.execute("UPDATE uploads SET finished_as = ? WHERE id = ?", (stored.generation, upload.id))
        content.unlink()
        if replaced:
            self._content(replaced).unlink(missing_ok=True)
        return stored

    def get(
        self,
        bucket: str,
        name: str,
        generation: int | None = None,
        conditions: Conditions = UNCONDITIONAL,
    ) -> StoredObject:
        """Return an object.

        Raises:
            StorageError: 404, there is none of that generation; 304 or 412, a condition fails.
        """
        with self._lock:
            self.bucket(bucket)
            stored = self._find(bucket, name)
        if stored is None or generation not in (None, stored.generation):
            version = "" if generation is None else f"#{generation}"
            raise not_found(f"No such object: {bucket}/{name}{version}")
        conditions.check(stored)
        return stored

    def has(self, bucket: str, name: str) -> bool:
        """Tell whether there is an object of this name."""
        with self._lock:
            return self._find(bucket, name) is not None

    def open(
        self,
        bucket: str,
        name: str,
        generation: int | None = None,
        conditions: Conditions = UNCONDITIONAL,
    ) -> tuple[StoredObject, BinaryIO]:
        """Return an object and its content, which stays readable when the object is replaced or deleted."""
        with self._lock:
            stored = self.get(bucket, name, generation, conditions)
            return stored, self._content(stored).open("rb")

    def copy(self, source: StoredObject) -> Path:
        """Return a file for `put` with the content of an object.

        Raises:
            StorageError: 404, it was replaced or deleted meanwhile.
        """
        path = self._incoming / uuid.uuid4().hex
        try:
            os.link(self._content(source), path)
        except FileNotFoundError as error:
            raise not_found(f"No such object: {source.bucket}/{source.name}#{source.generation}") from error
        return path

    def update(
        self,
        bucket: str,
        name: str,
        change: Callable[[dict[str, Any]], dict[str, Any]],
        generation: int | None,
        conditions: Conditions,
    ) -> StoredObject:
        """Change the properties of an object; its generation stays, its metageneration grows."""
        with self._transaction():
            old = self.get(bucket, name, generation, conditions)
            properties = {**change(old.properties), "updated": timestamp()}
            stored = StoredObject(bucket, name, old.generation, old.metageneration + 1, old.size, properties)
            self._write(stored)
            self.notifications.record(METADATA_UPDATE, stored)
        return stored

    def delete(self, bucket: str, name: str, generation: int | None, conditions: Conditions) -> None:
        """Delete an object."""
        with self._transaction():
            stored = self.get(bucket, name, generation, conditions)
            self._index.execute("DELETE FROM objects WHERE bucket = ? AND name = ?", (bucket, name.encode()))
            self.notifications.record(DELETE, stored)
        self._content(stored).unlink(missing_ok=True)

    def list(
        self,
        bucket: str,
        *,
        prefix: str = "",
        delimiter: str = "",
        start: bytes = b"",
        end: bytes = b"",
        limit: int,
        is_listed: Callable[[str], object] = bool,
        with_folders: bool = False,
    ) -> Listing:
        """Return objects of a bucket in the order of their names' bytes.

        Args:
            bucket: The bucket.
            prefix: What the names begin with.
            delimiter: Names that have it behind the prefix are given as one prefix up to it.
            start: The least name.
            end: What the names are less than; empty for all.
            limit: The most objects and prefixes.
            is_listed: Which names are listed.
            with_folders: List objects that end with their only delimiter, beside their prefix.
        """
        page = Listing()
        position, beyond = max(prefix.encode(), start), min(prefix.encode() + _AFTER_ALL, end or _AFTER_ALL)
        with self._lock:
            self.bucket(bucket)
            while True:
                for stored in self._range(bucket, position, beyond):
                    if len(page.objects) + len(page.prefixes) >= limit:
                        page.position = position
                        return page
                    position = stored.name.encode() + b"\0"
                    head, found, tail = stored.name[len(prefix) :].partition(delimiter or "\n")
                    if not is_listed(stored.name):
                        continue
                    if not found or (with_folders and not tail):
                        page.objects.append(stored)
                    if found:
                        page.prefixes.append(f"{prefix}{head}{delimiter}")
                        position = page.prefixes[-1].encode() + _AFTER_ALL
                        break
                else:
                    return page

    # Resumable uploads.

    def begin_upload(self, bucket: str, name: str, properties: Mapping[str, Any], conditions: Conditions) -> Upload:
        """Begin a resumable upload.

        Raises:
            StorageError: As `put`.
        """
        upload = Upload(uuid.uuid4().hex, bucket, check_object_name(name), dict(properties), conditions, None)
        values = (upload.id, bucket, name, json.dumps(upload.properties), json.dumps(vars(conditions)), time.time())
        with self._transaction():
            self.bucket(bucket)
            conditions.check(self._find(bucket, name))
            self._index.execute("INSERT INTO uploads VALUES (?, ?, ?, ?, ?, ?, NULL)", values)
        self.received(upload).touch()
        return upload

    def upload(self, upload_id: str) -> Upload:
        """Return a resumable upload.

        Raises:
            StorageError: 404, there is none.
        """
        with self._lock:
            row = self._index.execute(
                "SELECT bucket, name, properties, conditions, finished_as FROM uploads WHERE id = ?", (upload_id,)
            ).fetchone()
        if row is None:
            raise not_found(f"No such upload: {upload_id}")
        bucket, name, properties, conditions, finished_as = row
        return Upload(
            upload_id, bucket, name, json.loads(properties), Conditions(**json.loads(conditions)), finished_as
        )

    def received(self, upload: Upload) -> Path:
        """Return the file of the bytes that have arrived, to append to and to `put`."""
        return self._uploads / upload.id

    def end_upload(self, upload: Upload) -> None:
        """Forget an upload that is not to be finished."""
        with self._transaction():
            self._index.execute("DELETE FROM uploads WHERE id = ?", (upload.id,))
        self.received(upload).unlink(missing_ok=True)

    # The index.

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock, self._index:
            yield

    def _value(self, sql: str, *parameters: object) -> Any:
        row = self._index.execute(sql, parameters).fetchone()
        return row and row[0]

    def _write_bucket(self, name: str, resource: dict[str, Any]) -> dict[str, Any]:
        written = {"metageneration": 1, **resource, "updated": timestamp()}
        self._index.execute("INSERT OR REPLACE INTO buckets VALUES (?, ?)", (name, json.dumps(written)))
        return written

    def _find(self, bucket: str, name: str) -> StoredObject | None:
        key = name.encode(errors="replace")
        return next(self._range(bucket, key, key + b"\0"), None)

    def _range(self, bucket: str, start: bytes, end: bytes) -> Iterator[StoredObject]:
        rows = self._index.execute(
            "SELECT name, generation, metageneration, size, properties FROM objects"
            " WHERE bucket = ? AND name >= ? AND name < ? ORDER BY name",
            (bucket, start, end),
        )
        for name, generation, metageneration, size, properties in rows:
            yield StoredObject(bucket, name.decode(), generation, metageneration, size, json.loads(properties))

    def _write(self, stored: StoredObject) -> None:
        self._index.execute(
            "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?)",
            (
                stored.bucket,
                stored.name.encode(),
                stored.generation,
                stored.metageneration,
                stored.size,
                json.dumps(stored.properties),
            ),
        )

    def _notify_written(self, stored: StoredObject, replaced: StoredObject | None) -> None:
        if replaced is None:
            self.notifications.record(FINALIZE, stored)
        else:
            self.notifications.record(FINALIZE, stored, overwroteGeneration=replaced.generation)
            self.notifications.record(DELETE, replaced, overwrittenByGeneration=stored.generation)

    def _next_generation(self) -> int:
        self._last_generation = max(self._last_generation + 1, time.time_ns() // 1000)
        return self._last_generation

    def _content(self, stored: StoredObject) -> Path:
        return self._contents / str(stored.generation)

    def _delete_leftovers(self) -> None:
        with self._transaction():
            self._index.execute("DELETE FROM uploads WHERE started < ?", (time.time() - _UPLOAD_SECONDS,))
            generations = {str(generation) for (generation,) in self._index.execute("SELECT generation FROM objects")}
            uploads = {upload_id for (upload_id,) in self._index.execute("SELECT id FROM uploads")}
        for folder, known in ((self._contents, generations), (self._uploads, uploads), (self._incoming, set())):
            for path in folder.iterdir():
                if path.name not in known:
                    path.unlink()


def _checksums(content: Path, expected: Mapping[str, Any]) -> dict[str, str]:
    """Return what a file's checksums are, in base64.

    Raises:
        StorageError: 400, one that is expected is another.
    """
    crc32c, md5 = 0, hashlib.md5(usedforsecurity=False)
    with content.open("rb") as file:
        while chunk := file.read(_CHUNK):
            crc32c = google_crc32c.extend(crc32c, chunk)
            md5.update(chunk)
    found = {"crc32c": b64encode(crc32c.to_bytes(4, "big")).decode(), "md5Hash": b64encode(md5.digest()).decode()}
    for name, value in found.items():
        if expected.get(name) not in (None, value):
            message = f'Provided {name} "{expected[name]}" doesn\'t match calculated {name} "{value}".'
            raise StorageError(400, "invalid", message)
    return found
