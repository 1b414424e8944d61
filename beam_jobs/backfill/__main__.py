"""Run as `python -m beam_jobs.backfill`."""

import sys

from beam_jobs.backfill.options import parse_backfill_options

if __name__ == "__main__":
    if not {"-h", "--help"}.isdisjoint(sys.argv[1:]):
        parse_backfill_options(sys.argv[1:])  # prints it, and ends

    # Its imports take seconds.
    from beam_jobs.backfill.job import main

    sys.exit(main())
