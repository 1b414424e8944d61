"""Run as `python -m beam_jobs.replay`."""

import sys

from beam_jobs.replay.job import main

if __name__ == "__main__":
    sys.exit(main())
