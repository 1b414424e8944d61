"""The streaming job's pipeline, and its submission to Dataflow."""

from __future__ import annotations

from collections.abc import Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import (
    GoogleCloudOptions,
    PipelineOptions,
    StandardOptions,
    WorkerOptions,
)

from beam_jobs.options.parameters import OptionError
from beam_jobs.stream.metrics import APPEND_STEP, PARSE_STEP, READ_STEP
from beam_jobs.stream.options import StreamSettings
from beam_jobs.stream.transforms import AppendToBigQuery, ParseMessages, ReadMessages

_MAX_WORKERS = 4


def build(pipeline: beam.Pipeline, settings: StreamSettings) -> None:
    """Add the stream's steps to a pipeline. An update of the running job matches them by name."""
    (
        pipeline
        | READ_STEP >> ReadMessages(settings.subscription)
        | PARSE_STEP >> ParseMessages(settings)
        | APPEND_STEP >> AppendToBigQuery(settings)
    )


def submit(settings: StreamSettings, of_beam: Sequence[str]) -> None:
    """Submit the job, which then runs until it is drained or cancelled.

    In a Flex Template's launcher Beam only writes the job to `--template_location`, from where the service starts it:
    the job has no id yet.

    Raises:
        OptionError: Beam refuses its options.
    """
    try:
        pipeline = beam.Pipeline(options=_options(settings, of_beam))
    except ValueError as error:  # Beam's own checks of its options
        raise OptionError(" ".join(str(error).split())) from error
    build(pipeline, settings)
    pipeline.run()


def _options(settings: StreamSettings, of_beam: Sequence[str]) -> PipelineOptions:
    """At-least-once mode on Streaming Engine, and bounds for the autoscaling, unless the caller says otherwise."""
    options = PipelineOptions(list(of_beam))
    options.view_as(StandardOptions).streaming = True
    google_cloud, worker = options.view_as(GoogleCloudOptions), options.view_as(WorkerOptions)
    google_cloud.job_name = settings.job_name
    google_cloud.enable_streaming_engine = True
    service_options = list(google_cloud.dataflow_service_options or [])
    if not any(option.startswith("streaming_mode_") for option in service_options):
        service_options.append("streaming_mode_at_least_once")
    google_cloud.dataflow_service_options = service_options
    worker.autoscaling_algorithm = worker.autoscaling_algorithm or "THROUGHPUT_BASED"
    worker.max_num_workers = worker.max_num_workers or _MAX_WORKERS
    return options
