"""Bytes in and out of `gs://` and local paths: list, read a range, write whole, delete.

Cloud Storage is reached through `google-cloud-storage`, which honours `STORAGE_EMULATOR_HOST`. Objects are read raw
(no decompressive transcoding: half-read objects, cf. apache/beam #31040) and pinned to the generation that was listed.
"""

from __future__ import annotations

import contextlib
import functools
import glob
import os
import socket
import tempfile
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

GCS_SCHEME = "gs://"
_WILDCARDS = frozenset("*?[")


class InputErrorType(StrEnum):
    """Why an input could not be read: the closed list of `error_type` in a manifest's `errors`."""

    NO_MATCH = "no_match"
    MISSING_BUCKET = "missing_bucket"
    UNKNOWN_FORMAT = "unknown_format"
    TRUNCATED_GZIP = "truncated_gzip"
    CORRUPT_GZIP = "corrupt_gzip"
    CHANGED = "changed_while_read"
    UNREADABLE = "unreadable"


class InputError(ValueError):
    """An input that cannot be read, said in one line.

    Args:
        source_uri: the object or pattern.
        error_type: which of the closed list.
        message: what is wrong and what to do, without the uri.
    """

    def __init__(self, source_uri: str, error_type: InputErrorType, message: str) -> None:
        self.source_uri = source_uri
        self.error_type = error_type
        self.message = " ".join(message.split())
        super().__init__(source_uri, error_type, self.message)

    def __str__(self) -> str:
        return f"{self.source_uri}: {self.message}"


class OutputError(ValueError):
    """The output folder cannot be written, said in one line."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One file or object as it was listed.

    Attributes:
        uri: `gs://bucket/name` or an absolute local path.
        generation: the object's generation; of a local file, its modification time in ns.
        size: bytes as stored.
    """

    uri: str
    generation: int
    size: int


def is_gcs(uri: str) -> bool:
    """Whether the uri names Cloud Storage; everything else is a local path."""
    return uri.startswith(GCS_SCHEME)


def absolute(uri: str) -> str:
    """The uri with a local path made absolute, its links kept, and without trailing slashes."""
    return uri.rstrip("/") if is_gcs(uri) else os.path.abspath(Path(uri).expanduser())  # noqa: PTH100


def list_objects(pattern: str) -> list[StoredObject]:
    """The objects that match a pattern (`*`, `?`, `[]` within a folder, `**` across folders), sorted by uri.

    Raises:
        InputError: nothing matches, or the bucket or file cannot be listed.
    """
    found = _list_gcs(pattern) if is_gcs(pattern) else _list_local(pattern)
    if not found:
        raise InputError(
            pattern, InputErrorType.NO_MATCH, "no object matches; check the path, or list it with the same pattern"
        )
    return sorted(found, key=_uri_of)


def read_range(stored: StoredObject, start: int, end: int) -> bytes:
    """The raw bytes [start, end) of the listed generation, fewer only where the object ends before.

    Raises:
        InputError: the object was replaced or deleted since it was listed, or cannot be read.
    """
    end = min(end, stored.size)
    if start >= end:
        return b""
    return _read_gcs(stored, start, end) if is_gcs(stored.uri) else _read_local(stored, start, end)


def read_whole(uri: str) -> bytes:
    """All bytes of a small object, whatever its generation.

    Raises:
        InputError: it does not exist or cannot be read.
    """
    if is_gcs(uri):
        with _gcs_input_errors(uri):
            return bytes(_blob(uri).download_as_bytes(raw_download=True))
    try:
        return Path(uri).read_bytes()
    except OSError as error:
        raise _local_error(uri, error) from error


def write_object(uri: str, content: bytes | memoryview) -> None:
    """Write a whole object at once: readers see the old content, or all of the new.

    Raises:
        OutputError: the bucket or folder cannot be written.
    """
    if is_gcs(uri):
        with _gcs_output_errors(uri):
            _blob(uri).upload_from_string(bytes(content), content_type="application/octet-stream", retry=_retry())
        return
    path = Path(uri)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, unfinished = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content)
            Path(unfinished).chmod(0o644)
            Path(unfinished).replace(path)
        except BaseException:
            Path(unfinished).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutputError(f"{uri}: cannot be written: {error.strerror}") from error


def upload_file(local: Path, uri: str) -> None:
    """Copy a finished local file to `gs://`, replacing what is there.

    Raises:
        OutputError: the bucket cannot be written.
    """
    with _gcs_output_errors(uri):
        _blob(uri).upload_from_filename(str(local), content_type="application/octet-stream", retry=_retry())


def delete_object(uri: str) -> None:
    """Delete one object; one that is not there is fine, a bucket that is not there is not.

    Raises:
        OutputError: the bucket or folder cannot be written.
    """
    if is_gcs(uri):
        from google.api_core.exceptions import NotFound

        with _gcs_output_errors(uri):
            bucket_name, _, _ = uri.removeprefix(GCS_SCHEME).partition("/")
            if not _client().bucket(bucket_name).exists():
                raise OutputError(f"{GCS_SCHEME}{bucket_name}: no such bucket; create it or correct the output folder")
            with contextlib.suppress(NotFound):
                _blob(uri).delete()
        return
    path = Path(uri)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        if not os.access(path.parent, os.W_OK):
            raise OutputError(f"{path.parent}: is not writable; choose another output folder")
    except OSError as error:
        raise OutputError(f"{uri}: cannot be written: {error.strerror}") from error


def _uri_of(stored: StoredObject) -> str:
    return stored.uri


