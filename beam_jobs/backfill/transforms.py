"""The backfill's steps. Beam is only wiring here; the work is done by plain functions of other modules."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import apache_beam as beam
from apache_beam.pvalue import PCollection, TaggedOutput

from beam_jobs.backfill.object_list import read_object_list
from beam_jobs.backfill.options import BackfillSettings
from beam_jobs.backfill.progress import progress_of
from beam_jobs.backfill.small_objects import SmallObjects, pack
from beam_jobs.backfill.source_blocks import plan_blocks
from beam_jobs.options.parameters import OptionError
from beam_jobs.output.identity import BACKFILLED_SCHEMA, REJECTED_SCHEMA
from beam_jobs.output.ledger import ledger_of
from beam_jobs.output.manifest import RunInfo, failure_line, manifest_of, to_json
from beam_jobs.output.parquet_files import write_empty, write_parquet
from beam_jobs.output.records import SourceFailed, SourceRecord, SourceSummary
from beam_jobs.storage.files import list_objects, write_object
from beam_jobs.storage.objects import InputError, ListingError, StoredObject

_RECORDS, _SMALL = "records", "small"
_log = logging.getLogger("logline.backfill")


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
        files["rows"] = files["rows"] or [write_empty(f"{self._run.output}/rows", BACKFILLED_SCHEMA)]
        files["rejected"] = files["rejected"] or [write_empty(f"{self._run.output}/rejected", REJECTED_SCHEMA)]
        ledger, ledger_days = ledger_of(self._run, manifest)
        write_parquet(files["ledger"][0], ledger)
        write_parquet(files["ledger_days"][0], ledger_days)
        write_object(f"{self._run.output}/manifest.json", to_json(manifest))
        failure = failure_line(manifest["errors"])
        if failure and self._raise_on_errors:
            raise InputsUnreadableError(failure)
        yield manifest["totals"]
