"""The columns of what numbers the lines, in formats that number them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from beam_jobs.access_log.arrow.arrays import int64_array, nullable_array, number_values
from beam_jobs.access_log.arrow.schema import ROWS_SCHEMA, Column
from beam_jobs.access_log.arrow.strings import text_columns
from beam_jobs.access_log.formats.fields import SEQUENCE_FIELDS, TEXT_FIELDS

_Numbers = npt.NDArray[np.int64]
_Mask = npt.NDArray[np.bool_]
_COLUMNS = ("sequence", "sequence_source", "connection")
# What has more digits may not fit an INT64.
_NUMBER = "^[0-9]{1,18}$"


def sequence_columns(
    texts: npt.NDArray[np.int32], block: npt.NDArray[np.uint8], overflow: npt.NDArray[np.uint8]
) -> dict[str, Column]:
    """Build the columns of the line's number, of who counts and of the connection; null where it is no number.

    A number of its own counts, else that of the request within its connection. Args: see `strings.text_columns`.
    """
    size = len(texts)
    if texts.shape[1] == 2 * len(TEXT_FIELDS):
        return {name: pa.nulls(size, ROWS_SCHEMA.field(name).type) for name in _COLUMNS}
    places = [len(TEXT_FIELDS) + index for index in range(len(SEQUENCE_FIELDS))]
    *numbers, source = text_columns(texts, block, overflow, places)
    (sequence, is_sequence), (request, is_request), (connection, is_connection) = map(_numbers, numbers)
    of_connection = ~is_sequence & is_request & is_connection
    is_numbered = is_sequence | of_connection
    is_named = is_numbered & _mask(pc.match_substring_regex(source, "."), size)
    return {
        "sequence": nullable_array(pa.int64(), np.where(of_connection, request, sequence), is_numbered),
        "sequence_source": source.take(nullable_array(pa.int64(), np.arange(size), is_named)),
        "connection": nullable_array(pa.int64(), connection, of_connection),
    }


def _numbers(texts: Any) -> tuple[_Numbers, _Mask]:
    """Read the texts that are numbers; return which are."""
    is_number = _mask(pc.match_substring_regex(texts, _NUMBER), len(texts))
    lines = np.flatnonzero(is_number)
    numbers = np.zeros(len(texts), np.int64)
    numbers[lines] = number_values(texts.take(int64_array(lines)).cast(pa.int64()), np.int64)
    return numbers, is_number


def _mask(matches: Any, size: int) -> _Mask:
    mask = np.zeros(size, np.bool_)
    mask[number_values(pc.indices_nonzero(matches).cast(pa.int64()), np.int64)] = True
    return mask
