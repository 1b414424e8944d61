"""The parameters of the replay: one list for the command line, the Flex Template and the checks of values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from apache_beam.options.pipeline_options import PipelineOptions

from beam_jobs.backfill.options import BACKFILL_PARAMETERS, settle_runner
from beam_jobs.options.anonymisation import ANONYMISING_PARAMETERS, AnonymisingSettings
from beam_jobs.options.parameters import OneLineParser, Parameter, add_parameters, checked
from beam_jobs.storage.files import absolute

_JOB_NAME = "log-replay"
_PROJECT = r"([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]"

REPLAY_PARAMETERS = (
    Parameter(
        "lines",
        "Rejected lines",
        "BigQuery table with the lines to read again, each with its log_format: PROJECT.DATASET.TABLE.",
        rf"^{_PROJECT}\.[A-Za-z0-9_]{{1,1024}}\.[A-Za-z0-9_]{{1,1024}}$",
    ),
    *(parameter for parameter in BACKFILL_PARAMETERS if parameter.name in ("output", "run_id")),
    *ANONYMISING_PARAMETERS,
)


@dataclass(frozen=True, slots=True)
class ReplaySettings:
    """Checked values of the parameters; see `REPLAY_PARAMETERS`.

    Attributes:
        job_name: Beam's `--job_name`.
        runner: Beam's `--runner`.
    """

    lines: str
    output: str
    run_id: str
    anonymising: AnonymisingSettings
    job_name: str
    runner: str


def parse_replay_options(argv: Sequence[str]) -> tuple[ReplaySettings, PipelineOptions]:
    """Read and check a command line.

    Returns:
        The job's own settings, and Beam's options with the runner and the job's name filled in.

    Raises:
        OptionError: a parameter is missing, unknown, or has a value that cannot be used.
        SystemExit: the help was asked for.
    """
    parser = OneLineParser(
        prog="python -m beam_jobs.replay",
        description="Read rejected lines again, into Parquet with a manifest. Beam's own options follow the same way.",
        allow_abbrev=False,
    )
    add_parameters(parser, REPLAY_PARAMETERS)
    own, rest = parser.parse_known_args(argv)
    values = {parameter.name: checked(parameter, getattr(own, parameter.name)) for parameter in REPLAY_PARAMETERS}
    options = PipelineOptions(rest)
    runner, job_name = settle_runner(options, rest, parser.prog, _JOB_NAME)
    settings = ReplaySettings(
        lines=values["lines"],
        output=absolute(values["output"]),
        run_id=values["run_id"],
        anonymising=AnonymisingSettings.of(values),
        job_name=job_name,
        runner=runner,
    )
    return settings, options
