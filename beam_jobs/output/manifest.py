"""What a run has read and written: records per block, sums per source object, the manifest and the ledger.

Everything a step learns about a source object travels as one small record keyed by its uri. The records of an object
are summed once all of them are there, and the sums of a run become `manifest.json` and two Parquet files.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Self

import pyarrow as pa

from beam_jobs.access_log import PARSER_VERSION
from beam_jobs.storage.files import InputError

MANIFEST_VERSION = 1
SOURCE = "backfill"
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


@dataclass(frozen=True)
class RunInfo:
    """What every row and file of one run shares.

    Attributes:
        run_id: the caller's name of the run.
        job_name: the job's name.
        job_id: the runner's id of the job, where it is known when the job is built.
        source: the pattern that was asked for.
        output: folder of the run's files, without a trailing slash.
        parser_version: version of the parser.
        started: when the run started, UTC; also every row's `ingested_at`, so that a retried block writes the same.
    """

    run_id: str
    job_name: str
    job_id: str | None
    source: str
    output: str
    parser_version: str
    started: datetime

    @classmethod
    def begun_now(cls, *, run_id: str, job_name: str, source: str, output: str) -> Self:
        """A run of today's parser that starts now."""
        job_id = os.environ.get("DATAFLOW_EMULATOR_JOB_ID")
        return cls(run_id, job_name, job_id, source, output, PARSER_VERSION, datetime.now(UTC))

    def heading(self, finished: datetime) -> dict[str, Any]:
        """What the manifest of every batch job begins with."""
        return {
            "version": MANIFEST_VERSION,
            "run_id": self.run_id,
            "job_name": self.job_name,
            "job_id": self.job_id,
            "source": self.source,
            "parser_version": self.parser_version,
            "started": self.started.isoformat(timespec="microseconds"),
            "finished": finished.isoformat(timespec="microseconds"),
        }


@dataclass(frozen=True)
class SourceFound:
    """A source object was listed and its format is known (None where it is empty)."""

    generation: int
    size: int
    log_format: str | None


@dataclass(frozen=True)
class BlockParsed:
    """A block of a source object was parsed and its files were written."""

    lines: int
    blank: int
    rows_by_date: dict[str, int]
    rejected_by_reason: dict[str, int]
    rows_files: tuple[str, ...]
    rejected_files: tuple[str, ...]


@dataclass(frozen=True)
class SourceFailed:
    """A source object cannot be read, wholly or from some byte on."""

    error_type: str
    error_message: str

    @classmethod
    def from_error(cls, error: InputError) -> SourceFailed:
        """The record of an input error."""
        return cls(str(error.error_type), error.message)


SourceRecord = SourceFound | BlockParsed | SourceFailed


@dataclass
class SourceSummary:
    """The sums of one source object.

    Attributes:
        source_uri: the object.
        found: how it was listed; None where it could not be.
        failures: why it could not be read, empty where it could.
    """

    source_uri: str
    found: SourceFound | None = None
    failures: list[SourceFailed] = field(default_factory=list)
    lines: int = 0
    blank: int = 0
    rows_by_date: Counter[str] = field(default_factory=Counter)
    rejected_by_reason: Counter[str] = field(default_factory=Counter)
    rows_files: list[str] = field(default_factory=list)
    rejected_files: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, source_uri: str, records: Iterable[SourceRecord]) -> SourceSummary:
        """Sum an object's records, in whatever order they come."""
        summary = cls(source_uri)
        for record in records:
            match record:
                case SourceFound():
                    summary.found = record
                case SourceFailed():
                    summary.failures.append(record)
                case BlockParsed():
                    summary.lines += record.lines
                    summary.blank += record.blank
                    summary.rows_by_date.update(record.rows_by_date)
                    summary.rejected_by_reason.update(record.rejected_by_reason)
                    summary.rows_files.extend(record.rows_files)
                    summary.rejected_files.extend(record.rejected_files)
        return summary

    @property
    def rows(self) -> int:
        """Lines that became rows."""
        return self.rows_by_date.total()

    @property
    def rejected(self) -> int:
        """Lines that were rejected."""
        return self.rejected_by_reason.total()


