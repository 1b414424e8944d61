"""Run as `python -m beam_jobs.stream`."""

import sys

from beam_jobs.imports import without_garbage_collection
from beam_jobs.stream.options import parse_stream_options

if __name__ == "__main__":
    if not {"-h", "--help"}.isdisjoint(sys.argv[1:]):
        parse_stream_options(sys.argv[1:])  # prints it, and ends

    # Its imports take seconds.
    with without_garbage_collection():
        from beam_jobs.stream.job import main

    sys.exit(main())
