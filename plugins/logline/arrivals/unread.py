"""What lies in the bucket and has been read by no run."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from airflow.providers.google.cloud.hooks.gcs import GCSHook
from google.cloud.bigquery import LoadJobConfig
from google.cloud.storage import Blob

from logline.arrivals.source import LogObjects
from logline.backfill.listing import list_blobs
from logline.backfill.sources import ALL_DAYS, DaySource, common_prefix
from logline.service_errors import NEVER, TIMEOUT_SECONDS, answering
from logline.settings import Settings
from logline.warehouse.queries import Query, bigquery_hook

TABLE = "unread_objects"
NEW, REPLACED = "new", "replaced"
# Where the runs of log_backfill list what they read, below the bucket of temporary files.
PINNED = "staging/*/*/objects.jsonl"
# A list of a run that failed is as good as one of a run under way, as long as any run is: not for ever.
PINNED_SECONDS = 6 * 3600


class UnreadObject(NamedTuple):
    """A row of `unread_objects`."""

    object: str
    generation: int
    size: int
    created: datetime
    noticed_at: datetime
    reason: str
    log_date: str


def unread_objects(
    logs: LogObjects, listed: Iterable[Blob], seen: Sequence[Mapping[str, Any]], now: datetime
) -> list[UnreadObject]:
    """Compare a listing with what is known of it.

    Args:
        logs: the pattern of the listing.
        listed: the objects, with name, generation, size and time of creation.
        seen: rows of `sql/unread_objects/seen.sql`: `object`, `generation`, and `noticed_at` of what was unread.
        now: when it was listed.
    """
    read = {row["object"]: row["generation"] for row in seen if row["noticed_at"] is None}
    noticed = {(row["object"], row["generation"]): row["noticed_at"] for row in seen if row["noticed_at"] is not None}
    found = []
    for blob in listed:
        uri, generation = f"gs://{logs.any_day.bucket}/{blob.name}", int(blob.generation)
        known = read.get(uri)
        if known is not None and known >= generation:
            continue
        found.append(
            UnreadObject(
                object=uri,
                generation=generation,
                size=int(blob.size or 0),
                created=blob.time_created,
                noticed_at=noticed.get((uri, generation), now),
                reason=NEW if known is None else REPLACED,
                log_date=(logs.day_of(uri) or blob.time_created.astimezone(UTC).date()).isoformat(),
            )
        )
    return found


def list_logs(logs: LogObjects) -> list[Blob]:
    """List what matches the pattern."""
    missing = f"bucket {logs.any_day.bucket} does not exist: correct LOGLINE_SOURCE, or run the provision DAG once"
    client = GCSHook().get_conn()
    return list_blobs(client, logs.any_day, fields="name,generation,size,timeCreated", missing=missing)


def pinned_objects(settings: Settings, now: datetime) -> set[tuple[str, int]]:
    """Return the objects, with their generations, that recent runs of `log_backfill` have set out to read."""
    bucket = settings.temp_bucket
    missing = f"bucket {bucket} does not exist: run the provision DAG once"
    found = set()
    lists = DaySource(ALL_DAYS, f"gs://{bucket}/{PINNED}")
    for blob in list_blobs(GCSHook().get_conn(), lists, fields="name,timeCreated", missing=missing):
        if (now - blob.time_created).total_seconds() > PINNED_SECONDS:
            continue
        with answering("Cloud Storage", refused=f"gs://{bucket}/{blob.name} cannot be read"):
            text = blob.download_as_text(retry=NEVER, timeout=TIMEOUT_SECONDS)
        found |= {(one["uri"], int(one["generation"])) for one in map(json.loads, text.splitlines())}
    return found


def write_unread(settings: Settings, labels: dict[str, str], unread: Collection[UnreadObject]) -> None:
    """Replace the rows of the table, by a load job: it costs nothing, and readers see all rows or those of before."""
    client = bigquery_hook(settings).get_client(project_id=settings.project)
    table = f"{settings.project}.{settings.dataset}.{TABLE}"
    rows = [{name: _as_json(value) for name, value in one._asdict().items()} for one in unread]
    missing = f"table {table} is missing: run the provision DAG once"
    with answering("BigQuery", missing=missing, refused=f"{table} cannot be replaced"):
        # What a load does not say again, such as descriptions, it takes away or does not agree with.
        made = client.get_table(table, retry=NEVER, timeout=TIMEOUT_SECONDS)
        config = LoadJobConfig(
            schema=made.schema,
            time_partitioning=made.time_partitioning,
            write_disposition="WRITE_TRUNCATE",
            source_format="NEWLINE_DELIMITED_JSON",
            labels=labels,
        )
        client.load_table_from_json(rows, table, job_config=config, location=settings.location).result()


def seen_query(logs: LogObjects, day: str) -> Query:
    """Return the query (templated) of what is known of the objects of a pattern."""
    query = Query("{% include 'sql/unread_objects/seen.sql' %}", day=day)
    return query.with_strings(prefix=common_prefix([logs.any_day]))


def _as_json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
