"""The backfill's steps. Beam is only wiring here; the work is done by plain functions of other modules."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import apache_beam as beam
from apache_beam.metrics.metric import Metrics
from apache_beam.pvalue import PCollection, TaggedOutput
from apache_beam.transforms.window import GlobalWindows
from apache_beam.utils.windowed_value import WindowedValue

from beam_jobs.access_log import BlockParser
from beam_jobs.access_log.compiled.split_blocks import cut_lines
from beam_jobs.backfill.object_list import read_object_list
from beam_jobs.backfill.options import BackfillSettings
from beam_jobs.backfill.source_blocks import BlockTask, plan_blocks, read_lines
from beam_jobs.options.anonymisation import make_anonymiser, make_parser
from beam_jobs.options.parameters import OptionError
from beam_jobs.output.counters import METRICS_NAMESPACE
from beam_jobs.output.identity import REJECTED_SCHEMA, ROWS_SCHEMA
from beam_jobs.output.ledger import ledger_of
from beam_jobs.output.manifest import RunInfo, failure_line, manifest_of, to_json
from beam_jobs.output.parquet_files import write_block, write_empty, write_parquet
from beam_jobs.output.records import BlockParsed, SourceFailed, SourceRecord, SourceSummary, SourceWarning
from beam_jobs.storage.files import list_objects, write_object
from beam_jobs.storage.objects import InputError, ListingError, StoredObject

COUNTERS = ("lines", "rows", "rejected", "blank", "bytes", "blocks")
_RECORDS = "records"
_PROGRESS_SECONDS = 5.0
_BLOCKS_AT_ONCE = 2
_log = logging.getLogger("logline.backfill")


class InputsUnreadableError(RuntimeError):
    """Some inputs cannot be read; the manifest, already written, lists them all."""


class ListSources(beam.PTransform[Any, Any]):
    """List the objects that a pattern matches, or that a list names."""

    def __init__(self, settings: BackfillSettings) -> None:
        super().__init__()
        self._settings = settings

    def expand(self, pipeline: beam.Pipeline) -> Any:
        """Connect the steps."""
        return (
            pipeline
            | "Source" >> beam.Create([self._settings.source])
            | "List" >> beam.ParDo(_ListObjects(is_list=self._settings.is_list))
        )


class PlanBlocks(beam.PTransform[Any, Any]):
    """Divide objects into blocks, after reading each object's first bytes.

    Outputs: `tasks`, the blocks, spread over the workers; `records`, one for each object.
    """

    def __init__(self, settings: BackfillSettings) -> None:
        super().__init__()
        self._settings = settings

    def expand(self, objects: PCollection[Any]) -> dict[str, PCollection[Any]]:
        """Connect the steps."""
        planned = (
            objects
            | "Spread objects" >> beam.Reshuffle()
            | "Plan" >> beam.ParDo(_PlanObject(self._settings)).with_outputs(_RECORDS, main="tasks")
        )
        return {"tasks": planned.tasks | "Spread blocks" >> beam.Reshuffle(), _RECORDS: planned[_RECORDS]}


class ParseBlocks(beam.PTransform[Any, Any]):
    """Parse blocks into Parquet files; only counts and file names flow on, keyed by source uri."""

    def __init__(self, settings: BackfillSettings, run: RunInfo) -> None:
        super().__init__()
        self._parse = _ParseBlock(settings, run)

    def expand(self, tasks: PCollection[Any]) -> PCollection[Any]:
        """Connect the steps."""
        parsed: PCollection[Any] = tasks | "Parse" >> beam.ParDo(self._parse)
        return parsed


class WriteManifest(beam.PTransform[Any, Any]):
    """Write the records of a run as ledger files and, last, `manifest.json`.

    Args:
        run: the run.
        raise_on_errors: fail the step itself where an input could not be read, for runners that nobody waits for.
    """

    def __init__(self, run: RunInfo, *, raise_on_errors: bool) -> None:
        super().__init__()
        self._write = _WriteManifest(run, raise_on_errors=raise_on_errors)

    def expand(self, records: PCollection[Any]) -> PCollection[Any]:
        """Connect the steps."""
        totals: PCollection[Any] = (
            records
            | "Group by source" >> beam.GroupByKey()
            | "Sum up" >> beam.ParDo(_SumUp())
            | "Group sources" >> beam.GroupByKey()
            | "Write" >> beam.ParDo(self._write)
        )
        return totals


class _ListObjects(beam.DoFn):
    def __init__(self, *, is_list: bool) -> None:
        self._is_list = is_list

    def process(self, source: str) -> Iterator[StoredObject]:
        try:
            objects = read_object_list(source) if self._is_list else list_objects(source)
        except (InputError, OptionError) as error:
            raise ListingError(str(error)) from error
        _log.info("source objects found: %d, %.1f MB", len(objects), sum(stored.size for stored in objects) / 1e6)
        yield from objects


class _PlanObject(beam.DoFn):
    def __init__(self, settings: BackfillSettings) -> None:
        super().__init__()
        self._settings = settings

    def process(self, stored: StoredObject) -> Iterator[Any]:
        try:
            found, tasks = plan_blocks(stored, self._settings)
        except InputError as error:
            yield TaggedOutput(_RECORDS, (stored.uri, SourceFailed.of(stored, error)))
            return
        _progress.plan(len(tasks))
        yield TaggedOutput(_RECORDS, (stored.uri, found))
        yield from tasks


class _ParseBlock(beam.DoFn):
    """Parses and writes two blocks at a time in threads: most of the work releases the GIL."""

    def __init__(self, settings: BackfillSettings, run: RunInfo) -> None:
        self._settings = settings
        self._run = run

    def setup(self) -> None:
        self._parsers: dict[str, BlockParser] = {}
        self._anonymiser = make_anonymiser(self._settings.anonymising)
        self._counters = {name: Metrics.counter(METRICS_NAMESPACE, name) for name in COUNTERS}
        self._threads = ThreadPoolExecutor(max_workers=_BLOCKS_AT_ONCE)

    def start_bundle(self) -> None:
        self._in_flight: deque[tuple[str, Future[BlockParsed]]] = deque()

    def process(self, task: BlockTask) -> Iterator[Any]:
        parser = self._parsers.get(task.log_format)
        if parser is None:
            parser = make_parser(task.log_format, self._settings.max_line_bytes, self._anonymiser)
            self._parsers[task.log_format] = parser
        try:
            for read in read_lines(task, self._settings):
                if isinstance(read, SourceWarning):
                    yield task.stored.uri, read
                    continue
                for offset, data in cut_lines(read.data, read.offset):
                    block = self._threads.submit(_parse_and_write, parser, data, offset, task.stored, self._run)
                    self._in_flight.append((task.stored.uri, block))
                    parser = parser.following(data)
                    # Read the next block while up to two are being parsed, then wait for the oldest.
                    yield from self._done(left=_BLOCKS_AT_ONCE)
        except InputError as error:
            yield task.stored.uri, SourceFailed.of(task.stored, error)
        self._count(bytes=task.end - task.start)
        _progress.parsed(blocks=1)

    def finish_bundle(self) -> Iterator[WindowedValue]:
        for record in self._done(left=0):
            yield GlobalWindows.windowed_value(record)

    def teardown(self) -> None:
        self._threads.shutdown()

    def _done(self, left: int) -> Iterator[tuple[str, BlockParsed]]:
        """Block until at most `left` blocks are in flight; yield the finished ones."""
        while len(self._in_flight) > left:
            uri, block = self._in_flight.popleft()
            parsed = block.result()
            rows, rejected = sum(parsed.rows_by_date.values()), sum(parsed.rejected_by_reason.values())
            self._count(blocks=1, lines=parsed.lines, rows=rows, rejected=rejected, blank=parsed.blank)
            _progress.parsed(lines=parsed.lines)
            yield uri, parsed

    def _count(self, **counts: int) -> None:
        for name, count in counts.items():
            self._counters[name].inc(count)


def _parse_and_write(
    parser: BlockParser, data: bytes | memoryview, offset: int, stored: StoredObject, run: RunInfo
) -> BlockParsed:
    return write_block(parser.parse(data, offset), stored, offset, run)


class _SumUp(beam.DoFn):
    def process(self, grouped: tuple[str, Iterable[SourceRecord]]) -> Iterator[Any]:
        uri, records = grouped
        yield "run", SourceSummary.of(uri, records)


class _WriteManifest(beam.DoFn):
    def __init__(self, run: RunInfo, *, raise_on_errors: bool) -> None:
        super().__init__()
        self._run = run
        self._raise_on_errors = raise_on_errors

    def process(self, grouped: tuple[str, Iterable[SourceSummary]]) -> Iterator[Any]:
        manifest = manifest_of(self._run, grouped[1], datetime.now(UTC))
        files = manifest["files"]
        files["rows"] = files["rows"] or [write_empty(f"{self._run.output}/rows", ROWS_SCHEMA)]
        files["rejected"] = files["rejected"] or [write_empty(f"{self._run.output}/rejected", REJECTED_SCHEMA)]
        ledger, ledger_days = ledger_of(self._run, manifest)
        write_parquet(files["ledger"][0], ledger)
        write_parquet(files["ledger_days"][0], ledger_days)
        write_object(f"{self._run.output}/manifest.json", to_json(manifest))
        failure = failure_line(manifest["errors"])
        if failure and self._raise_on_errors:
            raise InputsUnreadableError(failure)
        yield manifest["totals"]


class _Progress:
    """Logs the progress of this process every few seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._planned = self._blocks = self._lines = 0
        self._logged = time.monotonic()

    def plan(self, blocks: int) -> None:
        with self._lock:
            self._planned += blocks

    def parsed(self, *, blocks: int = 0, lines: int = 0) -> None:
        with self._lock:
            self._blocks += blocks
            self._lines += lines
            now = time.monotonic()
            if self._blocks != self._planned and now - self._logged < _PROGRESS_SECONDS:
                return
            self._logged = now
            # One of several workers also parses blocks that another one planned.
            of_planned = f" of {self._planned}" if self._planned >= self._blocks else ""
            _log.info("blocks parsed: %d%s, %.1f million lines", self._blocks, of_planned, self._lines / 1e6)


_progress = _Progress()
