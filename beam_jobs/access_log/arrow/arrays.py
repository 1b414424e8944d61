"""Arrow arrays over buffers: nothing is copied twice, and pandas stays out.

The first call of `pyarrow.array`, `pyarrow.scalar` or `to_numpy` imports pandas, which takes a process a second.
"""

from collections.abc import Sequence
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from beam_jobs.access_log.arrow.schema import Column

_Number = TypeVar("_Number", np.int64, np.float64)


def buffer(values: npt.NDArray[Any]) -> pa.Buffer:
    """Return the memory of a contiguous numpy array, as Arrow sees it."""
    return pa.py_buffer(cast(Any, values))


def bytes_array(values: Sequence[bytes], data_type: pa.DataType) -> Column:
    """Return an array of type string (the values must be UTF-8) or binary, of less than 2 GiB."""
    offsets = np.zeros(len(values) + 1, np.int32)
    np.cumsum([len(value) for value in values], out=offsets[1:])
    return pa.Array.from_buffers(data_type, len(values), [None, buffer(offsets), pa.py_buffer(b"".join(values))])


def nullable_bool_array(values: npt.NDArray[np.bool_], valid: npt.NDArray[np.bool_]) -> Column:
    """Return an array of type bool that is null where `valid` is not."""
    return pa.Array.from_buffers(pa.bool_(), len(values), [_bits(valid), _bits(values)])


def int64_array(values: npt.NDArray[np.int64]) -> Column:
    """Return an array of type int64."""
    return pa.Array.from_buffers(pa.int64(), len(values), [None, buffer(values)])


def number_values(column: Any, kind: type[_Number]) -> npt.NDArray[_Number]:
    """Return the memory of an array of numbers of this kind; where it is null, the values mean nothing."""
    values = np.frombuffer(column.buffers()[1] or b"", kind)
    return values[column.offset : column.offset + len(column)]


def encoded_array(indices: npt.NDArray[np.int32], values: Column) -> Column:
    """Return a dictionary array of type int32 to string in which negative indices are null."""
    valid = indices >= 0
    nulls = len(indices) - int(np.count_nonzero(valid))
    buffers = [_bits(valid) if nulls else None, buffer(indices)]
    return pa.DictionaryArray.from_arrays(
        pa.Array.from_buffers(pa.int32(), len(indices), buffers, nulls), cast(Any, values), safe=False
    )


def nullable_int64_array(values: npt.NDArray[np.int64]) -> Column:
    """Return an array of type int64 in which negative values are null."""
    valid = values >= 0
    nulls = len(values) - int(np.count_nonzero(valid))
    return pa.Array.from_buffers(pa.int64(), len(values), [_bits(valid) if nulls else None, buffer(values)], nulls)


def nullable_float64_array(values: npt.NDArray[np.float64]) -> Column:
    """Return an array of type double in which NaN is null."""
    valid = ~np.isnan(values)
    nulls = len(values) - int(np.count_nonzero(valid))
    return pa.Array.from_buffers(pa.float64(), len(values), [_bits(valid) if nulls else None, buffer(values)], nulls)


def _bits(values: npt.NDArray[np.bool_]) -> pa.Buffer:
    return buffer(np.packbits(values, bitorder="little"))
