"""What the entry points of the batch jobs have in common: the log, the pipeline, the counters."""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.metrics.metric import MetricsFilter
from apache_beam.options.pipeline_options import PipelineOptions

from beam_jobs.command_line import OptionError
from beam_jobs.objects import OutputError, TableReadError
from beam_jobs.storage import write_object

METRICS_NAMESPACE = "logline"
_METRICS_FILE = "DATAFLOW_EMULATOR_METRICS_FILE"


def make_pipeline(options: PipelineOptions) -> beam.Pipeline:
    """A pipeline without steps.

    Raises:
        OptionError: the runner misses an option.
    """
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


def write_metrics(result: Any) -> None:
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
