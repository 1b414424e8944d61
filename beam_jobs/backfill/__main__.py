"""Run as `python -m beam_jobs.backfill`."""

import sys

from beam_jobs.backfill.options import parse_backfill_options
from beam_jobs.imports import without_garbage_collection

if __name__ == "__main__":
    if not {"-h", "--help"}.isdisjoint(sys.argv[1:]):
        parse_backfill_options(sys.argv[1:])  # prints it, and ends

    # Its imports take seconds.
    with without_garbage_collection():
        from beam_jobs.backfill.job import main

    sys.exit(main())
