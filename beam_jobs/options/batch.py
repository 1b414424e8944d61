"""Settings of every batch job: input, output, run and anonymisation."""

from __future__ import annotations

from dataclasses import dataclass

from beam_jobs.options.anonymisation import AnonymisingSettings


@dataclass(frozen=True, kw_only=True)
class BatchSettings:
    """Checked values of a batch job's parameters, and Beam's `--job_name` and `--runner`."""

    source: str
    output: str
    run_id: str
    anonymising: AnonymisingSettings
    job_name: str
    runner: str
