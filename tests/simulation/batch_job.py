"""The backfill's job without Beam: its own steps, one after the other in one thread."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar
from unittest.mock import patch

from apache_beam.pvalue import TaggedOutput
from apache_beam.transforms.window import WindowedValue

from beam_jobs.backfill import parse_blocks, transforms
from beam_jobs.backfill.options import parse_backfill_options
from beam_jobs.options.batch import STOP
from beam_jobs.output.manifest import RunInfo
from beam_jobs.storage.files import delete_object
from beam_jobs.storage.objects import InputError, ListingError, OutputError, StoredObject

R = TypeVar("R")


class _Inline:
    """An executor that runs what it is given at once, so that requests have an order."""

    def __init__(self, *_: Any) -> None:
        """Take what a pool takes."""

    def submit(self, function: Callable[..., R], *arguments: Any) -> Future[R]:
        done: Future[R] = Future()
        done.set_result(function(*arguments))
        return done

    def shutdown(self) -> None:
        """Nothing is left to end."""


class _InlineReads(_Inline):
    """The same, whose errors come up where the result is asked for."""

    def submit(self, function: Callable[..., R], *arguments: Any) -> Future[R]:
        done: Future[R] = Future()
        try:
            done.set_result(function(*arguments))
        except InputError as error:
            done.set_exception(error)
        return done


def run_batch_job(arguments: Sequence[str]) -> int:
    """Run a backfill's job; returns its exit code, as `beam_jobs.output.batch_run.run_batch` does."""
    settings, _ = parse_backfill_options(list(arguments))
    run = RunInfo.begin(settings)
    try:
        delete_object(f"{run.output}/manifest.json")
        with (
            patch.object(parse_blocks, "ThreadPoolExecutor", _Inline),
            patch.object(parse_blocks, "_readers", _InlineReads),
        ):
            records = list(_records(settings, run))
        by_source: dict[str, list[Any]] = defaultdict(list)
        for uri, record in records:
            by_source[uri].append(record)
        summaries = [one for grouped in by_source.items() for _, one in transforms._SumUp().process(grouped)]
        list(transforms._WriteManifest(run, raise_on_errors=False).process(("run", summaries)))
    except (InputError, ListingError, OutputError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    failed = [(one.source_uri, one.failures[0].error_message) for one in summaries if one.failures]
    if failed and settings.unreadable == STOP:
        print("; ".join(f"{uri}: {message}" for uri, message in failed), file=sys.stderr)
        return 1
    return 0


def _records(settings: Any, run: RunInfo) -> Iterator[tuple[str, Any]]:
    """Yield what becomes of each object, and of its blocks."""
    tasks: list[Any] = []
    for listed in transforms._ListObjects(settings, run).process(settings.source):
        found = listed.value if isinstance(listed, TaggedOutput) else listed
        if not isinstance(found, StoredObject):
            tasks.append(found)
            continue
        for planned in transforms._PlanObject(settings).process(found):
            if isinstance(planned, TaggedOutput):
                yield planned.value
            else:
                tasks.append(planned)
    parse = parse_blocks._ParseTask(settings, run)
    parse.setup()
    parse.start_bundle()
    for task in tasks:
        yield from parse.process(task)
    for last in parse.finish_bundle():
        yield last.value if isinstance(last, WindowedValue) else last
    parse.teardown()
