"""Settings of every batch job: input, output, run and anonymisation."""

from __future__ import annotations

from dataclasses import dataclass

from beam_jobs.options.anonymisation import AnonymisingSettings


@dataclass(frozen=True, kw_only=True)
class BatchSettings:
    """Checked values of a batch job's parameters.

    Attributes:
        source: what to read, a pattern or a table.
        output: folder of the run's files, without a trailing slash.
        run_id: the caller's name of the run.
        anonymising: what is taken out of the lines.
        job_name: Beam's `--job_name`.
        runner: Beam's `--runner`.
    """

    source: str
    output: str
    run_id: str
    anonymising: AnonymisingSettings
    job_name: str
    runner: str
