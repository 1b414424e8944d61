"""The parameters of the jobs: one list for the command line, the Flex Template's metadata and the checks of values."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass

from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions, StandardOptions

from beam_jobs.access_log import FORMATS
from beam_jobs.command_line import OneLineParser, OptionError
from beam_jobs.storage import GCS_SCHEME, absolute

LOCAL_RUNNER = "FnApiRunner"
DATAFLOW_RUNNER = "DataflowRunner"
AUTO_FORMAT = "auto"
MIN_BLOCK_BYTES, MAX_BLOCK_BYTES = 1 << 10, 1 << 27
MIN_LINE_BYTES, MAX_LINE_BYTES = 1 << 10, 1 << 24
_JOB_NAME = "log-backfill"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter, as Flex Template metadata describe it.

    Attributes:
        name: the command line's `--name`.
        label: a few words for a form.
        help_text: what it does, its unit and default.
        regex: what a value must match as a whole.
        default: the value where none is given; None where one must be given.
    """

    name: str
    label: str
    help_text: str
    regex: str
    default: str | None = None

    @property
    def is_optional(self) -> bool:
        """Whether a run may leave it out."""
        return self.default is not None


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
        f"Format of the lines: {', '.join(sorted(FORMATS))}, or auto to find it out per file. Default: auto.",
        rf"^({'|'.join((AUTO_FORMAT, *sorted(FORMATS)))})$",
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
    standard, google_cloud = options.view_as(StandardOptions), options.view_as(GoogleCloudOptions)
    standard.runner = standard.runner or LOCAL_RUNNER
    if standard.runner not in (LOCAL_RUNNER, DATAFLOW_RUNNER):
        raise OptionError(f"--runner={standard.runner} cannot be used: give {LOCAL_RUNNER} or {DATAFLOW_RUNNER}")
    google_cloud.job_name = google_cloud.job_name or _JOB_NAME
    if standard.runner != DATAFLOW_RUNNER:  # the service may hand its launchers options of a later Beam
        refuse_unknown(rest, own_parser.prog)
    settings = BackfillSettings(
        source=values["source"] if values["source"].startswith(GCS_SCHEME) else absolute(values["source"]),
        output=absolute(values["output"]),
        run_id=values["run_id"],
        log_format=values["log_format"],
        block_bytes=in_range("block_bytes", values["block_bytes"], MIN_BLOCK_BYTES, MAX_BLOCK_BYTES),
        max_line_bytes=in_range("max_line_bytes", values["max_line_bytes"], MIN_LINE_BYTES, MAX_LINE_BYTES),
        job_name=google_cloud.job_name,
        runner=standard.runner,
    )
    return settings, options


def add_parameters(parser: argparse.ArgumentParser, parameters: Sequence[Parameter]) -> None:
    """Let a command line take these parameters."""
    for parameter in parameters:
        parser.add_argument(f"--{parameter.name}", help=parameter.help_text, default=parameter.default)


def checked(parameter: Parameter, value: str | None) -> str:
    """The value of a parameter, if it matches.

    Raises:
        OptionError: it is missing or does not match.
    """
    if value is None:
        raise OptionError(f"--{parameter.name} is missing. {parameter.help_text}")
    if re.fullmatch(parameter.regex, value) is None:
        raise OptionError(f"--{parameter.name}={value} cannot be used. {parameter.help_text}")
    return value


def in_range(name: str, value: str, least: int, most: int) -> int:
    """A number of bytes, if it is from `least` to `most`.

    Raises:
        OptionError: it is not.
    """
    if not least <= int(value) <= most:
        raise OptionError(f"--{name}={value} is out of range: give {least} to {most} bytes")
    return int(value)


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
