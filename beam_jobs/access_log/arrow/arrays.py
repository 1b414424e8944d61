"""Arrow arrays over buffers: nothing is copied twice, and pandas stays out.

The first call of `pyarrow.array`, `pyarrow.scalar` or `to_numpy` imports pandas, which takes a process a second.
"""

from collections.abc import Sequence
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from beam_jobs.access_log.arrow.schema import ENCODED, Column

_Number = TypeVar("_Number", np.int32, np.int64, np.float64)


def buffer(values: npt.NDArray[Any]) -> pa.Buffer:
    """Return the memory of a contiguous numpy array, as Arrow sees it."""
    return pa.py_buffer(cast(Any, values))


def bytes_array(values: Sequence[bytes], data_type: pa.DataType) -> Column:
    """Return an array of type string (the values must be UTF-8) or binary, of less than 2 GiB."""
    offsets = np.zeros(len(values) + 1, np.int32)
    np.cumsum([len(value) for value in values], out=offsets[1:])
    return pa.Array.from_buffers(data_type, len(values), [None, buffer(offsets), pa.py_buffer(b"".join(values))])


def int64_array(values: npt.NDArray[np.int64]) -> Column:
    """Return an array of type int64."""
    return pa.Array.from_buffers(pa.int64(), len(values), [None, buffer(values)])


def number_values(column: Any, kind: type[_Number]) -> npt.NDArray[_Number]:
    """Return the memory of an array of numbers of this kind; where it is null, the values mean nothing."""
    values = np.frombuffer(column.buffers()[1] or b"", kind)
    return values[column.offset : column.offset + len(column)]


def nullable_array(data_type: pa.DataType, values: npt.NDArray[Any], valid: npt.NDArray[np.bool_]) -> Column:
    """Return an array over the memory of `values`, for bool their bits, that is null where `valid` is not."""
    nulls = len(valid) - int(np.count_nonzero(valid))
    return pa.Array.from_buffers(data_type, len(valid), [buffer(bits(valid)) if nulls else None, buffer(values)], nulls)


def dictionary_array(places: npt.NDArray[np.int32], valid: npt.NDArray[np.bool_], values: Column) -> Column:
    """Return the values at these places, encoded; null where `valid` is not."""
    indices: Any = nullable_array(pa.int32(), places, valid)
    return pa.DictionaryArray.from_arrays(indices, cast(Any, values), safe=False)


def values_of_classes(
    values: Sequence[str | None],
    class_of_line: npt.NDArray[np.integer[Any]],
    is_there: npt.NDArray[np.bool_] | None = None,
) -> Column:
    """Return each line's value, which is that of its class, encoded.

    Args:
        values: Of each class; None or empty for none.
        class_of_line: The number of its class.
        is_there: Which lines may have a value; None: all.
    """
    places = {value: place for place, value in enumerate(dict.fromkeys(filter(None, values)))}
    if not places:
        return pa.nulls(len(class_of_line), ENCODED)
    place_of_class = np.array([places[value] if value else -1 for value in values], np.int32)
    place_of_line = place_of_class.take(class_of_line, mode="clip")
    valid = place_of_line >= 0
    texts = bytes_array([value.encode() for value in places], pa.string())
    return dictionary_array(place_of_line, valid if is_there is None else valid & is_there, texts)


def bits(values: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """Pack a mask as Arrow does."""
    return np.packbits(values, bitorder="little")
