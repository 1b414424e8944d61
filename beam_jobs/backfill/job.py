"""Batch job: historical log files to Parquet files with a manifest, for `log_backfill` to load.

    python -m beam_jobs.backfill --source 'logs/2015-05-17/*' --output out --run_id first

Reads plain and gzip files from gs:// or local disk and writes, under `--output`: `rows/{date}/*.parquet` by the date
in the line, `rejected/*.parquet`, `ledger/*.parquet` and, last, `manifest.json`, which names every file that counts.
Runs in this process by default, on Dataflow with `--runner=DataflowRunner`. Exits with 1 and one line where an input
cannot be read, with 2 where an option is wrong.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence

import apache_beam as beam

from beam_jobs.backfill.options import BackfillSettings, parse_backfill_options
from beam_jobs.backfill.transforms import ListSources, ParseBlocks, PlanBlocks, WriteManifest
from beam_jobs.options.anonymisation import make_anonymiser
from beam_jobs.options.parameters import DATAFLOW_RUNNER, OptionError
from beam_jobs.output.batch_run import log_to_stderr, run_to_manifest
from beam_jobs.output.manifest import RunInfo, failure_line
from beam_jobs.storage.files import InputError, OutputError


def build(pipeline: beam.Pipeline, settings: BackfillSettings, run: RunInfo) -> None:
    """Add the backfill's steps to a pipeline."""
    listed = pipeline | "List sources" >> ListSources(settings.source)
    planned = listed.objects | "Plan blocks" >> PlanBlocks(settings.log_format, settings.block_bytes)
    parsed = planned["tasks"] | "Parse blocks" >> ParseBlocks(
        run, settings.block_bytes, settings.max_line_bytes, settings.anonymising
    )
    (
        (listed.records, planned["records"], parsed)
        | "All records" >> beam.Flatten()
        | "Write manifest" >> WriteManifest(run, raise_on_errors=settings.runner == DATAFLOW_RUNNER)
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job; with DataflowRunner, submit it.

    Returns:
        The exit code: 0, 1 where an input cannot be read or the output cannot be written, 2 for a wrong option.
    """
    log_to_stderr()
    try:
        settings, options = parse_backfill_options(sys.argv[1:] if argv is None else argv)
        make_anonymiser(settings.anonymising)  # a key that cannot be read is said before anything is done
        run = RunInfo.begun_now(
            run_id=settings.run_id, job_name=settings.job_name, source=settings.source, output=settings.output
        )
        manifest_uri = f"{run.output}/manifest.json"
        manifest = run_to_manifest(
            options, settings.runner, manifest_uri, lambda pipeline: build(pipeline, settings, run)
        )
    except OptionError as error:
        print(error, file=sys.stderr)
        return 2
    except (InputError, OutputError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    if manifest is None:
        return 0
    failure = failure_line(manifest)
    if failure:
        print(failure, file=sys.stderr)
        return 1
    logging.getLogger("logline.backfill").info("wrote %s: %s", manifest_uri, json.dumps(manifest["totals"]))
    return 0
