"""`manifest.json`: what a batch job read and which files it wrote, for the Airflow side to load.

The TypedDicts are the contract; `tests/contracts/` holds a sample of each manifest that both sides test against. A
change that old readers cannot take needs a new `MANIFEST_VERSION`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, Self, TypedDict

from beam_jobs.access_log import PARSER_VERSION
from beam_jobs.options.batch import BatchSettings
from beam_jobs.options.parameters import JOB_ID_VARIABLE
from beam_jobs.output.records import SourceSummary

MANIFEST_VERSION: Literal[2] = 2


class Heading(TypedDict):
    """Fields that every manifest begins with; times are ISO 8601, UTC, in microseconds."""

    version: Literal[2]
    run_id: str
    job_name: str
    job_id: str | None
    source: str
    parser_version: str
    started: str
    finished: str


class SourceEntry(TypedDict):
    """A source object that was read to its end; `lines == rows + rejected + blank`.

    `frames` counts the lines that a collector had put something around, by what it was; `formats`, of an object with
    lines of several formats, its rows by format. `warning` says which of its bytes were left out.
    """

    source_uri: str
    generation: int
    log_format: str | None
    bytes: int
    lines: int
    rows: int
    rejected: int
    blank: int
    rejected_by_reason: dict[str, int]
    rows_by_date: dict[str, int]
    frames: dict[str, int]
    formats: dict[str, int]
    warning: str | None


class LineTotals(TypedDict):
    """Counts of lines."""

    lines: int
    rows: int
    rejected: int
    blank: int


class Totals(LineTotals):
    """Sums over the sources."""

    sources: int
    bytes: int


class Files(TypedDict):
    """The Parquet files that count, at least one for each table; one may hold lines of many objects."""

    rows: list[str]
    rejected: list[str]
    ledger: list[str]
    ledger_days: list[str]


class ErrorEntry(TypedDict):
    """A source object that could not be read; `error_type` is an `InputErrorType`."""

    source_uri: str
    generation: int
    size: int
    error_type: str
    error_message: str


class Manifest(Heading):
    """The manifest of a backfill."""

    sources: list[SourceEntry]
    totals: Totals
    files: Files
    errors: list[ErrorEntry]


class ReplayFiles(TypedDict):
    """The Parquet files of a replay, at least one."""

    rows: list[str]


class ReplayManifest(Heading):
    """The manifest of a replay; `rejected` are the lines that stay rejected."""

    totals: LineTotals
    rejected_by_reason: dict[str, int]
    rows_by_date: dict[str, int]
    files: ReplayFiles


@dataclass(frozen=True)
class RunInfo:
    """Attributes that all rows and files of one run share.

    `started` is also every row's `ingested_at`, so that a retried block writes the same. `job_id` is the runner's,
    where it is known when the job is built.
    """

    run_id: str
    job_name: str
    job_id: str | None
    source: str
    output: str
    parser_version: str
    started: datetime

    @classmethod
    def begin(cls, settings: BatchSettings) -> Self:
        """Begin a run of the installed parser."""
        return cls(
            run_id=settings.run_id,
            job_name=settings.job_name,
            job_id=os.environ.get(JOB_ID_VARIABLE),
            source=settings.source,
            output=settings.output,
            parser_version=PARSER_VERSION,
            started=datetime.now(UTC),
        )

    def heading(self, finished: datetime) -> Heading:
        """Begin a manifest."""
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


def manifest_of(run: RunInfo, summaries: Iterable[SourceSummary], finished: datetime) -> Manifest:
    """Sum up a backfill.

    An object that could not be read to its end appears in `errors` only: what was read of it counts for nothing.

    Raises:
        ValueError: lines of an object are not the sum of its rows, rejected and blank lines.
    """
    summaries = sorted(summaries, key=_uri_of)
    complete = [summary for summary in summaries if not summary.failures]
    sources = [_source_entry(summary) for summary in complete]
    return {
        **run.heading(finished),
        "sources": sources,
        "totals": {
            "sources": len(sources),
            "bytes": sum(source["bytes"] for source in sources),
            "lines": sum(source["lines"] for source in sources),
            "rows": sum(source["rows"] for source in sources),
            "rejected": sum(source["rejected"] for source in sources),
            "blank": sum(source["blank"] for source in sources),
        },
        "files": {
            "rows": sorted({name for summary in complete for name in summary.rows_files}),
            "rejected": sorted({name for summary in complete for name in summary.rejected_files}),
            "ledger": [f"{run.output}/ledger/ledger.parquet"],
            "ledger_days": [f"{run.output}/ledger/ledger_days.parquet"],
        },
        "errors": [
            {
                "source_uri": summary.source_uri,
                "generation": failure.generation,
                "size": failure.size,
                "error_type": failure.error_type,
                "error_message": failure.error_message,
            }
            for summary in summaries
            for failure in summary.failures[:1]
        ],
    }


def to_json(manifest: Manifest | ReplayManifest) -> bytes:
    """Encode a manifest as it is stored."""
    return json.dumps(manifest, indent=1, ensure_ascii=False).encode() + b"\n"


def failure_line(failed: Sequence[ErrorEntry]) -> str | None:
    """Name the objects that could not be read, in one line; None where all could."""
    errors = [f"{error['source_uri']}: {error['error_message']}" for error in failed]
    if len(errors) <= 1:
        return errors[0] if errors else None
    shown = "; ".join(errors[:3])
    more = f"; and {len(errors) - 3} more, see manifest.json" if len(errors) > 3 else ""
    return f"{len(errors)} objects cannot be read: {shown}{more}"


def _uri_of(summary: SourceSummary) -> str:
    return summary.source_uri


def _source_entry(summary: SourceSummary) -> SourceEntry:
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
        "frames": dict(sorted(summary.frames.items())),
        "formats": dict(sorted(summary.formats.items())),
        "warning": "; ".join(summary.warnings) or None,
    }
