"""The parameters of the backfill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from beam_jobs.options.anonymisation import ANONYMISING_PARAMETERS, AnonymisingSettings
from beam_jobs.options.batch import BatchSettings
from beam_jobs.options.job_parameters import (
    AUTO_FORMAT,
    MIN_LINE_BYTES,
    OUTPUT,
    RUN_ID,
    log_format_parameter,
    max_line_bytes_parameter,
)
from beam_jobs.options.parameters import Parameter, in_range, parse_parameters, usable_format
from beam_jobs.storage.files import absolute, is_gcs

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions

MIN_BLOCK_BYTES, MAX_BLOCK_BYTES = 1 << 10, 1 << 27
MAX_LINE_BYTES = 1 << 24
_PROGRAM = "python -m beam_jobs.backfill"
_JOB_NAME = "log-backfill"

BACKFILL_PARAMETERS = (
    Parameter(
        "source",
        "Log files",
        "Which files to read: gs:// or local, * and ? and [] within a folder, ** across folders; plain or compressed.",
        r"^\S(.*\S)?$",
    ),
    OUTPUT,
    RUN_ID,
    log_format_parameter(AUTO_FORMAT),
    Parameter(
        "block_bytes",
        "Block size",
        f"Bytes of a block of lines that is parsed at once, {MIN_BLOCK_BYTES} to {MAX_BLOCK_BYTES}. Default: 16 MiB.",
        r"^[1-9][0-9]{3,8}$",
        str(16 << 20),
    ),
    max_line_bytes_parameter(MAX_LINE_BYTES),
    *ANONYMISING_PARAMETERS,
)


@dataclass(frozen=True, kw_only=True)
class BackfillSettings(BatchSettings):
    """Checked values of the parameters; see `BACKFILL_PARAMETERS`."""

    log_format: str
    block_bytes: int
    max_line_bytes: int


def parse_backfill_options(argv: Sequence[str]) -> tuple[BackfillSettings, PipelineOptions]:
    """Read and check a command line; return the job's settings, and Beam's options with runner and name filled in.

    Raises:
        OptionError: a parameter is missing, unknown, or its value is out of range.
        SystemExit: the help was asked for.
    """
    values, rest = parse_parameters(
        _PROGRAM, "Parse historical log files into Parquet, with a manifest.", BACKFILL_PARAMETERS, argv
    )
    # Beam takes seconds to import, and --help does not need it.
    from beam_jobs.backfill.beam_options import beam_options
    from beam_jobs.options.runner import settle_runner

    options = beam_options(argv)
    runner, job_name = settle_runner(options, rest, _PROGRAM, _JOB_NAME)
    settings = BackfillSettings(
        source=values["source"] if is_gcs(values["source"]) else absolute(values["source"]),
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
