"""Blocks of very short lines in parts: what a line takes in memory does not depend on its length alone."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from beam_jobs.access_log.compiled.jit import compiled
from beam_jobs.access_log.compiled.simd import Number, address_of, count_bits, int64, load_byte, matching, uint8

MAX_LINES = 1 << 18
"""How many lines a part has at most; a block of 16 MiB with lines of 64 bytes and more has no more of them."""


def cut_lines(
    data: bytes | memoryview, offset: int, max_lines: int = MAX_LINES
) -> Iterator[tuple[int, bytes | memoryview]]:
    """Yield a block as it is, or in parts of whole lines where it has more than `max_lines`, each with its offset."""
    block = np.frombuffer(data, np.uint8)
    block.flags.writeable = False
    start = 0
    while start < len(data):
        end = start + int(_end_of_lines(block[start:], max_lines)) if len(data) - start > max_lines else len(data)
        yield offset + start, data if end - start == len(data) else memoryview(data)[start:end]
        start = end


@compiled
def _end_of_lines(block: npt.NDArray[np.uint8], lines: int) -> Number:
    """Return where the line begins that comes `lines` lines later, or the size of the block."""
    base = address_of(block)
    address = base
    end = base + block.size
    left = int64(lines)
    while address + 64 <= end:
        found = count_bits(matching(address, uint8(10)))
        if found >= left:
            break
        left -= found
        address += 64
    while address < end and left > 0:
        left -= load_byte(address) == 10
        address += 1
    return address - base if left == 0 else int64(block.size)
