"""Sums by text, such as requests and bytes by path: exact up to a million texts, of the frequent ones beyond."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from beam_jobs.access_log.arrow.arrays import int64_array
from beam_jobs.access_log.arrow.schema import Column

_PENDING = 1 << 18
_MOST_TEXTS = 1 << 20


class Top(NamedTuple):
    """The texts with the largest sums.

    Attributes:
        rows: Each text and its sum, the largest first.
        distinct: How many texts have a sum above zero.
        is_exact: Whether rare texts were never dropped to save memory; if they were, `distinct` is too low.
    """

    rows: list[tuple[str, float]]
    distinct: int
    is_exact: bool


class ValueTotals:
    """Adds up numbers by text: number 0 is how often the text comes, the others are what the caller adds."""

    def __init__(self) -> None:
        self._texts: list[Column] = []
        self._sums: list[npt.NDArray[np.float64]] = []
        self._pending = 0
        self._is_exact = True

    def add(self, texts: Column, *numbers: npt.NDArray[np.float64]) -> None:
        """Add the texts of a column, which may be a dictionary, each with its numbers; nulls do not count."""
        if texts.null_count:
            valid = bool_values(texts.is_valid())
            texts, numbers = texts.drop_null(), tuple(values[valid] for values in numbers)
        encoded: Any = texts.dictionary_encode()
        places, size = codes(encoded), len(encoded.dictionary)
        sums = np.array([np.bincount(places, weights, size) for weights in (None, *numbers)], np.float64)
        came = np.flatnonzero(sums[0])
        self._put(encoded.dictionary.take(int64_array(came)), sums[:, came])

    def renamed(self, rename: Callable[[Column], Column]) -> ValueTotals:
        """Return the sums by other texts; those that become null are left out, those that become equal added up."""
        self._merge()
        changed = ValueTotals()
        changed._is_exact = self._is_exact
        for texts, sums in zip(self._texts, self._sums, strict=True):
            new: Any = rename(texts)
            changed._put(new.drop_null(), sums[:, bool_values(new.is_valid())])
        return changed

    def joined(self, other: ValueTotals) -> ValueTotals:
        """Return the sums of both."""
        both = ValueTotals()
        both._is_exact = self._is_exact and other._is_exact
        for one in (self, other):
            for texts, sums in zip(one._texts, one._sums, strict=True):
                both._put(texts, sums)
        return both

    def top(self, most: int, number: int = 0) -> Top:
        """Return the texts with the `most` largest sums of a number, of equal ones the first in the alphabet."""
        self._merge()
        if not self._texts:
            return Top([], 0, self._is_exact)
        (texts,), (sums,) = self._texts, self._sums
        amounts = sums[number]
        distinct = int(np.count_nonzero(amounts > 0))
        least = np.partition(amounts, -most)[-most] if len(amounts) > most else 0
        found = np.flatnonzero((amounts >= least) & (amounts > 0))
        pairs: Any = zip(texts.take(int64_array(found)).to_pylist(), amounts[found].tolist(), strict=True)
        return Top(sorted(pairs, key=lambda row: (-row[1], row[0]))[:most], distinct, self._is_exact)

    def _put(self, texts: Any, sums: npt.NDArray[np.float64]) -> None:
        if not len(texts):
            return
        self._texts.append(texts.cast(pa.string()))
        self._sums.append(sums)
        self._pending += len(texts)
        if self._pending > _PENDING:
            self._merge()

    def _merge(self) -> None:
        """Add up what came since the last time, and drop the rarer half of too many texts."""
        if not self._pending:
            return
        self._pending = 0
        encoded: Any = pa.concat_arrays(self._texts).dictionary_encode()
        places, size = codes(encoded), len(encoded.dictionary)
        sums = np.array([np.bincount(places, weights, size) for weights in np.concatenate(self._sums, axis=1)])
        texts = encoded.dictionary
        if size > _MOST_TEXTS:
            kept = np.sort(np.argpartition(sums[0], -_MOST_TEXTS // 2)[-_MOST_TEXTS // 2 :])
            texts, sums = texts.take(int64_array(kept)), sums[:, kept]
            self._is_exact = False
        self._texts, self._sums = [texts], [sums]


def bool_values(column: Any) -> npt.NDArray[np.bool_]:
    """Return the values of a column of booleans; null is false."""
    end = column.offset + len(column)
    set_bits = [
        np.unpackbits(np.frombuffer(bits, np.uint8), count=end, bitorder="little").view(np.bool_)[column.offset :]
        for bits in column.buffers()
        if bits is not None
    ]
    return np.logical_and.reduce(set_bits) if set_bits else np.zeros(0, np.bool_)


def codes(encoded: Any) -> npt.NDArray[np.int32]:
    """Return where in its dictionary each value of a column is; of nulls this means nothing."""
    indices = encoded.indices
    return np.frombuffer(indices.buffers()[1] or b"", np.int32)[indices.offset : indices.offset + len(indices)]
