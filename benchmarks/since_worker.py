"""CPU seconds in which the parser reads a log of combined lines: ``python benchmarks/since_worker.py LOG``.

It runs with the modules of the commit that it is started for.
"""

import sys
import time
from pathlib import Path

from beam_jobs.access_log import BlockParser, get_format
from benchmarks.parser_logs import cut_blocks

ROUNDS = 7
BLOCK_BYTES = 16 << 20


def main(log: Path) -> None:
    """Print the least of some rounds; the first one compiles, and sees each user agent for the first time."""
    blocks = list(cut_blocks(log.read_bytes(), BLOCK_BYTES))
    parser = BlockParser(get_format("combined"))
    rounds = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for block in blocks:
            parser.parse(block)
        rounds.append(time.process_time() - began)
    print(min(rounds))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
