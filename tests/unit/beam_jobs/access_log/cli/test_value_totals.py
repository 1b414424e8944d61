"""Sums by text: nulls, dictionaries, slices, other names, and what is dropped to save memory."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from beam_jobs.access_log.cli import value_totals
from beam_jobs.access_log.cli.value_totals import ValueTotals


def test_texts_of_dictionaries_and_slices_are_added_up() -> None:
    totals = ValueTotals()
    totals.add(pa.array(["b", None, "a", "b"]), np.array([1.0, 2, 3, 4]))
    totals.add(pa.array(["x", "a", "b", None, "a"]).dictionary_encode().slice(1, 3), np.array([5.0, 6, 7]))
    totals.add(pa.array([], pa.string()), np.array([]))
    assert totals.top(10).rows == [("b", 3), ("a", 2)]
    assert totals.top(10, 1).rows == [("b", 11), ("a", 8)]
    assert totals.top(1) == ([("b", 3)], 2, True)


def test_other_names_are_added_up_and_nulls_left_out() -> None:
    totals = ValueTotals()
    totals.add(pa.array(["A", "a", "b", "c"]), np.array([1.0, 2, 3, 4]))
    lower = totals.renamed(lambda texts: pc.utf8_lower(texts))
    assert lower.top(10, 1).rows == [("c", 4), ("a", 3), ("b", 3)]
    assert lower.renamed(lambda texts: pc.if_else(pc.equal(texts, "c"), None, texts)).top(10).distinct == 2
    assert totals.joined(lower).top(1).rows == [("a", 3)]
    assert ValueTotals().joined(ValueTotals()).top(3) == ([], 0, True)


def test_rare_texts_are_dropped_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(value_totals, "_PENDING", 8)
    monkeypatch.setattr(value_totals, "_MOST_TEXTS", 16)
    totals = ValueTotals()
    for number in range(100):
        totals.add(pa.array(["often", "often", f"once {number}"]))
    found = totals.top(1)
    assert (found.rows, found.is_exact) == ([("often", 200)], False)
    assert found.distinct <= 16 + 8
