"""Run as `python -m beam_jobs.stream`."""

import sys

from beam_jobs.stream.job import main

if __name__ == "__main__":
    sys.exit(main())
