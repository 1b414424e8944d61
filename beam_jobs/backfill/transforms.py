"""The backfill's steps. Beam is only wiring here; the work is done by plain functions of other modules."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, TypeAlias

import apache_beam as beam
from apache_beam.metrics.metric import Metrics
from apache_beam.pvalue import PCollection, TaggedOutput
from apache_beam.transforms.window import GlobalWindows
from apache_beam.utils.windowed_value import WindowedValue

from beam_jobs.access_log import BlockParser
from beam_jobs.access_log.compiled.split_blocks import cut_lines
from beam_jobs.backfill.object_list import read_object_list
from beam_jobs.backfill.options import BackfillSettings
from beam_jobs.backfill.progress import COUNTERS, LINE_COUNTERS, progress_of
from beam_jobs.backfill.small_objects import (
    LargerObject,
    SmallObject,
    SmallObjects,
    blocks_of,
    open_small,
    pack,
    parse_block,
)
from beam_jobs.backfill.source_blocks import BlockTask, plan_blocks, read_blocks
from beam_jobs.options.anonymisation import make_anonymiser, make_parser
from beam_jobs.options.parameters import OptionError
from beam_jobs.output.counters import METRICS_NAMESPACE
from beam_jobs.output.identity import REJECTED_SCHEMA, ROWS_SCHEMA
from beam_jobs.output.ledger import ledger_of
from beam_jobs.output.manifest import RunInfo, failure_line, manifest_of, to_json
from beam_jobs.output.parquet_files import ParsedLines, write_block, write_empty, write_parquet
from beam_jobs.output.records import BlockParsed, SourceFailed, SourceRecord, SourceSummary, SourceWarning
from beam_jobs.storage.files import list_objects, read_range, write_object
from beam_jobs.storage.objects import InputError, ListingError, StoredObject

_RECORDS, _SMALL = "records", "small"
_BLOCKS_AT_ONCE = 2
_READS_AT_ONCE = 8  # of small objects, each of which takes some tens of milliseconds on Cloud Storage
_log = logging.getLogger("logline.backfill")

_Record: TypeAlias = tuple[str, SourceRecord]


class InputsUnreadableError(RuntimeError):
    """Some inputs cannot be read; the manifest, already written, lists them all."""


class ListSources(beam.PTransform[Any, Any]):
    """List the objects that a pattern matches, or that a list names.

    Outputs: `objects`, those of more than a block; `small`, the others, packed.
    """

    def __init__(self, settings: BackfillSettings, run: RunInfo) -> None:
        super().__init__()
        self._source = settings.source
        self._list = _ListObjects(settings, run)

    def expand(self, pipeline: beam.Pipeline) -> Any:
        """Connect the steps."""
        return (
            pipeline
            | "Source" >> beam.Create([self._source])
            | "List" >> beam.ParDo(self._list).with_outputs(_SMALL, main="objects")
        )


class PlanBlocks(beam.PTransform[Any, Any]):
    """Divide objects into blocks, after reading each object's first bytes.

    Outputs: `tasks`, the blocks; `records`, one for each object.
    """

    def __init__(self, settings: BackfillSettings) -> None:
        super().__init__()
        self._settings = settings

    def expand(self, objects: PCollection[Any]) -> Any:
        """Connect the steps."""
        return (
            objects
            | "Spread objects" >> beam.Reshuffle()
            | "Plan" >> beam.ParDo(_PlanObject(self._settings)).with_outputs(_RECORDS, main="tasks")
        )


class ParseBlocks(beam.PTransform[Any, Any]):
    """Parse blocks, and packed small objects, into Parquet files, spread over the workers.

    Only counts and file names flow on, keyed by source uri.
    """

    def __init__(self, settings: BackfillSettings, run: RunInfo) -> None:
        super().__init__()
        self._parse = _ParseBlock(settings, run)

    def expand(self, tasks: tuple[PCollection[Any], ...]) -> PCollection[Any]:
        """Connect the steps."""
        parsed: PCollection[Any] = (
            tasks
            | "All tasks" >> beam.Flatten()
            | "Spread tasks" >> beam.Reshuffle()
            | "Parse" >> beam.ParDo(self._parse)
        )
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
    def __init__(self, settings: BackfillSettings, run: RunInfo) -> None:
        self._settings = settings
        self._run = run

    def process(self, source: str) -> Iterator[Any]:
        try:
            objects = read_object_list(source) if self._settings.is_list else list_objects(source)
        except (InputError, OptionError) as error:
            raise ListingError(str(error)) from error
        size = sum(stored.size for stored in objects)
        _log.info("source objects: %d, %.1f MB", len(objects), size / 1e6)
        progress_of(self._run).expect(size)
        for task in pack(objects, self._settings.block_bytes):
            yield TaggedOutput(_SMALL, task) if isinstance(task, SmallObjects) else task


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
        self._progress = progress_of(self._run)
        self._threads = ThreadPoolExecutor(_BLOCKS_AT_ONCE, "parse")
        self._readers = ThreadPoolExecutor(_READS_AT_ONCE, "read")

    def start_bundle(self) -> None:
        self._in_flight: deque[Future[list[tuple[str, BlockParsed]]]] = deque()

    def process(self, task: BlockTask | SmallObjects) -> Iterator[_Record]:
        if isinstance(task, BlockTask):
            yield from self._parse_task(task)
        else:
            yield from self._parse_small(task.objects)

    def finish_bundle(self) -> Iterator[WindowedValue]:
        for record in self._done(left=0):
            yield GlobalWindows.windowed_value(record)

    def teardown(self) -> None:
        self._threads.shutdown()
        self._readers.shutdown()

    def _parse_task(self, task: BlockTask) -> Iterator[_Record]:
        parser = self._parser(task.log_format)
        uncounted = task.end - task.start
        try:
            for read in read_blocks(task, self._settings):
                if isinstance(read, SourceWarning):
                    yield task.stored.uri, read
                    continue
                for offset, data in cut_lines(read.data, read.offset):
                    block = self._threads.submit(_parse_and_write, parser, data, offset, task.stored, self._run)
                    self._in_flight.append(block)
                    parser = parser.following(data)
                    # Read the next block while up to two are being parsed, then wait for the oldest.
                    yield from self._done(left=_BLOCKS_AT_ONCE)
                self._count(bytes=read.source_bytes)
                uncounted -= read.source_bytes
        except InputError as error:
            yield task.stored.uri, SourceFailed.of(task.stored, error)
        self._count(bytes=uncounted)

    def _parse_small(self, objects: Sequence[StoredObject]) -> Iterator[_Record]:
        records: list[_Record] = []
        larger: list[BlockTask] = []
        for block in blocks_of(self._open(objects, records, larger), self._settings.block_bytes):
            names = {small.found.log_format for small in block}
            parsers = {name: self._parser(name) for name in names if name is not None}
            self._in_flight.append(self._threads.submit(_parse_and_write_small, block, parsers, self._run))
            yield from self._done(left=_BLOCKS_AT_ONCE)
        yield from records
        for task in larger:
            yield from self._parse_task(task)

    def _open(
        self, objects: Sequence[StoredObject], records: list[_Record], larger: list[BlockTask]
    ) -> Iterator[SmallObject]:
        """Yield the objects; add to `records` what is known of them, and to `larger` those that are not small."""
        reads = deque(self._readers.submit(read_range, stored, 0, stored.size) for stored in objects)
        for stored in objects:
            try:
                opened = open_small(stored, reads.popleft().result(), self._settings)
            except InputError as error:
                records.append((stored.uri, SourceFailed.of(stored, error)))
                self._count(bytes=stored.size)
                continue
            records.append((stored.uri, opened.found))
            if isinstance(opened, LargerObject):
                larger.append(opened.task)
                continue
            if opened.warning:
                records.append((stored.uri, SourceWarning(opened.warning)))
            self._count(bytes=stored.size)
            yield opened

    def _parser(self, log_format: str) -> BlockParser:
        if log_format not in self._parsers:
            self._parsers[log_format] = make_parser(log_format, self._settings.max_line_bytes, self._anonymiser)
        return self._parsers[log_format]

    def _done(self, left: int) -> Iterator[tuple[str, BlockParsed]]:
        """Block until at most `left` blocks are in flight; yield what became of the objects of the finished ones."""
        while len(self._in_flight) > left:
            parsed = self._in_flight.popleft().result()
            sums = {name: sum(getattr(of_object, name) for _, of_object in parsed) for name in LINE_COUNTERS}
            self._count(blocks=1, **sums)
            yield from parsed

    def _count(self, **counts: int) -> None:
        for name, count in counts.items():
            self._counters[name].inc(count)
        self._progress.count(**counts)


def _parse_and_write(
    parser: BlockParser, data: bytes | memoryview, offset: int, stored: StoredObject, run: RunInfo
) -> list[tuple[str, BlockParsed]]:
    return write_block([ParsedLines.of(parser.parse(data, offset), stored)], offset, run)


def _parse_and_write_small(
    block: Sequence[SmallObject], parsers: Mapping[str, BlockParser], run: RunInfo
) -> list[tuple[str, BlockParsed]]:
    return write_block(parse_block(block, parsers), 0, run)


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
