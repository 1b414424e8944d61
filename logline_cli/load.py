"""`logline load`: log files of this machine into the bucket, and from there into the tables."""

import argparse
from dataclasses import replace
from typing import Any

from logline_cli.airflow import AirflowApi
from logline_cli.backfill import backfill
from logline_cli.bucket import MissingBucketError, existing_objects, opened_bucket, upload
from logline_cli.connection import BUCKET, Connection, connection, storage_connection
from logline_cli.errors import ClientError, UsageError
from logline_cli.progress import Screen, follow
from logline_cli.sources import Sources, find_sources
from logline_cli.tables import counted


def run(options: argparse.Namespace) -> int:
    """Run the subcommand and return its exit code."""
    sources = find_sources(options.files, options.prefix)
    if options.log_format is not None and not options.backfill:
        raise UsageError("--log-format is how a backfill reads the files: give --backfill too")
    where = storage_connection(options.airflow_url)
    if options.bucket:
        where = replace(where, bucket=options.bucket)
    if not where.bucket:
        raise UsageError(
            f"nothing says which bucket: start the local stack (make up), or give --bucket or set {BUCKET}"
        )
    airflow = connection(options.airflow_url, options.token) if options.backfill else None
    screen = Screen()
    try:
        _upload(where, sources, screen, replace=options.replace)
    except MissingBucketError:
        # A local stack that was started a moment ago has not been provisioned; elsewhere that costs money.
        if not where.storage_url or options.bucket:
            raise
        _provision(where, screen)
        _upload(where, sources, screen, replace=options.replace)
    source = f"gs://{where.bucket}/{sources.pattern}"
    if airflow is None:
        screen.line(f"read them into the tables: logline backfill --source '{source}'")
        return 0
    conf: dict[str, Any] = {"source": source}
    if options.log_format is not None:
        conf["log_format"] = options.log_format
    return backfill(airflow, conf, screen)


def _upload(where: Connection, sources: Sources, screen: Screen, *, replace: bool) -> None:
    with opened_bucket(where, where.bucket) as bucket:
        existing = existing_objects(bucket, [*sources.objects.values()], sources.pattern)
        files = counted(len(sources.objects), "file")
        screen.working(f"uploading {files}")
        for number, done in enumerate(upload(bucket, sources.objects, existing, replace=replace), 1):
            how = f"{done.size:,} bytes" if done.is_new else "there already"
            screen.line(f"{done.path} -> gs://{where.bucket}/{done.name} ({how})")
            screen.working(f"{number} of {files} uploaded")
        screen.clear()
    if others := set(existing) - set(sources.objects.values()):
        screen.line(
            f"{counted(len(others), 'object')} of earlier loads also match gs://{where.bucket}/{sources.pattern}: "
            "read again, they give the same rows"
        )


def _provision(where: Connection, screen: Screen) -> None:
    screen.line(f"bucket {where.bucket} does not exist yet: running provision")
    with AirflowApi.at(where) as api:
        ended = follow(api, api.trigger("provision"), screen)
    if ended.state != "success":
        raise ClientError(f"provision failed: {ended.note or api.run_url(ended)}")
