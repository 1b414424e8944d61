"""The source objects of a backfill, as Cloud Storage lists them before anything starts."""

from __future__ import annotations

from dataclasses import dataclass

from airflow.providers.google.cloud.hooks.gcs import GCSHook

from logline.backfill.units import BackfillUnit
from logline.preflight import NEVER, TIMEOUT_SECONDS, answering


@dataclass(frozen=True)
class StoredObject:
    """An object of Cloud Storage and its size in bytes."""

    name: str
    size: int


def list_objects(unit: BackfillUnit) -> list[StoredObject]:
    """List the objects that a unit would read now."""
    with answering(
        "Cloud Storage",
        f"bucket {unit.bucket} does not exist: correct source {unit.source}",
        f"bucket {unit.bucket} cannot be listed",
    ):
        blobs = (
            GCSHook()
            .get_conn()
            .list_blobs(
                unit.bucket,
                prefix=unit.prefix,
                match_glob=unit.objects,
                fields="items(name,size),nextPageToken",
                retry=NEVER,
                timeout=TIMEOUT_SECONDS,
            )
        )
        return [StoredObject(name=blob.name, size=blob.size or 0) for blob in blobs]