def manifest_of(run: RunInfo, summaries: Iterable[SourceSummary], finished: datetime) -> dict[str, Any]:
    """The content of `manifest.json`.

    An object that could not be read to its end appears in `errors` only: what was read of it counts for nothing.

    Raises:
        ValueError: lines of an object are not the sum of its rows, rejected and blank lines.
    """
    summaries = sorted(summaries, key=_uri_of)
    complete = [summary for summary in summaries if not summary.failures]
    sources = [_source_entry(summary) for summary in complete]
    totals = {name: sum(source[name] for source in sources) for name in ("bytes", "lines", "rows", "rejected", "blank")}
    return run.heading(finished) | {
        "sources": sources,
        "totals": {"sources": len(sources)} | totals,
        "files": {
            "rows": sorted(name for summary in complete for name in summary.rows_files),
            "rejected": sorted(name for summary in complete for name in summary.rejected_files),
            "ledger": [f"{run.output}/ledger/ledger.parquet"],
            "ledger_days": [f"{run.output}/ledger/ledger_days.parquet"],
        },
        "errors": [
            {
                "source_uri": summary.source_uri,
                "error_type": failure.error_type,
                "error_message": failure.error_message,
            }
            for summary in summaries
            for failure in summary.failures[:1]
        ],
    }


def ledger_of(run: RunInfo, manifest: dict[str, Any]) -> tuple[pa.Table, pa.Table]:
    """The rows of the tables `ledger` and `ledger_days` that a manifest stands for."""
    finished = datetime.fromisoformat(manifest["finished"])
    ledger = [
        {
            name: source[name]
            for name in ("source_uri", "generation", "log_format", "lines", "rows", "rejected", "blank")
        }
        | {
            "run_id": run.run_id,
            "source": SOURCE,
            "bytes": source["bytes"],
            "job_id": run.job_id,
            "parser_version": run.parser_version,
            "started": run.started,
            "finished": finished,
        }
        for source in manifest["sources"]
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
    return pa.Table.from_pylist(ledger, LEDGER_SCHEMA), pa.Table.from_pylist(days, LEDGER_DAYS_SCHEMA)


def to_json(manifest: dict[str, Any]) -> bytes:
    """The manifest as it is stored."""
    return json.dumps(manifest, indent=1, ensure_ascii=False).encode() + b"\n"


def failure_line(manifest: dict[str, Any]) -> str | None:
    """One line that says which inputs could not be read, None where all could."""
    errors = [f"{error['source_uri']}: {error['error_message']}" for error in manifest["errors"]]
    if len(errors) <= 1:
        return errors[0] if errors else None
    shown = "; ".join(errors[:3])
    more = f"; and {len(errors) - 3} more, see manifest.json" if len(errors) > 3 else ""
    return f"{len(errors)} inputs cannot be read: {shown}{more}"


def _uri_of(summary: SourceSummary) -> str:
    return summary.source_uri


def _source_entry(summary: SourceSummary) -> dict[str, Any]:
    if summary.found is None or summary.lines != summary.rows + summary.rejected + summary.blank:
        raise ValueError(
            f"{summary.source_uri}: {summary.lines} lines are not {summary.rows} rows + {summary.rejected} rejected"
            f" + {summary.blank} blank lines"
        )
    return {
        "source_uri": summary.source_uri,
        "generation": summary.found.generation,
        "log_format": summary.found.log_format,
        "bytes": summary.found.size,
        "lines": summary.lines,
        "rows": summary.rows,
        "rejected": summary.rejected,
        "blank": summary.blank,
        "rejected_by_reason": dict(sorted(summary.rejected_by_reason.items())),
        "rows_by_date": dict(sorted(summary.rows_by_date.items())),
    }
