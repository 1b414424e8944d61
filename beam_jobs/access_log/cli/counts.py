"""Counts of values that may have many: exact up to a million different ones, of the most frequent ones beyond."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from beam_jobs.access_log.arrow.arrays import int64_array, number_values
from beam_jobs.access_log.arrow.schema import Column

_PENDING = 1 << 18
_MOST_VALUES = 1 << 20


class Top(NamedTuple):
    """The most frequent values.

    Attributes:
        rows: Values and their counts, the most frequent first.
        distinct: How many different values there are.
        total: How often all of them came.
        is_exact: Whether rare values were never dropped to save memory; if they were, `distinct` is too low.
    """

    rows: list[tuple[str, int]]
    distinct: int
    total: int
    is_exact: bool


class ValueCounts:
    """Counts how often each text comes."""

    def __init__(self) -> None:
        self._values: list[Column] = []
        self._counts: list[npt.NDArray[np.int64]] = []
        self._pending = 0
        self._total = 0
        self._is_exact = True

    def add(self, texts: Column) -> None:
        """Count the texts of a column, which may be a dictionary; nulls do not count."""
        counted: Any = pc.value_counts(texts.drop_null())
        values, counts = counted.field("values"), number_values(counted.field("counts"), np.int64)
        self._values.append(values.cast(pa.string()))
        self._counts.append(counts)
        self._pending += len(counts)
        self._total += int(counts.sum())
        if self._pending > _PENDING:
            self._merge()

    def top(self, most: int) -> Top:
        """Return the `most` most frequent texts; of equally frequent ones those that come first in the alphabet."""
        self._merge()
        if not self._values:
            return Top([], 0, 0, True)
        (values,), (counts,) = self._values, self._counts
        least = np.partition(counts, -most)[-most] if len(counts) > most else 0
        found = np.flatnonzero(counts >= least)
        pairs: Any = zip(values.take(int64_array(found)).to_pylist(), counts[found].tolist(), strict=True)
        rows = sorted(pairs, key=lambda row: (-row[1], row[0]))[:most]
        return Top(rows, len(counts), self._total, self._is_exact)

    def _merge(self) -> None:
        self._pending = 0
        if len(self._values) > 1:
            encoded: Any = pa.concat_arrays(self._values).dictionary_encode()
            sums = np.bincount(
                np.frombuffer(encoded.indices.buffers()[1], np.int32),
                np.concatenate(self._counts),
                len(encoded.dictionary),
            )
            self._values, self._counts = [encoded.dictionary], [sums.astype(np.int64)]
        if self._values and len(self._counts[0]) > _MOST_VALUES:
            (values,), (counts,) = self._values, self._counts
            kept = np.sort(np.argpartition(counts, -_MOST_VALUES // 2)[-_MOST_VALUES // 2 :])
            self._values, self._counts = [values.take(int64_array(kept))], [counts[kept]]
            self._is_exact = False
