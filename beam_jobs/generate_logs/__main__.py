"""Run as `python -m beam_jobs.generate_logs`."""

import sys

from beam_jobs.generate_logs.command import main

if __name__ == "__main__":
    sys.exit(main())
