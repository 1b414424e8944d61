"""The parameters of the backfill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from beam_jobs.options.anonymisation import ANONYMISING_PARAMETERS, AnonymisingSettings
from beam_jobs.options.batch import SET_ASIDE, STOP, BatchSettings
from beam_jobs.options.job_parameters import (
    AUTO_FORMAT,
    MIN_LINE_BYTES,
    OUTPUT,
    RUN_ID,
    log_format_parameter,
    max_line_bytes_parameter,
)
from beam_jobs.options.parameters import OptionError, Parameter, in_range, parse_parameters, place, usable_format
from beam_jobs.options.places import PLACES
from beam_jobs.storage.files import is_gcs

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
        r"^(\S(.*\S)?)?$",
        "",
    ),
    Parameter(
        "objects",
        "List of objects",
        "File that lists the objects to read, instead of source: gs:// or local, a line for each object,"
        ' {"uri": "gs://b/o", "generation": 1, "size": 2}. No other generation of an object is read.',
        r"^(\S(.*\S)?)?$",
        "",
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
    Parameter(
        "unreadable",
        "Unreadable objects",
        f"What becomes of the run if objects cannot be read: {SET_ASIDE} names them in the manifest and goes on,"
        f" {STOP} fails the job. Default: {SET_ASIDE}.",
        rf"^({SET_ASIDE}|{STOP})$",
        SET_ASIDE,
        (SET_ASIDE, STOP),
    ),
    *ANONYMISING_PARAMETERS,
    PLACES,
)


@dataclass(frozen=True, kw_only=True)
class BackfillSettings(BatchSettings):
    """Checked values of the parameters; see `BACKFILL_PARAMETERS`.

    Attributes:
        is_list: whether `source` is a list of objects instead of a pattern.
    """

    is_list: bool
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
        source=_source(values),
        is_list=bool(values["objects"]),
        output=place("output", values["output"]),
        run_id=values["run_id"],
        log_format=AUTO_FORMAT if values["log_format"] == AUTO_FORMAT else usable_format(values["log_format"]),
        block_bytes=in_range("block_bytes", values["block_bytes"], MIN_BLOCK_BYTES, MAX_BLOCK_BYTES),
        max_line_bytes=in_range("max_line_bytes", values["max_line_bytes"], MIN_LINE_BYTES, MAX_LINE_BYTES),
        unreadable=values["unreadable"],
        anonymising=AnonymisingSettings.of(values),
        places=values["places"],
        job_name=job_name,
        runner=runner,
    )
    return settings, options


def _source(values: Mapping[str, str]) -> str:
    """Return what names the objects to read: a pattern, or a list."""
    source, objects = values["source"], values["objects"]
    if source and objects:
        raise OptionError("--source and --objects are both given: give the files to read by one of them")
    if not source and not objects:
        raise OptionError("--source or --objects is missing: give the log files, or a list of objects")
    name = "source" if source else "objects"
    # Of a pattern slashes at the end count.
    return values[name] if is_gcs(values[name]) else place(name, values[name])
