"""Uploads of Google's client, CSV files and extracts to new folders, for the BigQuery emulator.

bqemulator 1.4.0 refuses uploads of the content type that Google's client sends, takes the first row of every CSV file
for a header, and extracts only into folders that exist.
"""

from typing import Any

from bqemulator.api.dependencies import AppContext
from bqemulator.api.routes import upload
from bqemulator.jobs import executor

_load_file = executor._load_path_into_target
_write_file = executor._copy_relation_to_file


def load_file(path: str, job: executor._LoadJobConfig, ctx: AppContext) -> None:
    """Append a file's rows to a table; of CSV, all but `skipLeadingRows`."""
    if job.source_format != "CSV":
        _load_file(path, job, ctx)
        return
    skipped = job.raw_config.get("skipLeadingRows")
    # The service too looks for a header where it is to find out the schema.
    header = "" if skipped is None and job.raw_config.get("autodetect") else ", HEADER false"
    ctx.engine.execute(f"COPY {job.target_ref} FROM ? (FORMAT CSV{header}, SKIP {int(skipped or 0)})", [path])


def write_file(relation: str, path: str, *arguments: Any, **options: Any) -> None:
    """Write rows to a file, in a new folder where need be."""
    executor._ensure_parent_dir(path)
    _write_file(relation, path, *arguments, **options)


def patch() -> None:
    """Put these in the place of bqemulator's."""
    vars(executor).update(_load_path_into_target=load_file, _copy_relation_to_file=write_file)
    vars(upload)["_PERMITTED_MEDIA_CONTENT_TYPES"] += ("*/*",)
