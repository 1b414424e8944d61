"""Objects on Cloud Storage, by `google-cloud-storage`, which honours `STORAGE_EMULATOR_HOST`.

Objects are read raw (no decompressive transcoding: half-read objects, cf. apache/beam #31040) and pinned to the
generation that was listed. Only permissions on objects are needed, none on buckets. `files` says what each call raises.
"""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from beam_jobs.storage.credentials import credentials_at_hand
from beam_jobs.storage.objects import WILDCARDS, InputError, InputErrorType, OutputError, StoredObject, changed

GCS_SCHEME = "gs://"


def list_matching(pattern: str) -> list[StoredObject]:
    """List the objects that match a pattern in Cloud Storage's own glob syntax; there may be none."""
    bucket_name, name = _split(pattern)
    with _input_errors(pattern):
        bucket = _client().bucket(bucket_name)
        if WILDCARDS.isdisjoint(name):
            blob = bucket.get_blob(name) if name else None
            if blob is None:
                _require_bucket(bucket_name)
            blobs = [blob] if blob else []
        else:
            literal = name[: min(name.index(mark) for mark in WILDCARDS if mark in name)]
            blobs = list(_client().list_blobs(bucket, prefix=literal or None, match_glob=name))
    return [
        StoredObject(f"{GCS_SCHEME}{bucket_name}/{blob.name}", int(blob.generation), int(blob.size))
        for blob in blobs
        if not blob.name.endswith("/")
    ]


def read(stored: StoredObject, start: int, end: int) -> bytes:
    """Read the raw bytes [start, end) of the listed generation."""
    from google.api_core.exceptions import NotFound, RequestRangeNotSatisfiable

    # A byte behind the end would tell that the object is larger than it was listed.
    last = end if end == stored.size else end - 1
    with _input_errors(stored.uri):
        try:
            blob = _blob(stored.uri, stored.generation)
            content = bytes(blob.download_as_bytes(start=start, end=last, raw_download=True))
        except (NotFound, RequestRangeNotSatisfiable) as error:
            raise changed(stored) from error
    if len(content) != end - start:
        raise changed(stored)
    return content


def read_whole(uri: str) -> bytes:
    """Read all bytes of an object, of any generation."""
    from google.api_core.exceptions import NotFound

    with _input_errors(uri):
        try:
            return bytes(_blob(uri).download_as_bytes(raw_download=True))
        except NotFound as error:
            raise InputError(uri, InputErrorType.NO_MATCH, "no such object") from error


def write(uri: str, content: bytes | Path) -> None:
    """Write a whole object atomically: some bytes, or a finished local file."""
    from google.cloud.storage.retry import DEFAULT_RETRY

    with _output_errors(uri):
        blob = _blob(uri)
        upload = blob.upload_from_filename if isinstance(content, Path) else blob.upload_from_string
        # A write of a deterministic name with deterministic content may be repeated.
        upload(content, content_type="application/octet-stream", retry=DEFAULT_RETRY)


def delete(uri: str) -> None:
    """Delete one object; a missing object is fine, a missing bucket is an error."""
    from google.api_core.exceptions import NotFound

    with _output_errors(uri):
        try:
            _blob(uri).delete()
        except NotFound:
            _require_bucket(_split(uri)[0])


def _split(uri: str) -> tuple[str, str]:
    bucket_name, _, name = uri.removeprefix(GCS_SCHEME).partition("/")
    return bucket_name, name


def _blob(uri: str, generation: int | None = None) -> Any:
    bucket_name, name = _split(uri)
    return _client().bucket(bucket_name).blob(name, generation=generation)


def _require_bucket(name: str) -> None:
    """Raise `NotFound` if the bucket is missing; needs only the permission to list objects."""
    next(iter(_client().list_blobs(name, max_results=1)), None)


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
        return Client(credentials=credentials_at_hand())
    return Client()


def _input_errors(uri: str) -> AbstractContextManager[None]:
    message = f"no such bucket: {_split(uri)[0]}; create it or correct the pattern"
    missing = InputError(uri, InputErrorType.MISSING_BUCKET, message)
    return _errors(missing, lambda what: InputError(uri, InputErrorType.UNREADABLE, what))


def _output_errors(uri: str) -> AbstractContextManager[None]:
    missing = OutputError(f"{uri}: no such bucket: {_split(uri)[0]}; create it or correct the output folder")
    return _errors(missing, lambda what: OutputError(f"{uri}: cannot be written: {what}"))


@contextlib.contextmanager
def _errors(missing_bucket: Exception, failure: Callable[[str], Exception]) -> Iterator[None]:
    from google.api_core.exceptions import GoogleAPIError, NotFound
    from google.auth.exceptions import GoogleAuthError

    try:
        yield
    except NotFound as error:
        raise missing_bucket from error
    except (GoogleAPIError, GoogleAuthError, OSError) as error:
        raise failure(str(error).strip().partition("\n")[0] or type(error).__name__) from error
