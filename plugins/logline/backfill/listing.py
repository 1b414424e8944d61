"""Listing what a run reads, all days at once."""

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
        listed = pool.map(lambda source: _list(client, source), patterns)
        blobs = dict(zip((source.uri for source in patterns), listed, strict=True))
    return {
        source.label: [
            SourceObject(source.label, f"gs://{source.bucket}/{blob.name}", int(blob.generation), int(blob.size))
            for blob in blobs[source.uri]
        ]
        for source in sources
    }


def _list(client: Client, source: DaySource) -> list[Blob]:
    missing = f"bucket {source.bucket} does not exist: correct source {source.uri}"
    with answering("Cloud Storage", missing=missing, refused=f"bucket {source.bucket} cannot be listed"):
        blobs = client.list_blobs(
            source.bucket,
            prefix=source.prefix,
            match_glob=source.glob,
            fields="items(name,generation,size),nextPageToken",
            retry=NEVER,
            timeout=TIMEOUT_SECONDS,
        )
        # Names that end with a slash are folders that a console has made.
        return [blob for blob in blobs if not blob.name.endswith("/")]
