"""Columns whose values are those of a class: a line has a number, and each number few values that many lines share."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from beam_jobs.access_log.arrow.arrays import bits, buffer, bytes_array
from beam_jobs.access_log.arrow.schema import ENCODED, Column
from beam_jobs.access_log.compiled.jit import compiled
from beam_jobs.access_log.compiled.simd import Number, count_bits, int64, uint8, uint64
from beam_jobs.access_log.memory import room


class LineClasses:
    """The lines of a block, each of a class or of none, whose values are null.

    Args:
        number_of_line: Per line its number, -1 for none.
        class_of_number: Which class each number stands for.
    """

    def __init__(
        self, number_of_line: npt.NDArray[np.int32], class_of_number: npt.NDArray[np.int32] | None = None
    ) -> None:
        self._number_of_line = number_of_line
        self._class_of_number = class_of_number

    def texts(self, values: Sequence[str | None]) -> Column:
        """Return the values of the lines' classes, encoded; those that are None or empty are null."""
        places = {value: place for place, value in enumerate(dict.fromkeys(filter(None, values)))}
        if not places:
            return pa.nulls(len(self._number_of_line), ENCODED)
        texts = bytes_array([value.encode() for value in places], pa.string())
        return self.encoded(np.array([places[value] if value else -1 for value in values], np.int32), texts)

    def encoded(self, places: npt.NDArray[np.int32], texts: Column) -> Column:
        """Return the texts at the places of the lines' classes, encoded; below 0 are those of null."""
        found, validity, nulls = self._spread(places)
        indices: Any = pa.Array.from_buffers(
            pa.int32(), len(found), [buffer(validity) if nulls else None, buffer(found)], nulls
        )
        return pa.DictionaryArray.from_arrays(indices, cast(Any, texts), safe=False)

    def flags(self, values: Sequence[bool | None]) -> Column:
        """Return the values of the lines' classes, of type bool."""
        found, validity, nulls = self._spread(np.array([-1 if value is None else value for value in values], np.int32))
        buffers = [buffer(validity) if nulls else None, buffer(bits(found == 1))]
        return pa.Array.from_buffers(pa.bool_(), len(found), buffers, nulls)

    def numbers(self, values: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """Return the values of the lines' classes, -1 for lines of none."""
        found, _, _ = self._spread(values)
        return found

    def _spread(
        self, value_of_class: npt.NDArray[np.int32]
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8], int]:
        """Return each line's value, which of these are not below 0, and how many are."""
        lines = len(self._number_of_line)
        of_number = value_of_class if self._class_of_number is None else value_of_class[self._class_of_number]
        values, validity = room(np.int32, lines), room(np.uint8, (lines + 7) // 8)
        # The number -1, that of no class, is the first one of the table.
        table = np.concatenate((np.full(1, -1, np.int32), of_number))
        return values, validity, _spread(table, self._number_of_line, values, validity)


@compiled
def _spread(
    table: npt.NDArray[np.int32],
    numbers: npt.NDArray[np.int32],
    values: npt.NDArray[np.int32],
    validity: npt.NDArray[np.uint8],
) -> Number:
    """Take the value behind each number's place in the table, and count those below 0."""
    there = int64(0)
    for place in range(validity.size):
        first = 8 * place
        present = uint64(0)
        for line in range(first, min(first + 8, numbers.size)):
            value = table[uint64(numbers[line] + 1)]
            values[line] = value
            present |= uint64(value >= 0) << uint64(line - first)
        validity[place] = uint8(present)
        there += count_bits(present)
    return int64(numbers.size) - there
