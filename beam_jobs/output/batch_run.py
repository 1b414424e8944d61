"""What the entry points of the batch jobs have in common: the log, a pipeline that ends in a manifest, its counters."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.metrics.metric import MetricsFilter
from apache_beam.options.pipeline_options import PipelineOptions

from beam_jobs.options.parameters import DATAFLOW_RUNNER, OptionError
from beam_jobs.storage.files import delete_object, read_whole, write_object
from beam_jobs.storage.objects import OutputError, TableReadError

METRICS_NAMESPACE = "logline"
_METRICS_FILE = "DATAFLOW_EMULATOR_METRICS_FILE"


def run_to_manifest(
    options: PipelineOptions, runner: str, manifest_uri: str, build: Callable[[beam.Pipeline], None]
) -> dict[str, Any] | None:
    """Run a job whose last step writes a manifest; with DataflowRunner, submit it.

    Args:
        options: Beam's.
        runner: the one among them.
        manifest_uri: the manifest; an old one is deleted first.
        build: adds the job's steps to a pipeline.

    Returns:
        The manifest; None where the job was only submitted.

    Raises:
        OptionError: the runner misses an option.
        InputError: the manifest is not there.
        OutputError: the output cannot be written.
        TableReadError: a table cannot be read.
    """
    delete_object(manifest_uri)
    pipeline = _make_pipeline(options)
    build(pipeline)
    result = pipeline.run()
    if runner == DATAFLOW_RUNNER:
        return None
    result.wait_until_finish()
    _write_metrics(result)
    manifest: dict[str, Any] = json.loads(read_whole(manifest_uri))
    return manifest


def _make_pipeline(options: PipelineOptions) -> beam.Pipeline:
    try:
        return beam.Pipeline(options=options)
    except ValueError as error:  # Beam lists what the runner misses, a line each
        raise OptionError(" ".join(str(error).split())) from error


def log_to_stderr() -> None:
    """Log what the job says, and of Beam warnings only."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("apache_beam").setLevel(logging.WARNING)
    for handler in logging.getLogger().handlers:
        handler.addFilter(_is_not_said_in_one_line)


def _is_not_said_in_one_line(record: logging.LogRecord) -> bool:
    """Leave out Beam's traceback of an error that ends as one line on stderr."""
    return record.exc_info is None or not isinstance(record.exc_info[1], OutputError | TableReadError)


def _write_metrics(result: Any) -> None:
    """Leave the counters of an ended pipeline where the Dataflow emulator reads them, if it runs the job."""
    path = os.environ.get(_METRICS_FILE)
    if not path:
        return
    counters = [
        {
            "namespace": counter.key.metric.namespace,
            "name": counter.key.metric.name,
            "step": counter.key.step,
            "value": counter.result,
        }
        for counter in result.metrics().query(MetricsFilter().with_namespace(METRICS_NAMESPACE))["counters"]
    ]
    write_object(str(Path(path).absolute()), json.dumps({"counters": counters}).encode())
