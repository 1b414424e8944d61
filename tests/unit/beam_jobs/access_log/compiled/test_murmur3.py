"""The compiled MurmurHash3 against the package mmh3."""

import mmh3
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from beam_jobs.access_log.compiled.murmur3 import hash_lines
from beam_jobs.access_log.compiled.simd import PADDING


@given(st.lists(st.binary(max_size=100), min_size=1, max_size=20))
def test_hashes_are_those_of_mmh3(lines: list[bytes]) -> None:
    ends = np.cumsum([len(line) for line in lines])
    bounds = np.array([(end - len(line), end) for line, end in zip(lines, ends, strict=True)], np.int32)
    hashes = np.empty((len(lines), 2), np.uint64)
    hash_lines(np.frombuffer(b"".join(lines) + bytes(PADDING), np.uint8), 0, bounds, 0, len(lines), hashes)
    assert [row.tobytes() for row in hashes] == [mmh3.hash_bytes(line) for line in lines]
