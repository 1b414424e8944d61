"""Uploads to Cloud Storage, real or local, by Google's client."""

from __future__ import annotations

import base64
import mimetypes
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import google_crc32c
from google.api_core.client_options import ClientOptions
from google.api_core.exceptions import GoogleAPIError, NotFound, PreconditionFailed
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError
from google.cloud.storage import Blob, Bucket, Client
from requests.exceptions import RequestException

from logline_cli.connection import Connection
from logline_cli.errors import ClientError

_CONTENT_TYPES = {"gzip": "application/gzip", "bzip2": "application/x-bzip2", "xz": "application/x-xz"}
_TIMEOUT = 60


class MissingBucketError(ClientError):
    """There is no such bucket."""


@dataclass(frozen=True)
class Upload:
    """A file and its object.

    Attributes:
        path: the file.
        name: the object.
        size: of the file, in bytes.
        is_new: False where the object had the file's content already.
    """

    path: Path
    name: str
    size: int
    is_new: bool


@contextmanager
def opened_bucket(where: Connection, name: str) -> Iterator[Bucket]:
    """Open a bucket; what Google's client raises within becomes one line.

    Raises:
        ClientError: Cloud Storage does not answer or refuses, or there are no credentials.
        MissingBucketError: there is no such bucket.
    """
    try:
        client = _client(where)
        try:
            yield client.bucket(name)
        finally:
            client.close()
    except NotFound as error:
        raise MissingBucketError(f"bucket {name} does not exist: correct it, or run the DAG provision once") from error
    except GoogleAuthError as error:
        raise ClientError(
            f"no credentials for gs://{name} ({_line(error)}): gcloud auth application-default login"
        ) from error
    except GoogleAPIError as error:
        raise ClientError(f"Cloud Storage refuses gs://{name}: {_line(error)}") from error
    except (RequestException, OSError) as error:
        todo = f" at {where.storage_url}: run make up" if where.storage_url else ": check the network"
        raise ClientError(f"Cloud Storage does not answer ({type(error).__name__}){todo}") from error


def existing_objects(bucket: Bucket, names: Iterator[str] | list[str], pattern: str) -> dict[str, Blob]:
    """Return the objects that are there, of these names or matching a pattern with a wildcard at its end."""
    prefix = pattern.partition("*")[0]
    listed = bucket.list_blobs(prefix=prefix, retry=None, timeout=_TIMEOUT)
    wanted = set(names)
    return {blob.name: blob for blob in listed if blob.name in wanted or "*" in pattern}


def upload(
    bucket: Bucket, objects: Mapping[Path, str], existing: Mapping[str, Blob], *, replace: bool
) -> Iterator[Upload]:
    """Upload files; those whose objects have their content already are left alone.

    Args:
        bucket: where to.
        objects: object name by file.
        existing: the objects that are there.
        replace: whether an object with another content is replaced.

    Yields:
        Each file, once its object is there.

    Raises:
        ClientError: an object has another content, which is found before anything is written, or a file cannot be read.
    """
    same = {path for path, name in objects.items() if name in existing and existing[name].crc32c == _crc32c(path)}
    other = [(path, name) for path, name in objects.items() if name in existing and path not in same]
    if other and not replace:
        path, name = other[0]
        more = f" (and {len(other) - 1} more)" if len(other) > 1 else ""
        raise ClientError(
            f"gs://{bucket.name}/{name} is there with another content than {path}{more}: give --replace, or another "
            "--prefix to keep both"
        )
    for path, name in objects.items():
        if path not in same:
            _upload(bucket, path, name, generation=existing[name].generation if name in existing else 0)
        yield Upload(path, name, path.stat().st_size, path not in same)


def _upload(bucket: Bucket, path: Path, name: str, *, generation: int) -> None:
    with _opened(path) as file:
        try:
            bucket.blob(name).upload_from_file(
                file,
                size=path.stat().st_size,
                content_type=_content_type(path),
                if_generation_match=generation,
                checksum="crc32c",
                timeout=_TIMEOUT,
            )
        except PreconditionFailed:
            raise ClientError(f"gs://{bucket.name}/{name} was changed meanwhile: run this again") from None


def _client(where: Connection) -> Client:
    if not where.storage_url:
        return Client()
    return Client(
        project="local",
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
        client_options=ClientOptions(api_endpoint=where.storage_url),
    )


def _crc32c(path: Path) -> str:
    value = 0
    with _opened(path) as file:
        while block := file.read(1 << 20):
            value = google_crc32c.extend(value, block)
    return base64.b64encode(value.to_bytes(4, "big")).decode()


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise ClientError(f"{path}: cannot be read: {error.strerror}") from None


def _content_type(path: Path) -> str:
    kind, compression = mimetypes.guess_type(path.name)
    return _CONTENT_TYPES.get(compression or "", "application/octet-stream" if compression or kind else "text/plain")


def _line(error: Exception) -> str:
    return " ".join(str(getattr(error, "message", None) or error).split())[:300]
