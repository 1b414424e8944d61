"""The command `python -m beam_jobs.access_log`, see `cli/command.py`."""

import sys

from beam_jobs.access_log.cli.command import main

if __name__ == "__main__":
    sys.exit(main())
