"""The ledger of a backfill: its rows of the tables `ledger` and `ledger_days`."""

from __future__ import annotations

import json
from datetime import date, datetime

import pyarrow as pa

from beam_jobs.output.identity import BACKFILL, reading_id
from beam_jobs.output.manifest import Manifest, RunInfo

_TIMESTAMP: pa.DataType = pa.timestamp("us", tz="UTC")

_LEDGER_COLUMNS: dict[str, pa.DataType] = {
    "run_id": pa.string(),
    "source": pa.string(),
    "source_uri": pa.string(),
    "generation": pa.int64(),
    "log_format": pa.string(),
    "lines": pa.int64(),
    "rows": pa.int64(),
    "rejected": pa.int64(),
    "blank": pa.int64(),
    "bytes": pa.int64(),
    "job_id": pa.string(),
    "parser_version": pa.string(),
    "started": _TIMESTAMP,
    "finished": _TIMESTAMP,
    # New columns come last, where existing tables get them.
    "frames": pa.string(),
    "formats": pa.string(),
    "error_type": pa.string(),
    "error_message": pa.string(),
    "reading": pa.int64(),
}
_LEDGER_DAYS_COLUMNS: dict[str, pa.DataType] = {
    "run_id": pa.string(),
    "source_uri": pa.string(),
    "generation": pa.int64(),
    "log_date": pa.date32(),
    "rows": pa.int64(),
    "finished": _TIMESTAMP,
}
LEDGER_SCHEMA = pa.schema(_LEDGER_COLUMNS)
LEDGER_DAYS_SCHEMA = pa.schema(_LEDGER_DAYS_COLUMNS)


def ledger_of(run: RunInfo, manifest: Manifest) -> tuple[pa.Table, pa.Table]:
    """Turn a manifest into rows of `ledger`, one for each source object, and of `ledger_days`, one for each day too.

    An object that could not be read has a row of `ledger` with its error and without lines.
    """
    finished = datetime.fromisoformat(manifest["finished"])
    of_run = {
        "run_id": run.run_id,
        "source": BACKFILL,
        "job_id": run.job_id,
        "parser_version": run.parser_version,
        "started": run.started,
        "finished": finished,
    }
    read = [
        {name: value for name, value in source.items() if name in _LEDGER_COLUMNS}
        | {"frames": _as_json(source["frames"]), "formats": _as_json(source["formats"])}
        | {"reading": reading_id(source["source_uri"], source["generation"], run)}
        for source in manifest["sources"]
    ]
    unreadable = [
        {name: value for name, value in error.items() if name in _LEDGER_COLUMNS}
        | {"bytes": error["size"], "lines": 0, "rows": 0, "rejected": 0, "blank": 0}
        for error in manifest["errors"]
    ]
    days = [
        {
            "run_id": run.run_id,
            "source_uri": source["source_uri"],
            "generation": source["generation"],
            "log_date": date.fromisoformat(day),
            "rows": rows,
            "finished": finished,
        }
        for source in manifest["sources"]
        for day, rows in source["rows_by_date"].items()
    ]
    ledger = [of_run | row for row in (*read, *unreadable)]
    return pa.Table.from_pylist(ledger, LEDGER_SCHEMA), pa.Table.from_pylist(days, LEDGER_DAYS_SCHEMA)


def _as_json(counts: dict[str, int]) -> str | None:
    return json.dumps(counts) if counts else None
