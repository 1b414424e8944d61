"""The manifest that a finished parse job leaves: what it read and which files it wrote."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from airflow.providers.google.cloud.hooks.gcs import GCSHook
from airflow.sdk.exceptions import AirflowFailException
from google.api_core.exceptions import NotFound

from logline.uris import split_uri

MANIFEST_VERSION = 2


@dataclass(frozen=True)
class Manifest:
    """What the DAGs read of a manifest."""

    run_id: str
    # URIs of the Parquet files, by what they hold.
    files: dict[str, list[str]]
    # Its JSON, for checks that are written in SQL.
    text: str

    @classmethod
    def parse(cls, uri: str, content: bytes) -> Manifest:
        """Read the content of the object `uri`.

        Raises:
            AirflowFailException: it is not a manifest, or not of the version this release reads.
        """
        try:
            fields: dict[str, Any] = json.loads(content)
            version = fields.get("version")
            if version == MANIFEST_VERSION:
                return cls(fields["run_id"], fields["files"], json.dumps(fields))
        except (ValueError, KeyError, AttributeError) as error:
            raise AirflowFailException(f"{uri} is not a manifest ({error}): clear the parse job") from None
        raise AirflowFailException(
            f"{uri} has version {version!r}, this release reads version {MANIFEST_VERSION}: "
            "run the provision DAG and the backfill again"
        )


def read_manifest(uri: str) -> Manifest:
    """Read the manifest at `uri`.

    Raises:
        AirflowFailException: it is missing, or cannot be read.
    """
    bucket, name = split_uri(uri)
    try:
        content = GCSHook().download(bucket_name=bucket, object_name=name)
    except NotFound:
        raise AirflowFailException(f"{uri} is missing: the parse job has not finished, clear it") from None
    return Manifest.parse(uri, content)
