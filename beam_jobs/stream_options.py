"""The parameters of the streaming job: one list for the command line, the Flex Template and the checks of values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from apache_beam.options.pipeline_options import (
    GoogleCloudOptions,
    PipelineOptions,
    SetupOptions,
    StandardOptions,
    WorkerOptions,
)

from beam_jobs.access_log import FORMATS
from beam_jobs.command_line import OneLineParser, OptionError
from beam_jobs.options import (
    DATAFLOW_RUNNER,
    LOCAL_RUNNER,
    Parameter,
    add_parameters,
    checked,
    in_range,
    refuse_unknown,
)

MIN_LINE_BYTES, MAX_LINE_BYTES = 1 << 10, 1 << 21  # a line's row, at most 3 times as long, fits one append
ROWS_TABLE, REJECTED_TABLE = "streamed_requests", "rejected_lines"
_JOB_NAME = "log-stream"
_MAX_WORKERS = 4
_PROJECT = r"([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]"
_SUBSCRIPTION = r"(?!goog)[A-Za-z][A-Za-z0-9._~+%-]{2,254}"

STREAM_PARAMETERS = (
    Parameter(
        "subscription",
        "Subscription",
        "Pub/Sub subscription with the log lines: projects/PROJECT/subscriptions/NAME.",
        rf"^projects/{_PROJECT}/subscriptions/{_SUBSCRIPTION}$",
    ),
    Parameter(
        "dataset",
        "Dataset",
        f"BigQuery dataset with the tables {ROWS_TABLE} and {REJECTED_TABLE}: PROJECT.DATASET.",
        rf"^{_PROJECT}\.[A-Za-z0-9_]{{1,1024}}$",
    ),
    Parameter(
        "log_format",
        "Log format",
        f"Format of the lines: {', '.join(sorted(FORMATS))}. Default: article.",
        rf"^({'|'.join(sorted(FORMATS))})$",
        "article",
    ),
    Parameter(
        "max_line_bytes",
        "Longest line",
        f"Lines with more bytes are rejected, {MIN_LINE_BYTES} to {MAX_LINE_BYTES}. Default: 1 MiB.",
        r"^[1-9][0-9]{3,6}$",
        str(1 << 20),
    ),
)


class TargetError(Exception):
    """Something the job reads or writes is not there, or not as it must be; said in one line."""


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """Checked values of the parameters; see `STREAM_PARAMETERS`.

    Attributes:
        job_name: Beam's `--job_name`.
        on_dataflow: whether Beam's `--runner` is the DataflowRunner.
    """

    subscription: str
    dataset: str
    log_format: str
    max_line_bytes: int
    job_name: str
    on_dataflow: bool

    @property
    def rows_table(self) -> str:
        """`project.dataset.table` of the rows."""
        return f"{self.dataset}.{ROWS_TABLE}"

    @property
    def rejected_table(self) -> str:
        """`project.dataset.table` of the rejected lines."""
        return f"{self.dataset}.{REJECTED_TABLE}"


def parse_stream_options(argv: Sequence[str]) -> tuple[StreamSettings, PipelineOptions]:
    """Read and check a command line.

    Returns:
        The job's own settings, and Beam's options with what a streaming job needs filled in.

    Raises:
        OptionError: a parameter is missing, unknown, or has a value that cannot be used.
        SystemExit: the help was asked for.
    """
    parser = OneLineParser(
        prog="python -m beam_jobs.stream",
        description="Append log lines from Pub/Sub to BigQuery. Beam's own options follow the same way.",
        allow_abbrev=False,
    )
    add_parameters(parser, STREAM_PARAMETERS)
    own, rest = parser.parse_known_args(argv)
    values = {parameter.name: checked(parameter, getattr(own, parameter.name)) for parameter in STREAM_PARAMETERS}
    options = PipelineOptions(rest)
    standard, google_cloud = options.view_as(StandardOptions), options.view_as(GoogleCloudOptions)
    standard.runner = standard.runner or LOCAL_RUNNER
    standard.streaming = True
    google_cloud.job_name = google_cloud.job_name or _JOB_NAME
    if standard.runner == DATAFLOW_RUNNER:  # the service may hand its launchers options of a later Beam
        _fill_in_dataflow(options)
    elif standard.runner == LOCAL_RUNNER:
        refuse_unknown(rest, parser.prog)
    else:
        raise OptionError(
            f"--runner={standard.runner} cannot be used: give {DATAFLOW_RUNNER}, or {LOCAL_RUNNER} for this machine"
        )
    settings = StreamSettings(
        subscription=values["subscription"],
        dataset=values["dataset"],
        log_format=values["log_format"],
        max_line_bytes=in_range("max_line_bytes", values["max_line_bytes"], MIN_LINE_BYTES, MAX_LINE_BYTES),
        job_name=google_cloud.job_name,
        on_dataflow=standard.runner == DATAFLOW_RUNNER,
    )
    return settings, options


def _fill_in_dataflow(options: PipelineOptions) -> None:
    """At-least-once mode on Streaming Engine, and bounds for the autoscaling, unless the caller says otherwise."""
    google_cloud, worker = options.view_as(GoogleCloudOptions), options.view_as(WorkerOptions)
    google_cloud.enable_streaming_engine = True
    service_options = list(google_cloud.dataflow_service_options or [])
    if not any(option.startswith("streaming_mode_") for option in service_options):
        service_options.append("streaming_mode_at_least_once")
    google_cloud.dataflow_service_options = service_options
    worker.autoscaling_algorithm = worker.autoscaling_algorithm or "THROUGHPUT_BASED"
    worker.max_num_workers = worker.max_num_workers or _MAX_WORKERS
    options.view_as(SetupOptions).save_main_session = False
