"""The step that parses: one element is a block of an object, or many small objects."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeAlias

import apache_beam as beam
from apache_beam.metrics.metric import Metrics
from apache_beam.pvalue import PCollection
from apache_beam.transforms.window import GlobalWindows
from apache_beam.utils.windowed_value import WindowedValue

from beam_jobs.access_log import BlockParser
from beam_jobs.access_log.compiled.split_blocks import cut_lines
from beam_jobs.backfill.options import BackfillSettings
from beam_jobs.backfill.progress import COUNTERS, LINE_COUNTERS, progress_of
from beam_jobs.backfill.small_objects import (
    LargerObject,
    SmallObject,
    SmallObjects,
    blocks_of,
    open_small,
    parse_block,
)
from beam_jobs.backfill.source_blocks import BlockTask, read_blocks
from beam_jobs.options.anonymisation import make_anonymiser, make_parser
from beam_jobs.options.places import make_places
from beam_jobs.output.counters import METRICS_NAMESPACE
from beam_jobs.output.manifest import RunInfo
from beam_jobs.output.parquet_files import ParsedLines, write_block
from beam_jobs.output.records import BlockParsed, SourceFailed, SourceRecord, SourceWarning
from beam_jobs.storage.files import read_range
from beam_jobs.storage.objects import InputError, StoredObject

_BLOCKS_AT_ONCE = 2
_READS_AT_ONCE = 8  # a request to Cloud Storage takes tens of milliseconds; its client keeps ten connections

_Record: TypeAlias = tuple[str, SourceRecord]


class ParseBlocks(beam.PTransform[Any, Any]):
    """Parse blocks, and packed small objects, into Parquet files, spread over the workers.

    Only counts and file names flow on, keyed by source uri.
    """

    def __init__(self, settings: BackfillSettings, run: RunInfo) -> None:
        super().__init__()
        self._parse = _ParseTask(settings, run)

    def expand(self, tasks: tuple[PCollection[Any], ...]) -> PCollection[Any]:
        """Connect the steps."""
        parsed: PCollection[Any] = (
            tasks
            | "All tasks" >> beam.Flatten()
            | "Spread tasks" >> beam.Reshuffle()
            | "Parse" >> beam.ParDo(self._parse)
        )
        return parsed


class _ParseTask(beam.DoFn):
    """Parses and writes two blocks at a time in threads: most of the work releases the GIL.

    Yields what was found out about objects and what became of their blocks, keyed by uri.
    """

    def __init__(self, settings: BackfillSettings, run: RunInfo) -> None:
        self._settings = settings
        self._run = run

    def setup(self) -> None:
        self._parsers: dict[str, BlockParser] = {}
        self._anonymiser = make_anonymiser(self._settings.anonymising)
        self._places = make_places(self._settings.places)
        self._counters = {name: Metrics.counter(METRICS_NAMESPACE, name) for name in COUNTERS}
        self._progress = progress_of(self._run)
        self._threads = ThreadPoolExecutor(_BLOCKS_AT_ONCE, "parse")

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
        reads = deque(_readers().submit(read_range, stored, 0, stored.size) for stored in objects)
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
            self._parsers[log_format] = make_parser(
                log_format, self._settings.max_line_bytes, self._anonymiser, self._places
            )
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


@functools.cache
def _readers() -> ThreadPoolExecutor:
    """Return the threads that read small objects, for all elements of this process: no more than it has connections."""
    return ThreadPoolExecutor(_READS_AT_ONCE, "read")


def _parse_and_write(
    parser: BlockParser, data: bytes | memoryview, offset: int, stored: StoredObject, run: RunInfo
) -> list[tuple[str, BlockParsed]]:
    return write_block([ParsedLines.of(parser.parse(data, offset), stored)], offset, run)


def _parse_and_write_small(
    block: Sequence[SmallObject], parsers: Mapping[str, BlockParser], run: RunInfo
) -> list[tuple[str, BlockParsed]]:
    return write_block(parse_block(block, parsers), 0, run)
