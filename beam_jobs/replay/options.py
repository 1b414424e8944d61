"""The parameters of the replay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from beam_jobs.options.anonymisation import ANONYMISING_PARAMETERS, AnonymisingSettings
from beam_jobs.options.batch import BatchSettings
from beam_jobs.options.job_parameters import OUTPUT, RUN_ID, TABLE
from beam_jobs.options.parameters import Parameter, parse_parameters, place
from beam_jobs.options.places import PLACES

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions

_PROGRAM = "python -m beam_jobs.replay"
_JOB_NAME = "log-replay"

REPLAY_PARAMETERS = (
    Parameter(
        "lines",
        "Rejected lines",
        "BigQuery table with the lines to read again, each with its log_format: PROJECT.DATASET.TABLE.",
        rf"^{TABLE}$",
    ),
    OUTPUT,
    RUN_ID,
    *ANONYMISING_PARAMETERS,
    PLACES,
)


def parse_replay_options(argv: Sequence[str]) -> tuple[BatchSettings, PipelineOptions]:
    """Read and check a command line; return the job's settings, and Beam's options with runner and name filled in.

    Raises:
        OptionError: a parameter is missing, unknown, or has a value that cannot be used.
        SystemExit: the help was asked for.
    """
    values, rest = parse_parameters(
        _PROGRAM, "Read rejected lines again, into Parquet with a manifest.", REPLAY_PARAMETERS, argv
    )
    # Beam takes seconds to import, and --help does not need it.
    from apache_beam.options.pipeline_options import PipelineOptions

    from beam_jobs.options.runner import settle_runner

    options = PipelineOptions(rest)
    runner, job_name = settle_runner(options, rest, _PROGRAM, _JOB_NAME)
    settings = BatchSettings(
        source=values["lines"],
        output=place("output", values["output"]),
        run_id=values["run_id"],
        anonymising=AnonymisingSettings.of(values),
        places=values["places"],
        job_name=job_name,
        runner=runner,
    )
    return settings, options
