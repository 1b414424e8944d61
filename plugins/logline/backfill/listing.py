"""Listing objects: what a pattern matches, and what a run reads of all its days."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from airflow.providers.google.cloud.hooks.gcs import GCSHook
from google.cloud.storage import Blob, Client

from logline.backfill.sources import DaySource
from logline.backfill.units import SourceObject
from logline.service_errors import NEVER, TIMEOUT_SECONDS, answering

# As many connections as Google's client keeps open, less than that.
_AT_ONCE = 8


def list_sources(sources: Sequence[DaySource]) -> dict[str, list[SourceObject]]:
    """List the objects of each source, by its label.

    Raises:
        AirflowFailException: a bucket does not exist, or may not be listed.
        AirflowException: Cloud Storage does not answer now.
    """
    client = GCSHook().get_conn()
    patterns = list({source.uri: source for source in sources}.values())
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        listed = pool.map(lambda source: _list_source(client, source), patterns)
        blobs = dict(zip((source.uri for source in patterns), listed, strict=True))
    return {
        source.label: [
            SourceObject(source.label, f"gs://{source.bucket}/{blob.name}", int(blob.generation), int(blob.size))
            for blob in blobs[source.uri]
        ]
        for source in sources
    }


def list_blobs(client: Client, source: DaySource, *, fields: str, missing: str) -> list[Blob]:
    """List the objects that a pattern matches, but for folders.

    Args:
        client: of Cloud Storage.
        source: the pattern.
        fields: of an object, as the API names them, separated by commas.
        missing: one line for a bucket that does not exist.

    Raises:
        AirflowFailException: the bucket does not exist, or may not be listed.
        AirflowException: Cloud Storage does not answer now.
    """
    with answering("Cloud Storage", missing=missing, refused=f"bucket {source.bucket} cannot be listed"):
        blobs = client.list_blobs(
            source.bucket,
            prefix=source.prefix,
            match_glob=source.glob,
            fields=f"items({fields}),nextPageToken",
            retry=NEVER,
            timeout=TIMEOUT_SECONDS,
        )
        # Names that end with a slash are folders that a console has made.
        return [blob for blob in blobs if not blob.name.endswith("/")]


def _list_source(client: Client, source: DaySource) -> list[Blob]:
    missing = f"bucket {source.bucket} does not exist: correct source {source.uri}"
    return list_blobs(client, source, fields="name,generation,size", missing=missing)
