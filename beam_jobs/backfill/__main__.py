"""Run as `python -m beam_jobs.backfill`."""

import sys

from beam_jobs.backfill.job import main

if __name__ == "__main__":
    sys.exit(main())
