"""The main function of the batch jobs: options, a pipeline that ends in a manifest, counters, exit code."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import apache_beam as beam
from apache_beam.metrics.metric import MetricsFilter
from apache_beam.options.pipeline_options import PipelineOptions

from beam_jobs.options.anonymisation import make_anonymiser
from beam_jobs.options.batch import STOP, BatchSettings
from beam_jobs.options.parameters import DATAFLOW_RUNNER, OptionError
from beam_jobs.options.places import make_places
from beam_jobs.output.counters import METRICS_NAMESPACE, write_counters
from beam_jobs.output.manifest import RunInfo, failure_line
from beam_jobs.storage.files import delete_object, read_whole
from beam_jobs.storage.objects import InputError, ListingError, OutputError, TableReadError

_OF_STEP = " [while running '"  # what Beam appends to the message of an error

S = TypeVar("S", bound=BatchSettings)


def run_batch(
    argv: Sequence[str] | None,
    parse: Callable[[Sequence[str]], tuple[S, PipelineOptions]],
    build: Callable[[beam.Pipeline, S, RunInfo], None],
    log: logging.Logger,
) -> int:
    """Run a batch job whose last step writes a manifest; with DataflowRunner, submit it.

    Args:
        argv: the command line; None for that of the process.
        parse: checks it; gives the job's settings and Beam's options.
        build: adds the job's steps to a pipeline.
        log: of the job.

    Returns:
        The exit code: 0, 1 where an input cannot be read or the output cannot be written, 2 for a wrong option.
    """
    _log_to_stderr()
    try:
        settings, options = parse(sys.argv[1:] if argv is None else argv)
        # These report an unreadable file before anything is done.
        make_anonymiser(settings.anonymising)
        make_places(settings.places)
        run = RunInfo.begin(settings)
        manifest_uri = f"{run.output}/manifest.json"
        delete_object(manifest_uri)
        pipeline = _make_pipeline(options)
        build(pipeline, settings, run)
        result = pipeline.run()
        if settings.runner == DATAFLOW_RUNNER:
            return 0
        result.wait_until_finish()
        _write_metrics(result)
        manifest: Any = json.loads(read_whole(manifest_uri))
    except OptionError as error:
        print(error, file=sys.stderr)
        return 2
    except (InputError, ListingError, OutputError, TableReadError, OSError) as error:
        print(str(error).partition(_OF_STEP)[0], file=sys.stderr)
        return 1
    failure = failure_line(manifest.get("errors", []))
    if failure and settings.unreadable == STOP:
        print(failure, file=sys.stderr)
        return 1
    if failure:
        log.warning("set aside: %s", failure)
    log.info("wrote %s: %s", manifest_uri, json.dumps(manifest["totals"]))
    return 0


def _make_pipeline(options: PipelineOptions) -> beam.Pipeline:
    try:
        return beam.Pipeline(options=options)
    except ValueError as error:  # Beam lists the options that the runner lacks, a line each
        raise OptionError(" ".join(str(error).split())) from error


def _log_to_stderr() -> None:
    """Log the job's own lines, and of Beam only warnings."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("apache_beam").setLevel(logging.WARNING)
    for handler in logging.getLogger().handlers:
        handler.addFilter(_is_not_reported_in_one_line)


def _is_not_reported_in_one_line(record: logging.LogRecord) -> bool:
    """Leave out Beam's traceback of an error that ends as one line on stderr."""
    return record.exc_info is None or not isinstance(record.exc_info[1], ListingError | OutputError | TableReadError)


def _write_metrics(result: Any) -> None:
    """Write the counters of a finished pipeline for the Dataflow emulator, if it runs the job."""
    write_counters(
        {
            "namespace": counter.key.metric.namespace,
            "name": counter.key.metric.name,
            "step": counter.key.step,
            "value": counter.result,
        }
        for counter in result.metrics().query(MetricsFilter().with_namespace(METRICS_NAMESPACE))["counters"]
    )
