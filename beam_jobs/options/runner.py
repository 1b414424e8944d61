"""Beam's own options beside a job's parameters: the runner, the job's name, and a refusal of unknown ones."""

from __future__ import annotations

from collections.abc import Sequence

from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions, StandardOptions

from beam_jobs.options.parameters import DATAFLOW_RUNNER, LOCAL_RUNNER, OneLineParser, OptionError


def settle_runner(options: PipelineOptions, rest: Sequence[str], program: str, job_name: str) -> tuple[str, str]:
    """Check the runner, fill in what Beam's options leave out, and return the runner and the job's name.

    Raises:
        OptionError: an option is unknown, or the runner is neither of the two that the jobs know.
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
    """Check that what is left of a command line are options of Beam.

    Raises:
        OptionError: Beam has no such option.
    """
    parser = OneLineParser(allow_abbrev=False, add_help=False, conflict_handler="resolve")
    for options_class in PipelineOptions.__subclasses__():
        if options_class.__module__.startswith("apache_beam."):  # not those of another job
            options_class._add_argparse_args(parser)  # type: ignore[arg-type]
    _, unknown = parser.parse_known_args(list(rest))
    if unknown:
        raise OptionError(f"unknown option {unknown[0]}: {program} --help lists the known ones")
