"""List, read, write and delete objects at `gs://` and local paths."""

from __future__ import annotations

import glob
import operator
import os
import re
import secrets
from pathlib import Path

from beam_jobs.storage import gcs as cloud_storage
from beam_jobs.storage.gcs import GCS_SCHEME
from beam_jobs.storage.objects import WILDCARDS, InputError, InputErrorType, OutputError, StoredObject, changed

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


def is_gcs(uri: str) -> bool:
    """Tell whether the uri names Cloud Storage; everything else is a local path."""
    return uri.startswith(GCS_SCHEME)


def absolute(uri: str) -> str:
    """Strip trailing slashes and make a local path absolute, its links kept.

    Raises:
        ValueError: it names no bucket, or begins with another scheme.
    """
    if is_gcs(uri) and uri[len(GCS_SCHEME) :].partition("/")[0]:
        return uri.rstrip("/")
    if _SCHEME.match(uri):
        raise ValueError(f"{uri!r} is neither on Cloud Storage nor a path: write gs://bucket/name, or ./ before it")
    return os.path.abspath(Path(uri).expanduser())  # noqa: PTH100


def list_objects(pattern: str) -> list[StoredObject]:
    """List the objects that match a pattern (`*`, `?`, `[]` within a folder, `**` across folders), sorted by uri.

    Raises:
        InputError: nothing matches, or the bucket or file cannot be listed.
    """
    found = cloud_storage.list_matching(pattern) if is_gcs(pattern) else _list_local(pattern)
    if not found:
        raise InputError(
            pattern, InputErrorType.NO_MATCH, "no object matches; check the path, or list it with the same pattern"
        )
    return sorted(found, key=operator.attrgetter("uri"))


def read_range(stored: StoredObject, start: int, end: int) -> bytes:
    """Read the raw bytes [start, end) of the listed generation, fewer only where the object ends earlier.

    Raises:
        InputError: the object was replaced or deleted since it was listed, or cannot be read.
    """
    end = min(end, stored.size)
    if start >= end:
        return b""
    return cloud_storage.read(stored, start, end) if is_gcs(stored.uri) else _read_local(stored, start, end)


def read_whole(uri: str) -> bytes:
    """Read all bytes of a small object, of any generation.

    Raises:
        InputError: it does not exist or cannot be read.
    """
    if is_gcs(uri):
        return cloud_storage.read_whole(uri)
    try:
        return Path(uri).read_bytes()
    except OSError as error:
        raise _local_error(uri, error) from error


def write_object(uri: str, content: bytes | memoryview) -> None:
    """Write a whole object atomically: readers see the old content or all of the new.

    Raises:
        OutputError: the bucket or folder cannot be written.
    """
    if is_gcs(uri):
        cloud_storage.write(uri, bytes(content))
        return
    path = Path(uri)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            with unfinished.open("xb") as stream:
                stream.write(content)
            unfinished.replace(path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutputError(f"{uri}: cannot be written: {error.strerror}") from error


def delete_object(uri: str) -> None:
    """Delete one object; a missing object is fine, a missing bucket is an error.

    Raises:
        OutputError: the bucket or folder cannot be written.
    """
    if is_gcs(uri):
        cloud_storage.delete(uri)
        return
    path = Path(uri)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        if not os.access(path.parent, os.W_OK):
            raise OutputError(f"{path.parent}: is not writable; choose another output folder")
    except OSError as error:
        raise OutputError(f"{uri}: cannot be written: {error.strerror}") from error


def _list_local(pattern: str) -> list[StoredObject]:
    pattern = absolute(pattern)
    # Path.glob takes no absolute pattern.
    paths = [pattern] if WILDCARDS.isdisjoint(pattern) else glob.glob(pattern, recursive=True)  # noqa: PTH207
    found = []
    for path in paths:
        if not Path(path).is_file():
            continue
        try:
            path.encode()
            status = Path(path).stat()
        except UnicodeEncodeError as error:
            shown = path.encode(errors="backslashreplace").decode()
            raise InputError(
                shown, InputErrorType.UNREADABLE, "the file's name is not UTF-8; rename the file"
            ) from error
        except OSError as error:
            raise _local_error(path, error) from error
        found.append(StoredObject(path, status.st_mtime_ns, status.st_size))
    return found


def _read_local(stored: StoredObject, start: int, end: int) -> bytes:
    try:
        with Path(stored.uri).open("rb", buffering=0) as stream:
            status = os.fstat(stream.fileno())
            if (status.st_mtime_ns, status.st_size) != (stored.generation, stored.size):
                raise changed(stored)
            content = os.pread(stream.fileno(), end - start, start)
            while len(content) < end - start:  # read(2) transfers at most 0x7ffff000 bytes, and may be interrupted
                more = os.pread(stream.fileno(), end - start - len(content), start + len(content))
                if not more:
                    raise changed(stored)
                content += more
            return content
    except FileNotFoundError as error:
        raise changed(stored) from error
    except OSError as error:
        raise _local_error(stored.uri, error) from error


def _local_error(path: str, error: OSError) -> InputError:
    missing = isinstance(error, FileNotFoundError)
    kind = InputErrorType.NO_MATCH if missing else InputErrorType.UNREADABLE
    return InputError(path, kind, f"cannot be read: {error.strerror}")
