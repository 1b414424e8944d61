"""Batch job: parse rejected lines again, for `dead_letter_replay` to land those that are rows now.

    python -m beam_jobs.replay --lines P.logline_staging.replay_lines --output out --run_id first

Reads a BigQuery table of lines with their identities and formats, and writes, under `--output`: `rows/*.parquet` and,
last, `manifest.json`, which names every file that counts and says what became of the lines. Runs in this process by
default, on Dataflow with `--runner=DataflowRunner`. Exits with 1 and one line where the table cannot be read, with 2
where an option is wrong.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import apache_beam as beam
from apache_beam.metrics.metric import Metrics

from beam_jobs.gcp.bigquery_read import open_streams, read_stream
from beam_jobs.gcp.clients import make_read_client
from beam_jobs.options.anonymisation import make_anonymiser
from beam_jobs.options.batch import BatchSettings
from beam_jobs.options.places import make_places
from beam_jobs.output.batch_run import run_batch
from beam_jobs.output.counters import METRICS_NAMESPACE
from beam_jobs.output.identity import ROWS_SCHEMA
from beam_jobs.output.manifest import ReplayManifest, RunInfo, to_json
from beam_jobs.output.parquet_files import write_empty, write_parquet
from beam_jobs.replay.lines import COLUMNS, LineReplayer, ReplayedLines
from beam_jobs.replay.options import parse_replay_options
from beam_jobs.storage.files import write_object

MAX_STREAMS = 64
COUNTERS = ("lines", "rows", "rejected", "blank")
_RUN = "run"


@dataclass(frozen=True)
class PartReplayed:
    """Counts of some replayed lines, and the file of their rows, if there are any."""

    lines: int
    blank: int
    rejected_by_reason: dict[str, int]
    rows_by_date: dict[str, int]
    rows_file: str | None


class ReplayLines(beam.PTransform[Any, Any]):
    """Parse a table of rejected lines into Parquet files; only counts and file names flow on, under one key."""

    def __init__(self, settings: BatchSettings, run: RunInfo) -> None:
        super().__init__()
        self._table = settings.source
        self._replay = _ReplayStream(settings, run)

    def expand(self, pipeline: beam.Pipeline) -> Any:
        """Connect the steps."""
        return (
            pipeline
            | "Table" >> beam.Create([self._table])
            | "Open streams" >> beam.ParDo(_OpenStreams())
            | "Spread streams" >> beam.Reshuffle()
            | "Replay" >> beam.ParDo(self._replay)
        )


class _OpenStreams(beam.DoFn):
    def process(self, table: str) -> Iterator[tuple[int, str]]:
        yield from enumerate(open_streams(make_read_client(), table, COLUMNS, MAX_STREAMS))


class _ReplayStream(beam.DoFn):
    def __init__(self, settings: BatchSettings, run: RunInfo) -> None:
        self._settings = settings
        self._run = run

    def setup(self) -> None:
        self._client = make_read_client()
        anonymiser = make_anonymiser(self._settings.anonymising)
        self._replayer = LineReplayer(self._run.started, anonymiser, make_places(self._settings.places))
        self._counters = {name: Metrics.counter(METRICS_NAMESPACE, name) for name in COUNTERS}

    def process(self, numbered: tuple[int, str]) -> Iterator[tuple[str, PartReplayed]]:
        number, stream = numbered
        for part, batch in enumerate(read_stream(self._client, stream)):
            replayed = self._replayer.replay(batch)
            # A stream always gives the same batches: a retry overwrites its own files.
            written = write_part(replayed, f"{self._run.output}/rows/{number:03d}-{part:06d}.parquet")
            counts = (replayed.lines, replayed.rows.num_rows, replayed.rejected_by_reason.total(), replayed.blank)
            for name, count in zip(COUNTERS, counts, strict=True):
                self._counters[name].inc(count)
            yield _RUN, written


class _WriteManifest(beam.DoFn):
    def __init__(self, run: RunInfo) -> None:
        self._run = run

    def process(self, grouped: tuple[str, Iterable[PartReplayed]]) -> Iterator[Any]:
        manifest = manifest_of(self._run, grouped[1], datetime.now(UTC))
        files = manifest["files"]
        files["rows"] = files["rows"] or [write_empty(f"{self._run.output}/rows", ROWS_SCHEMA)]
        write_object(f"{self._run.output}/manifest.json", to_json(manifest))
        yield manifest["totals"]


def write_part(replayed: ReplayedLines, uri: str) -> PartReplayed:
    """Write the rows of some lines and count all lines.

    Raises:
        OutputError: the output folder cannot be written.
    """
    rows = replayed.rows.num_rows
    if rows:
        write_parquet(uri, replayed.rows)
    days = Counter(replayed.rows.column("log_date").to_pylist())
    return PartReplayed(
        lines=replayed.lines,
        blank=replayed.blank,
        rejected_by_reason=dict(replayed.rejected_by_reason),
        rows_by_date={str(day): count for day, count in days.items()},
        rows_file=uri if rows else None,
    )


def manifest_of(run: RunInfo, parts: Iterable[PartReplayed], finished: datetime) -> ReplayManifest:
    """Sum up a replay."""
    lines = blank = 0
    reasons: Counter[str] = Counter()
    days: Counter[str] = Counter()
    files = []
    for part in parts:
        lines += part.lines
        blank += part.blank
        reasons.update(part.rejected_by_reason)
        days.update(part.rows_by_date)
        if part.rows_file:
            files.append(part.rows_file)
    return {
        **run.heading(finished),
        "totals": {"lines": lines, "rows": days.total(), "rejected": reasons.total(), "blank": blank},
        "rejected_by_reason": dict(sorted(reasons.items())),
        "rows_by_date": dict(sorted(days.items())),
        "files": {"rows": sorted(files)},
    }


def build(pipeline: beam.Pipeline, settings: BatchSettings, run: RunInfo) -> None:
    """Add the replay's steps to a pipeline."""
    replayed = pipeline | "Replay lines" >> ReplayLines(settings, run)
    # An empty table gives a manifest too.
    nothing = pipeline | "No lines" >> beam.Create([(_RUN, PartReplayed(0, 0, {}, {}, None))])
    (
        (replayed, nothing)
        | "All parts" >> beam.Flatten()
        | "Group parts" >> beam.GroupByKey()
        | "Write manifest" >> beam.ParDo(_WriteManifest(run))
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job and return its exit code; see `run_batch`."""
    return run_batch(argv, parse_replay_options, build, logging.getLogger("logline.replay"))
