"""Comparison of bytes in memory, 64 at a time."""

from beam_jobs.access_log.compiled.jit import inlined
from beam_jobs.access_log.compiled.simd import equal_64, uint64

_ALL = uint64(0xFFFFFFFFFFFFFFFF)


@inlined
def is_same(one: int, other: int, length: int) -> bool:
    """Whether `length` bytes at two addresses are the same."""
    while length > 0:
        equal = equal_64(one, other)
        if length < 64:
            equal |= _ALL << uint64(length)
        if equal != _ALL:
            return False
        one += 64
        other += 64
        length -= 64
    return True
