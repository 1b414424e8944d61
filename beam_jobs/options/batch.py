"""Settings of every batch job: input, output, run, anonymisation and places."""

from __future__ import annotations

from dataclasses import dataclass

from beam_jobs.options.anonymisation import AnonymisingSettings
from beam_jobs.options.places import REGISTRIES

SET_ASIDE, STOP = "set_aside", "stop"
"""What becomes of a run if inputs cannot be read: it names them in its manifest and goes on, or it fails."""


@dataclass(frozen=True, kw_only=True)
class BatchSettings:
    """Checked values of a batch job's parameters, and Beam's `--job_name` and `--runner`."""

    source: str
    output: str
    run_id: str
    anonymising: AnonymisingSettings
    job_name: str
    runner: str
    unreadable: str = STOP
    places: str = REGISTRIES
