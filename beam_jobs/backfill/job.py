"""Batch job: historical log files to Parquet files with a manifest, for `log_backfill` to load.

    python -m beam_jobs.backfill --source 'logs/2015-05-17/*' --output out --run_id first

Reads plain and compressed files, gs:// or local, and writes, under `--output`: `rows/*.parquet`, `rejected/*.parquet`,
`ledger/*.parquet` and, last, `manifest.json`, which names every file that counts.
Runs in this process by default, on Dataflow with `--runner=DataflowRunner`. Exits with 1 and one line where an input
cannot be read, with 2 where an option is wrong.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import apache_beam as beam

from beam_jobs.backfill.object_list import read_object_list
from beam_jobs.backfill.options import BackfillSettings, parse_backfill_options
from beam_jobs.backfill.parse_blocks import ParseBlocks
from beam_jobs.backfill.transforms import ListSources, PlanBlocks, WriteManifest
from beam_jobs.options.batch import STOP
from beam_jobs.options.parameters import DATAFLOW_RUNNER
from beam_jobs.output.batch_run import run_batch
from beam_jobs.output.manifest import RunInfo


def build(pipeline: beam.Pipeline, settings: BackfillSettings, run: RunInfo) -> None:
    """Add the backfill's steps to a pipeline."""
    if settings.is_list:
        read_object_list(settings.source)  # reports a mistake in it before anything is done
    listed = pipeline | "List sources" >> ListSources(settings, run)
    planned = listed.objects | "Plan blocks" >> PlanBlocks(settings)
    parsed = (planned.tasks, listed.small) | "Parse blocks" >> ParseBlocks(settings, run)
    raise_on_errors = settings.unreadable == STOP and settings.runner == DATAFLOW_RUNNER
    (
        (planned.records, parsed)
        | "All records" >> beam.Flatten()
        | "Write manifest" >> WriteManifest(run, raise_on_errors=raise_on_errors)
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job and return its exit code; see `run_batch`."""
    return run_batch(argv, parse_backfill_options, build, logging.getLogger("logline.backfill"))
