"""Hashes of rows by their values, for rows whose original line must not be guessed from its hash.

What is hashed is, of each row, its numbers as 8 bytes each in little-endian order, the lowest one for null, then its
texts, each behind a byte that is 1, or 0 for null, and before a byte 0x1f.
"""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from beam_jobs.access_log.arrow.arrays import buffer
from beam_jobs.access_log.arrow.schema import Column
from beam_jobs.access_log.compiled.murmur3 import hash_lines
from beam_jobs.access_log.compiled.simd import PADDING

_NULL = np.int64(-(2**63))
_END = b"\x1f"


def hash_rows(numbers: Sequence[Column], texts: Sequence[Column]) -> Column:
    """Return the MurmurHash3 x64 128 (seed 0) of each row's values, `fixed_size_binary(16)`.

    Args:
        numbers: Columns of types of 64 bits.
        texts: Columns of type string.
    """
    size = len(texts[0])
    values = np.empty((size, len(numbers)), np.int64)
    for place, number in enumerate(numbers):
        valid: Any = number.is_valid().to_numpy(zero_copy_only=False)
        stored = np.frombuffer(cast(Any, number.buffers()[1]), np.int64)[number.offset : number.offset + size]
        values[:, place] = np.where(valid, stored, _NULL)
    compute: Any = pc
    binary = pa.binary()
    parts: list[Any] = [pa.Array.from_buffers(pa.binary(values.strides[0]), size, [None, buffer(values)]).cast(binary)]
    end = b""
    for text in texts:
        missing, present = pa.scalar(end + b"\0", binary), pa.scalar(end + b"\1", binary)
        if text.null_count == 0:
            parts += present, text.cast(binary)
        elif text.null_count == size:
            parts.append(missing)
        else:
            marked = compute.binary_join_element_wise(present, text.cast(binary), pa.scalar(b"", binary))
            parts.append(compute.fill_null(marked, missing))
        end = _END
    rows = compute.binary_join_element_wise(*parts, pa.scalar(end, binary), pa.scalar(b"", binary))
    _, offset_buffer, data_buffer = rows.buffers()
    ends = np.frombuffer(offset_buffer, np.int32)
    hashes = np.empty((size, 2), np.uint64)
    data = np.concatenate((np.frombuffer(data_buffer, np.uint8), np.zeros(PADDING, np.uint8)))
    hash_lines(data, 0, np.stack((ends[:-1], ends[1:]), axis=1), 0, size, hashes)
    return pa.Array.from_buffers(pa.binary(16), size, [None, buffer(hashes)])
