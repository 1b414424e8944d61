"""The parameters of the jobs: one list for the command line, the Flex Template's metadata and the checks of values."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions, StandardOptions

from beam_jobs.access_log import FORMATS
from beam_jobs.options.anonymisation import ANONYMISING_PARAMETERS, AnonymisingSettings
from beam_jobs.options.parameters import (
    DATAFLOW_RUNNER,
    FORMAT_STRING,
    LOCAL_RUNNER,
    OneLineParser,
    OptionError,
    Parameter,
    add_parameters,
    checked,
    in_range,
    usable_format,
)
from beam_jobs.storage.files import GCS_SCHEME, absolute

AUTO_FORMAT = "auto"
MIN_BLOCK_BYTES, MAX_BLOCK_BYTES = 1 << 10, 1 << 27
MIN_LINE_BYTES, MAX_LINE_BYTES = 1 << 10, 1 << 24
_JOB_NAME = "log-backfill"

BACKFILL_PARAMETERS = (
    Parameter(
        "source",
        "Log files",
        "Which files to read: gs:// or local, * and ? and [] within a folder, ** across folders; plain or gzip.",
        r"^\S(.*\S)?$",
    ),
    Parameter(
        "output",
        "Output folder",
        "Folder of this run's Parquet files and its manifest.json: gs:// or local, without wildcards and without =.",
        r"^[^\s=*?\[\]]([^=*?\[\]]*[^\s=*?\[\]])?$",
    ),
    Parameter(
        "run_id",
        "Run id",
        "Name of the run, written into the manifest and the ledger; up to 250 printable characters.",
        r"^[ -~]{1,250}$",
    ),
    Parameter(
        "log_format",
        "Log format",
        f"Format of the lines: {', '.join(sorted(FORMATS))}, the format string of an Apache or nginx configuration, or "
        "auto to find it out per file. Default: auto.",
        rf"^({'|'.join((AUTO_FORMAT, *sorted(FORMATS)))}|{FORMAT_STRING})$",
        AUTO_FORMAT,
    ),
    Parameter(
        "block_bytes",
        "Block size",
        f"Bytes of a block of lines that is parsed at once, {MIN_BLOCK_BYTES} to {MAX_BLOCK_BYTES}. Default: 16 MiB.",
        r"^[1-9][0-9]{3,8}$",
        str(16 << 20),
    ),
    Parameter(
        "max_line_bytes",
        "Longest line",
        f"Lines with more bytes are rejected, {MIN_LINE_BYTES} to {MAX_LINE_BYTES}. Default: 1 MiB.",
        r"^[1-9][0-9]{3,7}$",
        str(1 << 20),
    ),
    *ANONYMISING_PARAMETERS,
)


class BackfillOptions(PipelineOptions):
    """The backfill's own parameters beside Beam's options."""

    @classmethod
    def _add_argparse_args(cls, parser: argparse.ArgumentParser) -> None:
        add_parameters(parser, BACKFILL_PARAMETERS)


@dataclass(frozen=True, slots=True)
class BackfillSettings:
    """Checked values of the parameters; see `BACKFILL_PARAMETERS`.

    Attributes:
        job_name: Beam's `--job_name`.
        runner: Beam's `--runner`.
    """

    source: str
    output: str
    run_id: str
    log_format: str
    block_bytes: int
    max_line_bytes: int
    anonymising: AnonymisingSettings
    job_name: str
    runner: str


def parse_backfill_options(argv: Sequence[str]) -> tuple[BackfillSettings, PipelineOptions]:
    """Read and check a command line.

    Returns:
        The job's own settings, and Beam's options with the runner and the job's name filled in.

    Raises:
        OptionError: a parameter is missing, unknown, or its value is out of range.
        SystemExit: the help was asked for.
    """
    own_parser = OneLineParser(
        prog="python -m beam_jobs.backfill",
        description="Parse historical log files into Parquet, with a manifest. Beam's own options follow the same way.",
        allow_abbrev=False,
    )
    add_parameters(own_parser, BACKFILL_PARAMETERS)
    own, rest = own_parser.parse_known_args(argv)
    values = {parameter.name: checked(parameter, getattr(own, parameter.name)) for parameter in BACKFILL_PARAMETERS}
    options = PipelineOptions(list(argv))
    runner, job_name = settle_runner(options, rest, own_parser.prog, _JOB_NAME)
    settings = BackfillSettings(
        source=values["source"] if values["source"].startswith(GCS_SCHEME) else absolute(values["source"]),
        output=absolute(values["output"]),
        run_id=values["run_id"],
        log_format=AUTO_FORMAT if values["log_format"] == AUTO_FORMAT else usable_format(values["log_format"]),
        block_bytes=in_range("block_bytes", values["block_bytes"], MIN_BLOCK_BYTES, MAX_BLOCK_BYTES),
        max_line_bytes=in_range("max_line_bytes", values["max_line_bytes"], MIN_LINE_BYTES, MAX_LINE_BYTES),
        anonymising=AnonymisingSettings.of(values),
        job_name=job_name,
        runner=runner,
    )
    return settings, options


def settle_runner(options: PipelineOptions, rest: Sequence[str], program: str, job_name: str) -> tuple[str, str]:
    """Check the runner and fill in what Beam's options leave out.

    Args:
        options: Beam's options; their runner and the job's name are filled in.
        rest: what the command line holds beside the job's own parameters.
        program: how the job is started.
        job_name: the job's name, unless the options have one.

    Returns:
        The runner and the job's name.

    Raises:
        OptionError: an option is unknown, or the runner is none that the jobs know.
    """
    standard, google_cloud = options.view_as(StandardOptions), options.view_as(GoogleCloudOptions)
    standard.runner = standard.runner or LOCAL_RUNNER
    if standard.runner not in (LOCAL_RUNNER, DATAFLOW_RUNNER):
        raise OptionError(f"--runner={standard.runner} cannot be used: give {LOCAL_RUNNER} or {DATAFLOW_RUNNER}")
    google_cloud.job_name = google_cloud.job_name or job_name
    if standard.runner != DATAFLOW_RUNNER:  # the service may hand its launchers options of a later Beam
        refuse_unknown(rest, program)
    return str(standard.runner), str(google_cloud.job_name)


def refuse_unknown(rest: Sequence[str], program: str) -> None:
    """Check that what is left of a command line are Beam's own options.

    Raises:
        OptionError: one of them is none.
    """
    parser = OneLineParser(allow_abbrev=False, add_help=False, conflict_handler="resolve")
    for options_class in PipelineOptions.__subclasses__():
        if options_class.__module__.startswith("apache_beam."):  # not those of another job
            options_class._add_argparse_args(parser)  # type: ignore[arg-type]
    _, unknown = parser.parse_known_args(list(rest))
    if unknown:
        raise OptionError(f"unknown option {unknown[0]}: {program} --help lists the known ones")
