"""Run as `python -m beam_jobs.replay`."""

import sys

from beam_jobs.imports import without_garbage_collection
from beam_jobs.replay.options import parse_replay_options

if __name__ == "__main__":
    if not {"-h", "--help"}.isdisjoint(sys.argv[1:]):
        parse_replay_options(sys.argv[1:])  # prints it, and ends

    # Its imports take seconds.
    with without_garbage_collection():
        from beam_jobs.replay.job import main

    sys.exit(main())
