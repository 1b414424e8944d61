"""Draws that are equal on every machine and version of Python.

Of `random.Random` Python promises to keep only seeding and `random()`, so everything is made from these, by arithmetic
that IEEE 754 fixes.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Generic, TypeVar

T = TypeVar("T")


class Draws:
    """A sequence of draws; equal keys give equal sequences."""

    def __init__(self, *key: object) -> None:
        self.random = random.Random("/".join(map(str, key))).random
        """Draw a number from 0 up to 1."""

    def below(self, bound: int) -> int:
        """Draw a whole number from 0 up to `bound`, which it does not reach; bounds are below 2 ** 53."""
        return int(self.random() * bound)

    def between(self, first: int, last: int) -> int:
        """Draw a whole number from `first` to `last`."""
        return first + int(self.random() * (last - first + 1))

    def one_of(self, values: Sequence[T]) -> T:
        """Draw one of the values, all alike."""
        return values[int(self.random() * len(values))]


class Weighted(Generic[T]):
    """Values of which some are drawn more often than others."""

    def __init__(self, *weighted: tuple[int, T]) -> None:
        self.values = tuple(value for _, value in weighted)
        self._up_to = list(accumulate(weight for weight, _ in weighted))

    def draw(self, draws: Draws) -> T:
        """Draw one of the values."""
        return self.values[bisect_right(self._up_to, draws.random() * self._up_to[-1])]
