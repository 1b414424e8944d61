"""MurmurHash3 x64 128 of many lines at once.

The algorithm is Austin Appleby's MurmurHash3_x64_128 (public domain, github.com/aappleby/smhasher) with seed 0; a hash
is its two words in little-endian order, which is what `mmh3.hash_bytes` of the package mmh3 returns.
"""

import numpy as np
import numpy.typing as npt

from beam_jobs.access_log.compiled.jit import compiled, inlined
from beam_jobs.access_log.compiled.simd import ALL_BITS, Number, address_of, int64, load_word, uint64

_C1 = uint64(0x87C37B91114253D5)
_C2 = uint64(0x4CF5AD432745937F)
_MIX1 = uint64(0xFF51AFD7ED558CCD)
_MIX2 = uint64(0xC4CEB9FE1A85EC53)


@inlined
def _rotate_left(word: Number, bits: int) -> Number:
    return (word << uint64(bits)) | (word >> uint64(64 - bits))


@inlined
def _finalise(word: Number) -> Number:
    word ^= word >> uint64(33)
    word *= _MIX1
    word ^= word >> uint64(33)
    word *= _MIX2
    word ^= word >> uint64(33)
    return word


@compiled
def hash_lines(
    data: npt.NDArray[np.uint8],
    origin: int,
    bounds: npt.NDArray[np.int32],
    first: int,
    last: int,
    hashes: npt.NDArray[np.uint64],
) -> None:
    """Hash the lines `first` to `last` (not included).

    Args:
        data: The bytes, with at least 16 readable ones after every line.
        origin: What the bounds count from the first byte of `data`.
        bounds: Per line its first byte and the one after its last.
        first: The first line to hash.
        last: The line after the last one to hash.
        hashes: Per line the two words of its hash; filled in.
    """
    base = address_of(data) - origin
    line = int64(first)
    # Two at a time: each step of a hash waits for the one before, so two hardly take longer than one.
    while line + 1 < last:
        one = base + int64(bounds[line, 0])
        one_bytes = base + int64(bounds[line, 1]) - one
        other = base + int64(bounds[line + 1, 0])
        other_bytes = base + int64(bounds[line + 1, 1]) - other
        h1 = h2 = g1 = g2 = uint64(0)
        common = min(one_bytes, other_bytes) & ~int64(15)
        done = int64(0)
        while done < common:
            h1, h2 = _mixed(h1, h2, one + done)
            g1, g2 = _mixed(g1, g2, other + done)
            done += 16
        _finish(h1, h2, one, done, one_bytes, hashes, line)
        _finish(g1, g2, other, done, other_bytes, hashes, line + 1)
        line += 2
    if line < last:
        start = base + int64(bounds[line, 0])
        _finish(uint64(0), uint64(0), start, int64(0), base + int64(bounds[line, 1]) - start, hashes, line)


@inlined
def _mixed(h1: Number, h2: Number, address: int) -> tuple[Number, Number]:
    """Return the two words after 16 more bytes."""
    h1 ^= _rotate_left(load_word(address) * _C1, 31) * _C2
    h1 = (_rotate_left(h1, 27) + h2) * uint64(5) + uint64(0x52DCE729)
    h2 ^= _rotate_left(load_word(address + 8) * _C2, 33) * _C1
    h2 = (_rotate_left(h2, 31) + h1) * uint64(5) + uint64(0x38495AB5)
    return h1, h2


@inlined
def _finish(
    h1: Number, h2: Number, start: int, done: int, length: int, hashes: npt.NDArray[np.uint64], line: int
) -> None:
    """Take the bytes of a line that are not done yet, and keeps its hash."""
    while done + 16 <= length:
        h1, h2 = _mixed(h1, h2, start + done)
        done += 16
    rest = length - done
    if rest > 8:
        k2 = (load_word(start + done + 8) & (ALL_BITS >> uint64(8 * (16 - rest)))) * _C2
        h2 ^= _rotate_left(k2, 33) * _C1
    if rest > 0:
        k1 = load_word(start + done)
        if rest < 8:
            k1 &= ALL_BITS >> uint64(8 * (8 - rest))
        h1 ^= _rotate_left(k1 * _C1, 31) * _C2
    h1 ^= uint64(length)
    h2 ^= uint64(length)
    h1 += h2
    h2 += h1
    h1 = _finalise(h1)
    h2 = _finalise(h2)
    h1 += h2
    h2 += h1
    hashes[line, 0] = h1
    hashes[line, 1] = h2
