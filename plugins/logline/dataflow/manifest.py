"""The manifest a finished parse job leaves behind: what it read, and which files it wrote."""

from __future__ import annotations

import json
from typing import Any

from airflow.providers.google.cloud.hooks.gcs import GCSHook
from airflow.sdk.exceptions import AirflowFailException
from google.api_core.exceptions import NotFound

MANIFEST_VERSION = 1


def split_uri(uri: str) -> tuple[str, str]:
    """`gs://bucket/a/b` as `("bucket", "a/b")`."""
    bucket, _, name = uri.removeprefix("gs://").partition("/")
    return bucket, name


def read_manifest(uri: str, gcp_conn_id: str) -> dict[str, Any]:
    """Read the manifest at `uri`.

    Raises:
        AirflowFailException: there is none, or it is not of the version this release knows.
    """
    bucket, name = split_uri(uri)
    try:
        content = GCSHook(gcp_conn_id=gcp_conn_id).download(bucket_name=bucket, object_name=name)
    except NotFound:
        raise AirflowFailException(f"{uri} is missing: the parse job has not finished, clear it") from None
    manifest: dict[str, Any] = json.loads(content)
    if manifest.get("version") != MANIFEST_VERSION:
        raise AirflowFailException(
            f"{uri} has version {manifest.get('version')!r}, this release reads version {MANIFEST_VERSION}: "
            "run the provision DAG and the backfill again"
        )
    return manifest