def _list_local(pattern: str) -> list[StoredObject]:
    pattern = absolute(pattern)
    # Path.glob takes no absolute pattern.
    paths = [pattern] if _WILDCARDS.isdisjoint(pattern) else glob.glob(pattern, recursive=True)  # noqa: PTH207
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


def _list_gcs(pattern: str) -> list[StoredObject]:
    bucket_name, _, name = pattern.removeprefix(GCS_SCHEME).partition("/")
    with _gcs_input_errors(pattern):
        bucket = _client().bucket(bucket_name)
        if _WILDCARDS.isdisjoint(name):
            blob = bucket.get_blob(name) if name else None
            if blob is None and not bucket.exists():
                raise _missing_bucket(pattern, bucket_name)
            blobs = [blob] if blob else []
        else:
            literal = name[: min(name.index(mark) for mark in _WILDCARDS if mark in name)]
            blobs = list(_client().list_blobs(bucket, prefix=literal or None, match_glob=name))
    return [
        StoredObject(f"{GCS_SCHEME}{bucket_name}/{blob.name}", int(blob.generation), int(blob.size))
        for blob in blobs
        if not blob.name.endswith("/")
    ]


def _read_local(stored: StoredObject, start: int, end: int) -> bytes:
    try:
        with Path(stored.uri).open("rb", buffering=0) as stream:
            status = os.fstat(stream.fileno())
            if (status.st_mtime_ns, status.st_size) != (stored.generation, stored.size):
                raise _changed(stored)
            content = os.pread(stream.fileno(), end - start, start)
            while len(content) < end - start:  # read(2) transfers at most 0x7ffff000 bytes, and may be interrupted
                more = os.pread(stream.fileno(), end - start - len(content), start + len(content))
                if not more:
                    raise _changed(stored)
                content += more
            return content
    except FileNotFoundError as error:
        raise _changed(stored) from error
    except OSError as error:
        raise _local_error(stored.uri, error) from error


def _read_gcs(stored: StoredObject, start: int, end: int) -> bytes:
    from google.api_core.exceptions import NotFound, RequestRangeNotSatisfiable

    with _gcs_input_errors(stored.uri):
        try:
            content = bytes(
                _blob(stored.uri, stored.generation).download_as_bytes(start=start, end=end - 1, raw_download=True)
            )
        except (NotFound, RequestRangeNotSatisfiable) as error:
            raise _changed(stored) from error
    if len(content) != end - start:
        raise _changed(stored)
    return content


def _blob(uri: str, generation: int | None = None) -> Any:
    bucket_name, _, name = uri.removeprefix(GCS_SCHEME).partition("/")
    return _client().bucket(bucket_name).blob(name, generation=generation)


def _client() -> Any:
    return _client_of(os.environ.get("STORAGE_EMULATOR_HOST"))


@functools.cache
def _client_of(emulator: str | None) -> Any:
    from google.cloud.storage import Client

    if emulator:
        address = urllib.parse.urlsplit(emulator if "//" in emulator else f"//{emulator}")
        try:
            socket.create_connection((address.hostname, address.port or 80), timeout=5).close()
        except OSError as error:
            raise ConnectionError(
                f"Cloud Storage at STORAGE_EMULATOR_HOST={emulator} does not answer;"
                " start the local stack (make up) or unset the variable"
            ) from error
    return Client()


def _retry() -> Any:
    from google.cloud.storage.retry import DEFAULT_RETRY

    # A write of a deterministic name with deterministic content may be repeated.
    return DEFAULT_RETRY


@contextlib.contextmanager
def _gcs_input_errors(uri: str) -> Iterator[None]:
    from google.api_core.exceptions import GoogleAPIError, NotFound
    from google.auth.exceptions import GoogleAuthError

    try:
        yield
    except NotFound as error:
        bucket_name, _, name = uri.removeprefix(GCS_SCHEME).partition("/")
        if _WILDCARDS.isdisjoint(name):
            raise InputError(uri, InputErrorType.NO_MATCH, "no such object") from error
        raise _missing_bucket(uri, bucket_name) from error
    except (GoogleAPIError, GoogleAuthError, OSError) as error:
        raise InputError(uri, InputErrorType.UNREADABLE, _first_line(error)) from error


@contextlib.contextmanager
def _gcs_output_errors(uri: str) -> Iterator[None]:
    from google.api_core.exceptions import GoogleAPIError, NotFound
    from google.auth.exceptions import GoogleAuthError

    try:
        yield
    except NotFound as error:
        bucket_name, _, _ = uri.removeprefix(GCS_SCHEME).partition("/")
        raise OutputError(f"{uri}: no such bucket: {bucket_name}; create it or correct the output folder") from error
    except (GoogleAPIError, GoogleAuthError, OSError) as error:
        raise OutputError(f"{uri}: cannot be written: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _missing_bucket(uri: str, bucket_name: str) -> InputError:
    return InputError(
        uri, InputErrorType.MISSING_BUCKET, f"no such bucket: {bucket_name}; create it or correct the pattern"
    )


def _changed(stored: StoredObject) -> InputError:
    return InputError(
        stored.uri, InputErrorType.CHANGED, "was replaced or deleted while it was read; run the backfill again"
    )


def _local_error(path: str, error: OSError) -> InputError:
    missing = isinstance(error, FileNotFoundError)
    kind = InputErrorType.NO_MATCH if missing else InputErrorType.UNREADABLE
    return InputError(path, kind, f"cannot be read: {error.strerror}")
